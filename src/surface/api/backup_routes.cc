// GET, POST /api/v1/backup.
#include "surface/api/api.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

std::string_view to_string(BackupStatus::State state) {
  switch (state) {
    case BackupStatus::State::kNone: return "none";
    case BackupStatus::State::kRunning: return "running";
    case BackupStatus::State::kDone: return "done";
    case BackupStatus::State::kFailed: return "failed";
  }
  return "none";
}

void write_status(JsonWriter& json, const BackupStatus& status) {
  json.begin_object().field("state", to_string(status.state)).field("name", std::string_view(status.name));
  json.field("directory", std::string_view(status.directory));
  json.field("bytes_done", status.bytes_done).field("bytes_total", status.bytes_total);
  json.field("message", std::string_view(status.message));
}

bool there_are_none(const ApiParts& parts, const Call& call) {
  if (parts.backups == nullptr) call.responder.answer(error_response(501, "this server makes no backups"));
  return parts.backups == nullptr;
}

}  // namespace

void answer_backup(const ApiParts& parts, Call call) {
  if (there_are_none(parts, call)) return;
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  const auto names = parts.backups->names();
  if (!names) return answer_error(call.responder, names.error());
  std::string out;
  JsonWriter json(out);
  write_status(json, parts.backups->status());
  json.key("backups").begin_array();
  for (const std::string& name : *names) json.value(std::string_view(name));
  json.end_array().end_object();
  answer_json(call.responder, std::move(out));
}

void answer_start_backup(const ApiParts& parts, Call call) {
  if (there_are_none(parts, call)) return;
  if (const auto known = only_parameters(call.request, "name"); !known)
    return answer_error(call.responder, known.error());
  const auto started = parts.backups->start(text_parameter(call.request, "name"));
  if (!started) return answer_error(call.responder, started.error());
  HttpResponse response;
  response.status = 202;
  JsonWriter json(response.body);
  write_status(json, *started);
  json.end_object();
  note_change(parts, call, "backup", "", response.body);
  call.responder.answer(std::move(response));
}

}  // namespace dragonfly
