#include "surface/cli/commands.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/core/json_writer.h"
#include "model/catalogue/catalogue.h"
#include "surface/cli/asking.h"
#include "surface/cli/finding.h"
#include "surface/cli/reading.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

std::string query_path(const VmName& vm, const MetricGetOptions& options, const std::vector<const Metric*>& metrics) {
  std::string names;
  for (const Metric* metric : metrics) names += fmt::format("{}{}", names.empty() ? "" : ",", metric->name);
  return fmt::format("/api/v1/query?metric={}&ns={}&mcis={}&vm={}&start={}&step={}&statistic={}", names,
                     url_encoded(vm.ns), url_encoded(vm.mcis), url_encoded(vm.vm), url_encoded("-" + options.last),
                     url_encoded(options.step), url_encoded(options.statistic));
}

struct Course {
  const Metric* metric;
  std::vector<std::optional<double>> values;
};

// The columns of the answer's one series.
std::vector<Course> courses_of(const json::value& answer, const std::vector<const Metric*>& metrics) {
  std::vector<Course> courses;
  for (const Metric* metric : metrics) courses.push_back({metric, {}});
  const json::array* series = array_member(answer, "series");
  if (series == nullptr || series->empty()) return courses;
  const json::array* columns = array_member(series->front(), "columns");
  const json::array* rows = array_member(series->front(), "values");
  if (columns == nullptr || rows == nullptr) return courses;
  for (Course& course : courses) {
    const auto at =
        std::ranges::find_if(*columns, [&](const json::value& c) { return text_of(c) == course.metric->name; });
    const auto index = static_cast<size_t>(at - columns->begin());
    for (const json::value& row : *rows) {
      const bool has = row.is_array() && index < row.get_array().size() && row.get_array()[index].is_number();
      course.values.push_back(has ? std::optional(row.get_array()[index].to_number<double>()) : std::nullopt);
    }
  }
  return courses;
}

void add_to_table(Table& table, const Course& course, OutputForm form) {
  std::optional<double> newest;
  for (const auto& value : course.values) newest = value ? value : newest;
  const std::string unit = answer_unit(course.metric);
  const std::string name(course.metric->name);
  if (form == OutputForm::kCsv) {
    table.add({name, newest ? fmt::format("{}", *newest) : "", unit});
  } else if (newest) {
    const Reading reading = readable(*newest, unit);
    table.add({name, reading.value, reading.unit, sparkline(course.values)});
  } else {
    table.add({name, "–", unit, ""});
  }
}

}  // namespace

int show_version(CliSession& session, std::string_view version) {
  if (session.output != OutputForm::kTable)
    return show_members(session, json::object{{"version", std::string(version)}});
  session.out += fmt::format("cbmon {}\n", version);
  return kExitDone;
}

int list_metrics(CliSession& session) {
  if (session.output == OutputForm::kJson) {
    JsonWriter out(session.out);
    out.begin_array();
    for (const Metric& metric : catalogue()) {
      out.begin_object().field("name", metric.name).field("group", group_name(metric.group)).field("unit", metric.unit);
      out.field("kind", metric.kind == MetricKind::kCounter ? "counter" : "gauge")
          .field("meaning", metric.meaning)
          .end_object();
    }
    out.end_array();
    session.out += "\n";
    return kExitDone;
  }
  Table table({{"NAME"}, {"GROUP"}, {"UNIT"}, {"KIND"}, {"MEANING"}});
  for (const Metric& metric : catalogue()) {
    table.add({std::string(metric.name), std::string(group_name(metric.group)), std::string(metric.unit),
               metric.kind == MetricKind::kCounter ? "counter" : "gauge", std::string(metric.meaning)});
  }
  show(session, table);
  return kExitDone;
}

int get_metrics(CliSession& session, const MetricGetOptions& options) {
  int code = kExitDone;
  const auto wanted = find_wanted(session, options.names, code);
  if (!wanted) return code;
  if (options.group) return get_group_metrics(session, options, *wanted);
  const auto vm = find_vm(session, {options.ns, options.mcis, options.vm}, code);
  if (!vm) return code;
  if (options.on_demand) return get_metrics_now(session, *vm, *wanted);
  Table table = session.output == OutputForm::kCsv
                    ? Table({{"METRIC"}, {"VALUE", Table::Align::kRight}, {"UNIT"}})
                    : Table({{"METRIC"}, {"VALUE", Table::Align::kRight}, {"UNIT"}, {"LAST " + options.last}});
  json::array series;
  for (const auto& [group, metrics] : *wanted) {
    const auto answer = ask(session, query_path(*vm, options, metrics), code);
    if (!answer) return code;
    if (session.output == OutputForm::kJson) {
      if (const json::array* found = array_member(*answer, "series"))
        series.insert(series.end(), found->begin(), found->end());
      continue;
    }
    for (const Course& course : courses_of(*answer, metrics)) add_to_table(table, course, session.output);
  }
  if (session.output == OutputForm::kJson) {
    session.out += json_text(json::object{{"series", std::move(series)}}) + "\n";
    return kExitDone;
  }
  if (session.output == OutputForm::kTable)
    session.out += printable(fmt::format("{} / {} / {}", vm->ns, vm->mcis, vm->vm)) + "\n";
  show(session, table);
  return kExitDone;
}

namespace {

std::string query_of(const std::string& ns) { return ns.empty() ? ns : "?ns=" + url_encoded(ns); }

// The policy as GET /dragonfly/config answers it.
int show_config(CliSession& session, const json::value& answer) {
  if (!answer.is_object()) return refuse(session, kExitRefused, "the server's configuration is not an object");
  if (session.output == OutputForm::kJson) {
    session.out += json_text(answer) + "\n";
    return kExitDone;
  }
  Table table({{"KEY"}, {"VALUE"}});
  for (const auto& [name, value] : answer.get_object()) {
    if (!value.is_array()) table.add({std::string(name.data(), name.size()), text_of(value)});
  }
  show(session, table);
  if (const json::array* warnings = array_member(answer, "warnings")) {
    for (const json::value& warning : *warnings) session.errors += "warning: " + printable(text_of(warning)) + "\n";
  }
  return kExitDone;
}

}  // namespace

int get_config(CliSession& session, const std::string& key, const std::string& ns) {
  int code = kExitDone;
  const auto answer = ask(session, "/dragonfly/config" + query_of(ns), code);
  if (!answer) return code;
  if (key.empty() || !answer->is_object()) return show_config(session, *answer);
  const json::value* value = answer->get_object().if_contains(key);
  if (value == nullptr) {
    return refuse(session, kExitUsage, fmt::format("there is no key '{}'; `cbmon config get` shows all", key));
  }
  if (session.output == OutputForm::kTable) {
    session.out += printable(text_of(*value)) + "\n";
    return kExitDone;
  }
  return show_members(session, json::object{{key, *value}});
}

int set_config(CliSession& session, const std::vector<std::string>& changes, const std::string& ns) {
  int code = kExitDone;
  const auto body = read_changes(session, changes, "collector_interval=4; `cbmon config get` shows the keys", code);
  if (!body) return code;
  const auto answer = ask(session, "PUT", "/dragonfly/config" + query_of(ns), json::serialize(*body), code);
  return answer ? show_config(session, *answer) : code;
}

int reset_config(CliSession& session, const std::string& ns) {
  int code = kExitDone;
  const auto answer = ask(session, "PUT", "/dragonfly/config/reset" + query_of(ns), {}, code);
  return answer ? show_config(session, *answer) : code;
}

}  // namespace dragonfly
