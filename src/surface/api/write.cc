// POST /write: Influx line protocol, as InfluxDB 1.x takes it.
#include <optional>

#include "base/core/names.h"
#include "surface/api/api.h"
#include "surface/api/import_ndjson.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

// Clients of InfluxDB read "error", ours read "message".
HttpResponse write_error(int status, std::string_view text) {
  HttpResponse response;
  response.status = status;
  JsonWriter(response.body).begin_object().field("error", text).field("message", text).end_object();
  if (status == 503 || status == 507) response.headers.emplace_back("Retry-After", "1");
  return response;
}

std::optional<RowDoor::Precision> precision_of(std::string_view text) {
  if (text.empty() || text == "n" || text == "ns") return RowDoor::Precision::kNanoseconds;
  if (text == "u" || text == "us" || text == "µ") return RowDoor::Precision::kMicroseconds;
  if (text == "ms") return RowDoor::Precision::kMilliseconds;
  if (text == "s") return RowDoor::Precision::kSeconds;
  if (text == "m") return RowDoor::Precision::kMinutes;
  if (text == "h") return RowDoor::Precision::kHours;
  return std::nullopt;
}

HttpResponse response_of(const Result<WriteOutcome>& outcome) {
  if (!outcome) return write_error(http_status(outcome.error().code), outcome.error().message);
  if (outcome->lines_wrong == 0) {
    HttpResponse response;
    response.status = 204;
    return response;
  }
  return write_error(400, fmt::format("partial write: {} lines refused, {} rows stored\n{}", outcome->lines_wrong,
                                      outcome->rows_stored, outcome->errors));
}

}  // namespace

void answer_write(const ApiParts& parts, Call call) {
  const std::string text = text_parameter(call.request, "precision");
  const auto precision = precision_of(text);
  if (!precision) {
    call.responder.answer(write_error(
        400,
        fmt::format("parameter 'precision' is '{}'; allowed are ns (n), us (u), ms, s, m, h", text.substr(0, 100))));
    return;
  }
  std::string db = text_parameter(call.request, "db");
  if (const auto checked = check_name("db", db); !db.empty() && !checked) {
    call.responder.answer(write_error(400, checked.error().message));
    return;
  }
  const auto exact = word_parameter(call.request, "exact", "true|false", "false");
  if (!exact) return call.responder.answer(write_error(400, exact.error().message));
  if (call.request.header("content-type").starts_with("application/x-ndjson")) {
    if (*exact != "true") {
      return call.responder.answer(write_error(415, "NDJSON is taken with exact=true only, as an export writes it"));
    }
    auto lines = lines_of_ndjson(call.request.body);
    if (!lines) return call.responder.answer(write_error(400, lines.error().message + "; nothing is stored"));
    call.request.body = std::move(*lines);
  }
  // The answer is a few kB at most: it may be made on the thread where the rows became durable.
  parts.door.write_lines(
      {std::move(call.request.body), *precision, std::move(db), *exact == "true", {}},
      [responder = call.responder](Result<WriteOutcome> outcome) { responder.answer(response_of(outcome)); });
}

}  // namespace dragonfly
