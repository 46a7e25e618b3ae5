#include "surface/cli/listing_commands.h"

#include <boost/json.hpp>

#include "surface/cli/asking.h"
#include "surface/cli/table.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

// The member as text, whatever it is; empty where it is not there.
std::string shown(const json::value& object, std::string_view name) {
  const json::value* found = object.is_object() ? object.get_object().if_contains({name.data(), name.size()}) : nullptr;
  return found == nullptr ? std::string() : text_of(*found);
}

// One row for each object of `rows`: the members that are named, under titles in upper case.
int show_rows(CliSession& session, const json::value& answer, const json::array* rows,
              const std::vector<std::string_view>& members) {
  if (session.output == OutputForm::kJson) {
    session.out += json::serialize(answer) + "\n";
    return kExitDone;
  }
  std::vector<Table::Column> columns;
  for (const std::string_view member : members) {
    Table::Column& column = columns.emplace_back();
    for (const char c : member) column.title.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  Table table(std::move(columns));
  for (size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
    std::vector<std::string> cells;
    for (const std::string_view member : members) cells.push_back(shown((*rows)[i], member));
    table.add(std::move(cells));
  }
  show(session, table);
  return kExitDone;
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
  if (answer) session.errors += printable(fmt::format("version {} is in force again, as a new one\n", version));
  return code;
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

}  // namespace dragonfly
