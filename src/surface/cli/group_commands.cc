// cbmon metric get --group and --on-demand.
#include <algorithm>

#include "surface/cli/asking.h"
#include "surface/cli/finding.h"
#include "surface/cli/reading.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

constexpr std::string_view kStatistics[] = {"sum", "avg", "min", "max", "p95"};

// "vm-3 91.2 %, vm-1 80 %"
std::string top_text(const json::value& answer, const Metric& metric) {
  const json::value* top = answer.is_object() ? answer.get_object().if_contains("top") : nullptr;
  const json::array* vms = top == nullptr ? nullptr : array_member(*top, metric.name);
  std::string out;
  for (size_t i = 0; vms != nullptr && i < vms->size(); ++i) {
    const Reading reading = readable(number_member((*vms)[i], "value").value_or(0), answer_unit(&metric));
    out += fmt::format("{}{} {}{}{}", i == 0 ? "" : ", ", member((*vms)[i], "vmId"), reading.value,
                       reading.unit.empty() ? "" : " ", reading.unit);
  }
  return out;
}

class GroupRows {
 public:
  GroupRows(OutputForm form, std::string_view by) : csv_(form == OutputForm::kCsv), by_(by) {}

  Table table() const {
    std::vector<Table::Column> columns{{"METRIC"}};
    if (by_ != "mcis") columns.push_back({"CSP"});
    if (by_ == "region") columns.push_back({"REGION"});
    columns.push_back({"VMS", Table::Align::kRight});
    for (const std::string_view name : {"SUM", "AVG", "MIN", "MAX", "P95"})
      columns.push_back({std::string(name), Table::Align::kRight});
    if (csv_) columns.push_back({"UNIT"});
    if (by_ == "mcis") columns.push_back({"TOP"});
    return Table(std::move(columns));
  }

  void add(Table& table, const json::value& answer, const Metric& metric) const {
    const json::array* parts = array_member(answer, "breakdown");
    for (size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
      const json::value& part = (*parts)[i];
      const json::value* values = part.is_object() ? part.get_object().if_contains("value") : nullptr;
      const json::value* value = values != nullptr && values->is_object()
                                     ? values->get_object().if_contains({metric.name.data(), metric.name.size()})
                                     : nullptr;
      if (member(part, "by") == by_ && value != nullptr) table.add(cells(answer, part, *value, metric));
    }
  }

 private:
  std::vector<std::string> cells(const json::value& answer, const json::value& part, const json::value& value,
                                 const Metric& metric) const {
    std::vector<std::string> out{std::string(metric.name)};
    if (by_ != "mcis") out.push_back(member(part, "csp"));
    if (by_ == "region") out.push_back(member(part, "region"));
    out.push_back(shown_member(value, "vms"));
    const std::string unit = answer_unit(&metric);
    for (const std::string_view name : kStatistics) {
      const auto number = number_member(value, name);
      if (csv_) {
        out.push_back(number ? fmt::format("{}", *number) : "");
      } else if (number) {
        const Reading reading = readable(*number, unit);
        out.push_back(reading.value + (reading.unit.empty() ? "" : " ") + reading.unit);
      } else {
        out.emplace_back("–");
      }
    }
    if (csv_) out.push_back(unit);
    if (by_ == "mcis") out.push_back(top_text(answer, metric));
    return out;
  }

  const bool csv_;
  const std::string by_;
};

}  // namespace

int get_group_metrics(CliSession& session, const MetricGetOptions& options, const WantedMetrics& wanted) {
  int code = kExitDone;
  if (!options.vm.empty()) return refuse(session, kExitUsage, "--group is the whole MCIS; leave --vm out");
  const auto mcis = find_mcis(session, {options.ns, options.mcis, {}}, code);
  if (!mcis) return code;
  const GroupRows rows(session.output, options.by);
  Table table = rows.table();
  json::array answers;
  for (const auto& [group, metrics] : wanted) {
    auto answer = ask(session,
                      fmt::format("/dragonfly/ns/{}/mcis/{}/rt-info?metric={}&statisticsCriteria={}&top={}",
                                  url_encoded(mcis->ns), url_encoded(mcis->mcis), group_name(group),
                                  url_encoded(options.statistic), std::max<size_t>(options.top, 1)),
                      code);
    if (!answer) return code;
    for (const Metric* metric : metrics) rows.add(table, *answer, *metric);
    answers.push_back(std::move(*answer));
  }
  if (session.output == OutputForm::kJson) {
    session.out += json_text(json::object{{"groups", std::move(answers)}}) + "\n";
    return kExitDone;
  }
  if (session.output == OutputForm::kTable)
    session.out += printable(fmt::format("{} / {}", mcis->ns, mcis->mcis)) + "\n";
  show(session, table);
  return kExitDone;
}

int get_metrics_now(CliSession& session, const VmName& vm, const WantedMetrics& wanted) {
  int code = kExitDone;
  // The agent is found by the VM's name; the address in the path is that of older clients.
  const std::string_view asked = wanted.size() == 1 ? group_name(wanted.begin()->first) : "all";
  const auto answer =
      ask(session,
          fmt::format("/dragonfly/ns/{}/mcis/{}/vm/{}/agent_ip/0.0.0.0/metric/{}/ondemand-monitoring-info",
                      url_encoded(vm.ns), url_encoded(vm.mcis), url_encoded(vm.vm), asked),
          code);
  if (!answer) return code;
  if (session.output == OutputForm::kJson) {
    session.out += json_text(*answer) + "\n";
    return kExitDone;
  }
  Table table({{"METRIC"}, {"VALUE", Table::Align::kRight}, {"UNIT"}});
  const json::value* values = answer->is_object() ? answer->get_object().if_contains("values") : nullptr;
  for (const auto& [group, metrics] : wanted) {
    for (const Metric* metric : metrics) {
      const auto value = values == nullptr ? std::nullopt : number_member(*values, metric->name);
      const bool csv = session.output == OutputForm::kCsv;
      const Reading reading = csv || !value ? Reading{value ? fmt::format("{}", *value)
                                                      : csv ? ""
                                                            : "–",
                                                      std::string(metric->unit)}
                                            : readable(*value, metric->unit);
      table.add({std::string(metric->name), reading.value, reading.unit});
    }
  }
  if (session.output == OutputForm::kTable)
    session.out +=
        printable(fmt::format("{} / {} / {}, collected {}", vm.ns, vm.mcis, vm.vm, member(*answer, "time"))) + "\n";
  show(session, table);
  return kExitDone;
}

}  // namespace dragonfly
