#include "server_health.h"

namespace dragonfly {
namespace {

constexpr Duration kSilentAfter = 30s;
constexpr Duration kDuplicateShown = 10min;  // After the machines took turns last.
constexpr size_t kDuplicatesTextMax = 500;
constexpr Duration kLagMax = 5s;  // A hundred steps of the manager.

ModuleHealth state_of(std::string module, std::string trouble) {
  const auto state = trouble.empty() ? ModuleHealth::State::kOk : ModuleHealth::State::kDegraded;
  return {std::move(module), state, std::move(trouble)};
}

}  // namespace

std::vector<ModuleHealth> ServerHealth::health() const {
  std::vector<ModuleHealth> all;
  all.push_back(state_of("receiver", overload_.trouble()));
  ModuleHealth log = state_of("log", "");
  if (log_.refusing.value() != 0)
    log = {"log", ModuleHealth::State::kDown, "it cannot be written (is the disk full?): rows are refused"};
  all.push_back(std::move(log));
  const auto damage = store_.damage();
  const std::string error = store_.background_error();
  all.push_back(state_of("store", !error.empty() ? error : damage.empty() ? "" : damage.back()));
  all.push_back(collectors());
  all.push_back(state_of("disk", figures_.warning()));
  all.push_back(agents());
  if (!file_damage_.empty()) all.push_back(state_of("files", file_damage_.back()));
  if (!openness_.empty()) all.push_back(state_of("access", openness_));
  return all;
}

ModuleHealth ServerHealth::collectors() const {
  const Duration lag = collectors_.lag();
  if (lag > kLagMax) return state_of("collectors", fmt::format("the manager has not run for {:.0f} s", seconds(lag)));
  size_t vms = 0;
  const auto views = collectors_.list();
  for (const CollectorView& view : views) vms += view.vms.size();
  return {"collectors", ModuleHealth::State::kOk,
          fmt::format("{} collector{}, {} VM{}", views.size(), views.size() == 1 ? "" : "s", vms, vms == 1 ? "" : "s")};
}

ModuleHealth ServerHealth::agents() const {
  const int64_t now = clock_.monotonic().time_since_epoch().count();
  size_t reporting = 0;
  size_t silent = 0;
  std::string duplicates;
  size_t more = 0;
  for (const VmEntry* vm : directory_.vms()) {
    if (const int64_t at = vm->duplicate_ns; at != 0 && now - at <= Duration(kDuplicateShown).count()) {
      const VmIdentity& id = vm->identity;
      if (duplicates.size() < kDuplicatesTextMax) {
        duplicates += fmt::format("{}{}/{}/{}", duplicates.empty() ? "" : ", ", id.ns, id.mcis, id.vm);
      } else {
        ++more;
      }
    }
    const int64_t last = vm->last_arrival_ns;
    ++(last != 0 && now - last <= kSilentAfter.count() ? reporting : silent);
  }
  std::string told = fmt::format("{} VMs report, {} are silent", reporting, silent);
  if (duplicates.empty()) return {"agents", ModuleHealth::State::kOk, std::move(told)};
  return state_of("agents", fmt::format("{}; duplicate identity: the key of {}{} is in use on several machines", told,
                                        duplicates, more == 0 ? "" : fmt::format(" and {} more", more)));
}

}  // namespace dragonfly
