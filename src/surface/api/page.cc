// The page at "/".
#include "surface/api/api.h"
#include "surface/api/page_files.h"
#include "surface/api/routes.h"

namespace dragonfly {

void answer_page(const ApiParts&, Call call) {
  const std::string name = call.path.has("file") ? call.path.get("file") : std::string("index.html");
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

}  // namespace dragonfly
