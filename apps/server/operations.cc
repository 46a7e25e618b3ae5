#include "operations.h"

#include <map>

#include "base/core/json_writer.h"

namespace dragonfly {

HttpResponse Operations::health() const {
  HttpResponse response;
  JsonWriter json(response.body);
  bool well = true;
  json.begin_object().key("modules").begin_array();
  const auto module = [&](std::string_view name, const std::string& trouble) {
    well = well && trouble.empty();
    json.begin_object().field("module", name).field("state", trouble.empty() ? "ok" : "degraded");
    if (!trouble.empty()) json.field("message", trouble);
    json.end_object();
  };
  module("log", log_.refusing.value() != 0 ? "the log cannot be written: is the disk full?" : "");
  const auto damage = store_.damage();
  module("store", !store_.background_error().empty() ? store_.background_error() : damage.empty() ? "" : damage.back());
  json.end_array().field("status", well ? "ok" : "degraded").end_object();
  response.status = well ? 200 : 503;
  return response;
}

void Operations::write(HttpRequest request, const Responder& responder) {
  using Precision = RowDoor::Precision;
  static const std::map<std::string, Precision, std::less<>> kPrecisions = {
      {"", Precision::kNanoseconds},  {"n", Precision::kNanoseconds}, {"ns", Precision::kNanoseconds},
      {"u", Precision::kMicroseconds}, {"µ", Precision::kMicroseconds}, {"ms", Precision::kMilliseconds},
      {"s", Precision::kSeconds},     {"m", Precision::kMinutes},     {"h", Precision::kHours}};
  const std::string* precision = request.parameter("precision");
  const auto known = kPrecisions.find(precision == nullptr ? "" : *precision);
  if (known == kPrecisions.end()) {
    return responder.answer(error_response(400, "precision must be one of n, ns, u, ms, s, m, h"));
  }
  const std::string* db = request.parameter("db");
  door_.write_lines(std::move(request.body), known->second, db == nullptr ? "" : *db, [responder](Result<WriteOutcome> outcome) {
    if (!outcome) return responder.answer(error_response(http_status(outcome.error().code), outcome.error().message));
    HttpResponse response;
    response.status = outcome->lines_wrong == 0 ? 204 : 400;
    if (outcome->lines_wrong > 0) {
      const std::string text = "partial write: " + outcome->errors;
      JsonWriter(response.body).begin_object().field("error", text).field("message", text).end_object();
    }
    responder.answer(std::move(response));
  });
}

void Operations::handle(HttpRequest request, Responder responder) {
  std::string path;
  for (const auto& segment : request.path) path += "/" + segment;
  const bool is_write = path == "/write";
  const bool is_read = path == "/healthcheck" || path == "/dragonfly/healthcheck" || path == "/health" || path == "/metrics";
  if (!is_write && !is_read) {
    return responder.answer(error_response(404, "no such path; there are /healthcheck, /health, /metrics and POST /write"));
  }
  const std::string_view allowed = is_write ? "POST" : "GET";
  if (request.method != allowed) {
    HttpResponse response = error_response(405, fmt::format("{} takes {} only", path, allowed));
    response.headers.emplace_back("Allow", allowed);
    return responder.answer(std::move(response));
  }
  if (is_write) return write(std::move(request), responder);
  if (path == "/health") return responder.answer(health());
  HttpResponse response;
  if (path == "/metrics") {
    response.content_type = "text/plain; version=0.0.4";
    response.body = metrics_.render();
  } else {
    response.status = 204;
  }
  responder.answer(std::move(response));
}

}  // namespace dragonfly
