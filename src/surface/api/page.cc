// The pages at "/" and "/api", and the document of the API.
#include "surface/api/api.h"
#include "surface/api/openapi_json.h"
#include "surface/api/page_files.h"
#include "surface/api/routes.h"

namespace dragonfly {

namespace {

void answer_file(const Call& call, std::string_view name) {
  for (const PageFile& file : page_files()) {
    if (file.name != name) continue;
    HttpResponse response;
    response.content_type = file.content_type;
    response.headers.emplace_back("Cache-Control", "no-cache");
    response.body = file.text;
    return call.responder.answer(std::move(response));
  }
  call.responder.answer(error_response(404, "no such file"));
}

}  // namespace

void answer_page(const ApiParts&, Call call) {
  answer_file(call, call.path.has("file") ? call.path.get("file") : std::string("index.html"));
}

void answer_api_page(const ApiParts&, Call call) { answer_file(call, "api.html"); }

void answer_openapi(const ApiParts&, Call call) {
  if (call.path.get("file") == "openapi.yaml") return answer_file(call, "openapi.yaml");
  HttpResponse response;
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.body = openapi_json();
  call.responder.answer(std::move(response));
}

}  // namespace dragonfly
