#include "surface/cli/commands.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "base/core/json_writer.h"
#include "model/catalogue/catalogue.h"
#include "surface/cli/asking.h"
#include "surface/cli/reading.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

struct VmName {
  std::string ns, mcis, vm;
};

// Finds the VM that is meant: by the options, or the only one there is.
std::optional<VmName> find_vm(CliSession& session, const MetricGetOptions& options, int& code) {
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, url_encoded(value));
  };
  add("ns", options.ns);
  add("mcis", options.mcis);
  add("vm", options.vm);
  const auto answer = ask(session, "/api/v1/vms" + query, code);
  if (!answer) return std::nullopt;
  const json::array* vms = array_member(*answer, "vms");
  if (vms != nullptr && vms->size() == 1) {
    const json::value& only = vms->front();
    return VmName{member(only, "ns"), member(only, "mcis"), member(only, "vm")};
  }
  if (vms == nullptr || vms->empty()) {
    const std::string asked = fmt::format("{}{}{}{}{}", options.ns, options.ns.empty() ? "" : "/", options.mcis,
                                          options.mcis.empty() ? "" : "/", options.vm);
    code = refuse(session, kExitRefused,
                  asked.empty() ? "no VM has reported yet; start cb-agent on one"
                                : fmt::format("no VM '{}' is known; `cbmon metric get` without options "
                                              "lists those that are",
                                              asked));
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

using Wanted = std::map<GroupId, std::vector<const Metric*>>;

std::optional<Wanted> find_wanted(CliSession& session, const std::vector<std::string>& names, int& code) {
  Wanted wanted;
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
  const auto vm = find_vm(session, options, code);
  if (!vm) return code;
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
    session.out += json::serialize(json::object{{"series", std::move(series)}}) + "\n";
    return kExitDone;
  }
  if (session.output == OutputForm::kTable)
    session.out += printable(fmt::format("{} / {} / {}", vm->ns, vm->mcis, vm->vm)) + "\n";
  show(session, table);
  return kExitDone;
}

namespace {

// The policy as GET /dragonfly/config answers it.
int show_config(CliSession& session, const json::value& answer) {
  if (!answer.is_object()) return refuse(session, kExitRefused, "the server's configuration is not an object");
  if (session.output == OutputForm::kJson) {
    session.out += json::serialize(answer) + "\n";
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

int get_config(CliSession& session, const std::string& key) {
  int code = kExitDone;
  const auto answer = ask(session, "/dragonfly/config", code);
  if (!answer) return code;
  if (key.empty() || !answer->is_object()) return show_config(session, *answer);
  const json::value* value = answer->get_object().if_contains(key);
  if (value == nullptr) {
    return refuse(session, kExitUsage, fmt::format("there is no key '{}'; `cbmon config get` shows all", key));
  }
  session.out +=
      session.output == OutputForm::kJson ? json::serialize(json::object{{key, *value}}) : printable(text_of(*value));
  session.out += "\n";
  return kExitDone;
}

int set_config(CliSession& session, const std::vector<std::string>& changes) {
  json::object body;
  for (const std::string& change : changes) {
    const size_t equals = change.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return refuse(
          session, kExitUsage,
          fmt::format("'{}' is not KEY=VALUE, like collector_interval=4; `cbmon config get` shows the keys", change));
    }
    body[change.substr(0, equals)] = change.substr(equals + 1);
  }
  int code = kExitDone;
  const auto answer = ask(session, "PUT", "/dragonfly/config", json::serialize(body), code);
  return answer ? show_config(session, *answer) : code;
}

int reset_config(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "PUT", "/dragonfly/config/reset", {}, code);
  return answer ? show_config(session, *answer) : code;
}

}  // namespace dragonfly
