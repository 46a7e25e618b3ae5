// cbmon collector …
#include <boost/json.hpp>

#include "surface/cli/asking.h"
#include "surface/cli/commands.h"
#include "surface/cli/table.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

double number(const json::value& object, std::string_view name) {
  const json::value* found = object.is_object() ? object.get_object().if_contains({name.data(), name.size()}) : nullptr;
  return found != nullptr && found->is_number() ? found->to_number<double>() : 0;
}

Table table_of(const json::array& collectors) {
  Table table({{"ID", Table::Align::kRight},
               {"STATE"},
               {"STARTED BY"},
               {"POLICY"},
               {"KEY"},
               {"VMS", Table::Align::kRight},
               {"ROWS", Table::Align::kRight},
               {"AGGREGATE ms", Table::Align::kRight}});
  for (const json::value& one : collectors) {
    table.add({fmt::format("{:.0f}", number(one, "id")), member(one, "state"), member(one, "started_by"),
               member(one, "policy"), member(one, "key"), fmt::format("{:.0f}", number(one, "vms")),
               fmt::format("{:.0f}", number(one, "rows_total")),
               fmt::format("{:.2f}", number(one, "aggregate_time_ms"))});
  }
  return table;
}

// What its VMs did in the interval before its last aggregation.
Table window_table(const json::array& metrics) {
  Table table({{"METRIC"},
               {"AVG", Table::Align::kRight},
               {"MIN", Table::Align::kRight},
               {"MAX", Table::Align::kRight},
               {"LAST", Table::Align::kRight},
               {"VMS", Table::Align::kRight}});
  for (const json::value& metric : metrics) {
    const auto value = [&](std::string_view name) { return fmt::format("{:.2f}", number(metric, name)); };
    table.add({member(metric, "group") + "." + member(metric, "metric"), value("avg"), value("min"), value("max"),
               value("last"), fmt::format("{:.0f}", number(metric, "vms"))});
  }
  return table;
}

int show_one(CliSession& session, const std::optional<json::value>& answer, int code) {
  if (!answer) return code;
  if (session.output == OutputForm::kJson) {
    session.out += json_text(*answer) + "\n";
    return kExitDone;
  }
  show(session, table_of({*answer}));
  const json::array* vms = array_member(*answer, "vm_ids");
  if (vms == nullptr || session.output != OutputForm::kTable) return kExitDone;
  for (const json::value& vm : *vms) session.out += "  " + printable(text_of(vm)) + "\n";
  const json::value* window = answer->is_object() ? answer->get_object().if_contains("window") : nullptr;
  const json::array* metrics = window == nullptr ? nullptr : array_member(*window, "metrics");
  if (metrics != nullptr && !metrics->empty()) show(session, window_table(*metrics));
  return kExitDone;
}

}  // namespace

int list_collectors(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "/api/v1/collectors", code);
  if (!answer) return code;
  if (session.output == OutputForm::kJson) {
    session.out += json_text(*answer) + "\n";
    return kExitDone;
  }
  const json::array* collectors = array_member(*answer, "collectors");
  show(session, table_of(collectors == nullptr ? json::array() : *collectors));
  return kExitDone;
}

int get_collector(CliSession& session, const std::string& id) {
  int code = kExitDone;
  const auto answer = ask(session, "/api/v1/collectors/" + url_encoded(id), code);
  return show_one(session, answer, code);
}

int start_collector(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "POST", "/api/v1/collectors", {}, code);
  return show_one(session, answer, code);
}

int stop_collector(CliSession& session, const std::string& id) {
  int code = kExitDone;
  const auto answer = ask(session, "DELETE", "/api/v1/collectors/" + url_encoded(id), {}, code);
  return show_one(session, answer, code);
}

}  // namespace dragonfly
