// GET /api/v1/audit, and what makes entries.
#include "base/obs/log.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {

void note_change(const ApiParts& parts, const Call& call, std::string_view what, std::string before,
                 std::string after) {
  const std::string& name = call.principal.name;
  const auto added = parts.audit.add({parts.clock.wall(), name.empty() ? "-" : name, call.request.remote,
                                      std::string(what), std::move(before), std::move(after)});
  if (!added) log_error("audit", "'{}' by '{}' is not in the audit log: {}", what, name, added.error().message);
}

void answer_audit(const ApiParts& parts, Call call) {
  static constexpr size_t kEntriesMax = 1000;
  if (const auto known = only_parameters(call.request, "limit"); !known)
    return answer_error(call.responder, known.error());
  const auto limit = count_parameter(call.request, "limit", 100, kEntriesMax);
  if (!limit) return answer_error(call.responder, limit.error());
  const auto entries = parts.audit.newest(*limit);
  if (!entries) return answer_error(call.responder, entries.error());
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("entries").begin_array();
  for (const AuditEntry& entry : *entries) {
    out.begin_object().field("time", std::string_view(format_rfc3339(entry.time)));
    out.field("who", std::string_view(entry.who)).field("from", std::string_view(entry.from));
    out.field("what", std::string_view(entry.what)).field("before", std::string_view(entry.before));
    out.field("after", std::string_view(entry.after)).end_object();
  }
  out.end_array().end_object();
  answer_json(call.responder, std::move(text));
}

}  // namespace dragonfly
