#include "surface/cli/listing_commands.h"

#include <boost/json.hpp>

#include "surface/cli/asking.h"
#include "surface/cli/finding.h"
#include "surface/cli/table.h"

namespace dragonfly {
namespace json = boost::json;

namespace {

std::string metadata_path(const VmName& vm) {
  return fmt::format("/dragonfly/agent/metadata?ns={}&service_id={}&vm_id={}", url_encoded(vm.ns), url_encoded(vm.mcis),
                     url_encoded(vm.vm));
}

}  // namespace

int show_health(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "/health", code);
  if (!answer) return code;
  return show_rows(session, *answer, array_member(*answer, "modules"), {"module", "state", "message"});
}

int show_config_history(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "/dragonfly/config/history", code);
  if (!answer) return code;
  return show_rows(session, *answer, array_member(*answer, "history"), {"version", "time", "who", "changed"});
}

int roll_back_config(CliSession& session, const std::string& version) {
  int code = kExitDone;
  const auto answer = ask(session, "PUT", "/dragonfly/config/rollback?version=" + url_encoded(version), {}, code);
  return answer ? show_done(session, *answer, fmt::format("version {} is in force again, as a new one", version))
                : code;
}

int list_mcis(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "/api/v1/mcis?limit=1000", code);
  if (!answer) return code;
  return show_rows(session, *answer, array_member(*answer, "mcis"), {"ns", "mcis", "vms", "alive", "late", "silent"});
}

int list_agents(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "/dragonfly/agents/metadata", code);
  if (!answer) return code;
  json::array agents;
  if (answer->is_object()) {
    for (const auto& item : answer->get_object()) agents.push_back(item.value());
  }
  return show_rows(session, *answer, &agents, {"ns_id", "mcis_id", "vm_id", "csp_type", "agent_type", "agent_health"});
}

int get_mcis(CliSession& session, const VmName& name) {
  int code = kExitDone;
  const auto mcis = find_mcis(session, name, code);
  if (!mcis) return code;
  const auto answer = ask(
      session,
      fmt::format("/api/v1/vms?ns={}&mcis={}&limit=1000&latest=true", url_encoded(mcis->ns), url_encoded(mcis->mcis)),
      code);
  if (!answer) return code;
  const json::array* vms = array_member(*answer, "vms");
  if (session.output == OutputForm::kJson) return show_rows(session, *answer, vms, {});
  Table table({{"VM"},
               {"STATE"},
               {"CSP"},
               {"REGION"},
               {"CPU %", Table::Align::kRight},
               {"MEM %", Table::Align::kRight},
               {"DISK %", Table::Align::kRight},
               {"LAST_SEEN"}});
  for (size_t i = 0; vms != nullptr && i < vms->size(); ++i) {
    const json::value& vm = (*vms)[i];
    const json::value* latest = vm.is_object() ? vm.get_object().if_contains("latest") : nullptr;
    const auto percent = [&](std::string_view metric) {
      const auto value = latest == nullptr ? std::nullopt : number_member(*latest, metric);
      return value ? fmt::format("{:.1f}", *value) : std::string("–");
    };
    table.add({member(vm, "vm"), member(vm, "state"), member(vm, "csp"), member(vm, "region"),
               percent("cpu_utilization"), percent("mem_utilization"), percent("disk_utilization"),
               member(vm, "last_seen")});
  }
  if (session.output == OutputForm::kTable)
    session.out += printable(fmt::format("{} / {}", mcis->ns, mcis->mcis)) + "\n";
  show(session, table);
  if (!member(*answer, "next").empty())
    session.errors += "only the first 1000 VMs are shown; --output json has the cursor\n";
  return kExitDone;
}

int get_agent(CliSession& session, const VmName& name) {
  int code = kExitDone;
  const auto vm = find_vm(session, name, code);
  if (!vm) return code;
  const auto answer = ask(session, metadata_path(*vm), code);
  return answer ? show_members(session, *answer) : code;
}

int set_agent(CliSession& session, const VmName& name, const std::vector<std::string>& changes) {
  int code = kExitDone;
  const auto body = read_changes(session, changes, "agent_state=disable or public_ip=192.0.2.7", code);
  if (!body) return code;
  const auto vm = find_vm(session, name, code);
  if (!vm) return code;
  const auto answer = ask(session, "PUT", metadata_path(*vm), json::serialize(*body), code);
  return answer ? show_members(session, *answer) : code;
}

int forget_agent(CliSession& session, const VmName& name) {
  int code = kExitDone;
  const auto vm = find_vm(session, name, code);
  if (!vm) return code;
  const auto answer = ask(session, "DELETE", metadata_path(*vm), {}, code);
  return answer ? show_done(session, *answer, member(*answer, "message")) : code;
}

}  // namespace dragonfly
