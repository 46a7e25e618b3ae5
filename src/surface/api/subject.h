// Inside surface/api: the VM that a path names, what is said of it, and answers that fail.
//
// Units      times as base/core/time.h.
// Ownership  entries belong to the Directory.
// Threading  pure but for the Directory.
// Errors     find_subject: kInvalidArgument (a name), kNotFound, kConflict (several namespaces, listed).
// Limits     names as base/core/names.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/core/json_writer.h"
#include "model/flow/directory.h"
#include "surface/api/api.h"
#include "surface/api/routes.h"

namespace dragonfly {

// By {ns}, {id} and {vm}; without {ns} in whichever namespace has it.
Result<VmEntry*> find_subject(Directory& directory, const PathValues& path);

// The VM's newest dictionary, or an empty one.
std::shared_ptr<const Dictionary> labels_of(Directory& directory, const VmEntry& vm);

enum class VmState : uint8_t { kAlive, kLate, kSilent };
std::string_view to_string(VmState state);
// alive: a frame within the TTL in force; late: within 30 s; silent: since.
VmState state_of(const VmEntry& vm, const PolicySet& policy, MonotonicTime now);
// Whether its agent's key is in use on several machines, as of the last minutes.
bool is_duplicate(const VmEntry& vm, MonotonicTime now);
// When its last frame arrived, by the server's clock; where none did since the start, the time of its newest row.
std::optional<Timestamp> last_seen(const VmEntry& vm, const Clock& clock);

// "now" by the VM's own clock, in which its rows' times are.
Timestamp now_of(const VmEntry& vm, const Clock& clock);

// Its agent's tick; where that is not known, the policy's.
Duration interval_of(const VmEntry& vm, const PolicySet& policy);

// The metric's value among those of its group; answers may have fewer fields than the group.
inline std::optional<double> value_of(const FieldValues& fields, const Metric& metric) {
  return metric.field < fields.size() ? fields[metric.field] : std::nullopt;
}

void answer_json(const Responder& responder, std::string body);
void answer_error(const Responder& responder, const Error& error);

}  // namespace dragonfly
