#include "surface/cli/finding.h"

#include "surface/cli/asking.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

// "?ns=a&mcis=b" of what was said.
std::string query_of(const VmName& said, std::string_view more) {
  std::string query(more);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, url_encoded(value));
  };
  add("ns", said.ns);
  add("mcis", said.mcis);
  add("vm", said.vm);
  return query.empty() ? query : "?" + query;
}

std::string asked_text(const VmName& said) {
  return fmt::format("{}{}{}{}{}", said.ns, said.ns.empty() ? "" : "/", said.mcis,
                     said.mcis.empty() || said.vm.empty() ? "" : "/", said.vm);
}

}  // namespace

std::optional<VmName> find_vm(CliSession& session, const VmName& said, int& code) {
  const auto answer = ask(session, "/api/v1/vms" + query_of(said, "latest=false"), code);
  if (!answer) return std::nullopt;
  const json::array* vms = array_member(*answer, "vms");
  if (vms != nullptr && vms->size() == 1) {
    const json::value& only = vms->front();
    return VmName{member(only, "ns"), member(only, "mcis"), member(only, "vm")};
  }
  if (vms == nullptr || vms->empty()) {
    const std::string asked = asked_text(said);
    code = refuse(session, kExitRefused,
                  asked.empty() ? "no VM has reported yet; start cb-agent on one"
                                : fmt::format("no VM '{}' is known; `cbmon agent list` shows those that are", asked));
    return std::nullopt;
  }
  std::string names;
  for (const json::value& vm : *vms) {
    names += "\n  " + printable(fmt::format("--ns {} --mcis {} --vm {}", member(vm, "ns"), member(vm, "mcis"),
                                            member(vm, "vm")));
  }
  code = refuse(session, kExitUsage, "several VMs are meant; say which:" + names);
  return std::nullopt;
}

std::optional<VmName> find_mcis(CliSession& session, const VmName& said, int& code) {
  const auto answer = ask(session, "/api/v1/mcis" + query_of({said.ns, said.mcis, {}}, "limit=100"), code);
  if (!answer) return std::nullopt;
  const json::array* groups = array_member(*answer, "mcis");
  if (groups != nullptr && groups->size() == 1)
    return VmName{member(groups->front(), "ns"), member(groups->front(), "mcis"), {}};
  if (groups == nullptr || groups->empty()) {
    const std::string asked = asked_text({said.ns, said.mcis, {}});
    code = refuse(session, kExitRefused,
                  asked.empty() ? "no VM has reported yet; start cb-agent on one"
                                : fmt::format("no MCIS '{}' is known; `cbmon mcis list` shows those that are", asked));
    return std::nullopt;
  }
  std::string names;
  for (const json::value& group : *groups)
    names += "\n  " + printable(fmt::format("--ns {} --mcis {}", member(group, "ns"), member(group, "mcis")));
  code = refuse(session, kExitUsage, "several MCISs are meant; say which:" + names);
  return std::nullopt;
}

std::optional<WantedMetrics> find_wanted(CliSession& session, const std::vector<std::string>& names, int& code) {
  WantedMetrics wanted;
  const auto add_group = [&](GroupId group) {
    for (const Metric& metric : metrics_of(group)) wanted[group].push_back(&metric);
  };
  if (names.empty()) {
    for (const GroupId group : kCatalogueGroups) add_group(group);
  }
  for (const std::string& name : names) {
    if (const auto group = find_group(name)) {
      add_group(*group);
    } else if (const Metric* metric = find_metric(name)) {
      wanted[metric->group].push_back(metric);
    } else {
      code = refuse(session, kExitUsage,
                    fmt::format("'{}' is neither a group (cpu, memory, disk, network, cpufreq) nor a metric; "
                                "`cbmon metric list` shows them",
                                name));
      return std::nullopt;
    }
  }
  return wanted;
}

}  // namespace dragonfly
