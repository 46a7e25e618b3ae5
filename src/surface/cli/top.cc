#include "surface/cli/top.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/rt/wakeup.h"
#include "surface/cli/asking.h"
#include "surface/cli/reading.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

std::string filter_of(const TopOptions& options) {
  std::string out;
  if (!options.ns.empty()) out += "&ns=" + url_encoded(options.ns);
  if (!options.mcis.empty()) out += "&mcis=" + url_encoded(options.mcis);
  return out;
}

// What the session says went wrong, as one line.
std::string take_problem(CliSession& session) {
  std::string text = std::exchange(session.errors, {});
  if (text.starts_with("cbmon: ")) text.erase(0, std::string_view("cbmon: ").size());
  while (text.ends_with('\n')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text.empty() ? "the server's answer is not understood" : text;
}

bool count_vms(CliSession& session, const TopOptions& options, TopAnswer& out) {
  const auto answer = ask(session, "/api/v1/mcis?limit=1000" + filter_of(options), out.code);
  const json::array* groups = answer ? array_member(*answer, "mcis") : nullptr;
  for (size_t i = 0; groups != nullptr && i < groups->size(); ++i) {
    const auto add = [&](std::string_view name, size_t& sum) {
      sum += static_cast<size_t>(std::max(0.0, number_member((*groups)[i], name).value_or(0)));
    };
    add("vms", out.total);
    add("alive", out.alive);
    add("late", out.late);
    add("silent", out.silent);
  }
  return groups != nullptr;
}

bool read_vms(CliSession& session, const TopOptions& options, const TopQuestion& question, TopAnswer& out) {
  const size_t limit = std::clamp<size_t>(question.last, 1, kTopVmsMax);
  const auto answer = ask(session,
                          fmt::format("/api/v1/vms?sort={}{}&limit={}{}", question.descending ? "-" : "",
                                      question.metric->name, limit, filter_of(options)),
                          out.code);
  const json::array* vms = answer ? array_member(*answer, "vms") : nullptr;
  for (size_t i = 0; vms != nullptr && i < vms->size(); ++i) {
    const json::value& vm = (*vms)[i];
    const json::value* latest = vm.is_object() ? vm.get_object().if_contains("latest") : nullptr;
    const auto value = [&](std::string_view name) {
      return latest == nullptr ? std::nullopt : number_member(*latest, name);
    };
    out.vms.push_back({member(vm, "ns"), member(vm, "mcis"), member(vm, "vm"), member(vm, "state"),
                       value("cpu_utilization"), value("mem_utilization"), value("disk_utilization"),
                       value(question.metric->name)});
  }
  return vms != nullptr;
}

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + url_encoded(name);
  return out;
}

std::vector<std::optional<double>> course_of(const json::value& series) {
  std::vector<std::optional<double>> out;
  const json::array* rows = array_member(series, "values");
  for (size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
    const json::value& row = (*rows)[i];
    const bool has = row.is_array() && row.get_array().size() > 1 && row.get_array()[1].is_number();
    out.push_back(has ? std::optional(row.get_array()[1].to_number<double>()) : std::nullopt);
  }
  return out;
}

// The course of those that are shown. Without it the rest is still good.
void read_courses(CliSession& session, const TopQuestion& question, TopAnswer& out) {
  std::set<std::string> namespaces, groups, names;
  const size_t end = std::min(question.last, out.vms.size());
  for (size_t i = std::min(question.first, end); i < end; ++i) {
    namespaces.insert(out.vms[i].ns);
    groups.insert(out.vms[i].mcis);
    names.insert(out.vms[i].vm);
  }
  if (names.empty()) return;
  int code = kExitDone;
  const auto answer = ask(session,
                          fmt::format("/api/v1/query?metric={}&ns={}&mcis={}&vm={}&start=-5m&step=10s&statistic=avg",
                                      question.metric->name, joined(namespaces), joined(groups), joined(names)),
                          code);
  session.errors.clear();
  const json::array* series = answer ? array_member(*answer, "series") : nullptr;
  for (size_t i = 0; series != nullptr && i < series->size(); ++i) {
    const json::value& one = (*series)[i];
    const json::value* labels = one.is_object() ? one.get_object().if_contains("labels") : nullptr;
    if (labels == nullptr) continue;
    for (TopVm& vm : out.vms) {
      if (vm.ns == member(*labels, "ns") && vm.mcis == member(*labels, "mcis") && vm.vm == member(*labels, "vm"))
        vm.course = course_of(one);
    }
  }
}

// Asks again and again, and at once when the question changes.
class Asker {
 public:
  Asker(CliSession& session, const TopOptions& options, Clock& clock, TopQuestion question)
      : session_(session), options_(options), clock_(clock), question_(question), thread_([this](const auto& stop) {
          run(stop);
        }) {}
  void ask(TopQuestion question) {
    {
      const std::lock_guard lock(mutex_);
      question_ = question;
      is_due_ = true;
    }
    changed_.notify_all();
  }
  std::optional<TopAnswer> take() {
    wakeup_.clear();
    const std::lock_guard lock(mutex_);
    return std::exchange(answer_, std::nullopt);
  }
  int wake() const { return wakeup_.descriptor(); }

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      is_due_ = false;
      const TopQuestion question = question_;
      lock.unlock();
      TopAnswer answer = ask_top(session_, options_, question, clock_);
      lock.lock();
      answer_ = std::move(answer);
      wakeup_.signal();
      changed_.wait_for(lock, stop, options_.interval, [this] { return is_due_; });
    }
  }

  CliSession& session_;
  const TopOptions& options_;
  Clock& clock_;
  Wakeup wakeup_;
  // Between the screen and the thread that asks: what is asked, and the newest answer.
  std::mutex mutex_;
  std::condition_variable_any changed_;
  TopQuestion question_;
  bool is_due_ = false;
  std::optional<TopAnswer> answer_;
  std::jthread thread_;  // Last: it uses the rest.
};

int show_once(CliSession& session, const TopOptions& options, const TopQuestion& question, Clock& clock) {
  TopAnswer answer = ask_top(session, options, question, clock);
  if (!answer.problem.empty()) return refuse(session, answer.code, answer.problem);
  if (session.output == OutputForm::kJson) {
    json::array vms;
    for (const TopVm& vm : answer.vms) {
      json::object one{{"ns", vm.ns}, {"mcis", vm.mcis}, {"vm", vm.vm}, {"state", vm.state}};
      vm.value ? one.emplace(question.metric->name, *vm.value) : one.emplace(question.metric->name, nullptr);
      vms.push_back(std::move(one));
    }
    session.out += json_text(json::object{{"vms", std::move(vms)}}) + "\n";
    return kExitDone;
  }
  const bool csv = session.output == OutputForm::kCsv;
  std::vector<Table::Column> columns{{"NS"}, {"MCIS"}, {"VM"}, {"STATE"}};
  columns.push_back({csv ? std::string(question.metric->name) : "VALUE", Table::Align::kRight});
  if (!csv) columns.push_back({"LAST 5m"});
  Table table(std::move(columns));
  for (const TopVm& vm : answer.vms) {
    std::vector<std::string> cells{vm.ns, vm.mcis, vm.vm, vm.state};
    if (csv) {
      cells.push_back(vm.value ? fmt::format("{}", *vm.value) : "");
    } else {
      const Reading reading = vm.value ? readable(*vm.value, answer_unit(question.metric)) : Reading{"–", ""};
      cells.push_back(reading.value + (reading.unit.empty() ? "" : " ") + reading.unit);
      cells.push_back(sparkline(vm.course));
    }
    table.add(std::move(cells));
  }
  show(session, table);
  return kExitDone;
}

void run_screen(Terminal& terminal, TopView& view, Asker& asker) {
  // Longer than any answer takes; answers wake it.
  constexpr Duration kWait = 60s;
  while (true) {
    terminal.draw(view.lines());
    const Terminal::Event event = terminal.wait(asker.wake(), kWait);
    if (event.ended) return;
    if (event.resized) {
      view.resize(terminal.size());
      asker.ask(view.question());
    }
    for (const KeyPress& key : event.keys) {
      const TopView::Act act = view.press(key);
      if (act == TopView::Act::kQuit) return;
      if (act == TopView::Act::kAsk) asker.ask(view.question());
    }
    if (!event.woken) continue;
    const TopQuestion before = view.question();
    if (auto answer = asker.take()) view.take(std::move(*answer));
    if (view.question() != before) asker.ask(view.question());
  }
}

}  // namespace

TopAnswer ask_top(CliSession& session, const TopOptions& options, const TopQuestion& question, Clock& clock) {
  TopAnswer out;
  out.question = question;
  session.errors.clear();
  if (!count_vms(session, options, out) || !read_vms(session, options, question, out)) {
    out.problem = take_problem(session);
    if (out.code == kExitDone) out.code = kExitRefused;
    return out;
  }
  read_courses(session, question, out);
  const std::string time = format_rfc3339(std::chrono::floor<std::chrono::seconds>(clock.wall()));
  out.time = time.substr(time.find('T') + 1);
  return out;
}

int run_top(CliSession& session, const TopOptions& options, Clock& clock, std::atomic<bool>& stopping) {
  const Metric* metric = find_metric(options.sort);
  if (metric == nullptr) {
    return refuse(session, kExitUsage,
                  fmt::format("--sort '{}' is no metric; `cbmon metric list` shows them", options.sort));
  }
  const TopQuestion all{metric, true, 0, 20};
  if (session.output != OutputForm::kTable) return show_once(session, options, all, clock);
  auto terminal = Terminal::open();
  if (!terminal) return show_once(session, options, all, clock);
  TopView view(session.server, *metric, options.interval, session.style.colours);
  view.resize((*terminal)->size());
  Asker asker(session, options, clock, view.question());
  run_screen(**terminal, view, asker);
  (*terminal)->restore();
  stopping = true;  // Nobody waits for what is being asked.
  return kExitDone;
}

}  // namespace dragonfly
