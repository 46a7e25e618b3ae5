#include "surface/api/subject.h"

#include <algorithm>

#include "base/core/names.h"

namespace dragonfly {

Result<VmEntry*> find_subject(Directory& directory, const PathValues& path) {
  const std::string& group = path.get("id");
  const std::string& vm = path.get("vm");
  DF_TRY(check_name("mcis", group));
  DF_TRY(check_name("vm", vm));
  if (path.has("ns")) {
    const std::string& ns = path.get("ns");
    DF_TRY(check_name("ns", ns));
    VmEntry* const found = directory.find_vm(VmIdentity{ns, group, vm});
    if (found != nullptr) return found;
    return fail(ErrorCode::kNotFound, "vm '{}' in mcis '{}' of namespace '{}' is not known", vm, group, ns);
  }
  const auto found = directory.find_in_any_namespace(group, vm);
  if (found.empty()) return fail(ErrorCode::kNotFound, "vm '{}' in mcis '{}' is not known in any namespace", vm, group);
  if (found.size() == 1) return found.front();
  std::string namespaces;
  for (const VmEntry* entry : found) namespaces += (namespaces.empty() ? "" : ", ") + entry->identity.ns;
  return fail(ErrorCode::kConflict,
              "vm '{}' in mcis '{}' is in several namespaces: {}; ask /dragonfly/ns/{{ns}}/mcis/…", vm, group,
              namespaces);
}

std::shared_ptr<const Dictionary> labels_of(Directory& directory, const VmEntry& vm) {
  static const auto kNone = std::make_shared<const Dictionary>();
  const DictionaryId id = vm.dictionary_id.load(std::memory_order_relaxed);
  if (id == 0) return kNone;
  const auto found = directory.find_dictionary(id);
  if (!found) return kNone;
  return found;
}

std::string_view to_string(VmState state) {
  switch (state) {
    case VmState::kAlive: return "alive";
    case VmState::kLate: return "late";
    case VmState::kSilent: return "silent";
  }
  return "silent";
}

Duration interval_of(const VmEntry& vm, const PolicySet& policy) {
  const uint32_t interval_ms = vm.interval_ms.load(std::memory_order_relaxed);
  return interval_ms == 0 ? policy.of(vm.identity.ns).agent_interval : Duration(std::chrono::milliseconds(interval_ms));
}

VmState state_of(const VmEntry& vm, const PolicySet& policy, MonotonicTime now) {
  static constexpr Duration kSilentAfter = 30s;
  const int64_t arrival = vm.last_arrival_ns.load(std::memory_order_relaxed);
  if (arrival == 0) return VmState::kSilent;
  const Duration ttl = policy.of(vm.identity.ns).effective_agent_ttl(interval_of(vm, policy));
  const Duration age = now - MonotonicTime(Duration(arrival));
  if (age <= ttl) return VmState::kAlive;
  return age <= kSilentAfter ? VmState::kLate : VmState::kSilent;
}

std::optional<Timestamp> last_seen(const VmEntry& vm, const Clock& clock) {
  const int64_t arrival = vm.last_arrival_ns.load(std::memory_order_relaxed);
  if (arrival != 0) {
    const Timestamp seen = clock.wall() - (clock.monotonic() - MonotonicTime(Duration(arrival)));
    return std::chrono::floor<std::chrono::milliseconds>(seen);
  }
  const int64_t row = vm.last_row_ns.load(std::memory_order_relaxed);
  if (row == 0) return std::nullopt;
  return from_unix_ns(row - vm.clock_offset_ns.load(std::memory_order_relaxed));
}

Timestamp now_of(const VmEntry& vm, const Clock& clock) {
  return clock.wall() + Duration(vm.clock_offset_ns.load(std::memory_order_relaxed));
}

void answer_json(const Responder& responder, std::string body) {
  HttpResponse response;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(body);
  responder.answer(std::move(response));
}

void answer_error(const Responder& responder, const Error& error) {
  HttpResponse response = error_response(http_status(error.code), error.message);
  if (error.code == ErrorCode::kUnavailable) response.headers.emplace_back("Retry-After", "1");
  responder.answer(std::move(response));
}

}  // namespace dragonfly
