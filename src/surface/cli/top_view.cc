#include "surface/cli/top_view.h"

#include <algorithm>

#include "surface/cli/reading.h"
#include "surface/cli/table.h"

namespace dragonfly {
namespace {

constexpr size_t kLinesAround = 4;  // Two above the titles, the titles, one below.
constexpr size_t kValueWidth = 14;
constexpr size_t kNameWidthMin = 12;
constexpr std::string_view kHelp = "q quit  ←→ metric  ↑↓ select  c m d n cpu, memory, disk, network  r reverse";

std::string left(std::string_view text, size_t width) {
  std::string out = cut_to_width(text, width);
  return out + std::string(width - std::min(width, display_width(out)), ' ');
}

std::string right(std::string_view text, size_t width) {
  const std::string out = cut_to_width(text, width);
  return std::string(width - std::min(width, display_width(out)), ' ') + out;
}

std::string percent(const std::optional<double>& value) { return value ? fmt::format("{:.1f}", *value) : "–"; }

// What there is room for beside the VM's name and its value.
struct Widths {
  size_t name = 0, course = 0;
  bool state = false, percents = false;
};

Widths widths_for(size_t width) {
  Widths out;
  size_t left = width > kValueWidth + 1 ? width - kValueWidth - 1 : 0;
  const auto take = [&](size_t columns) {
    if (left < kNameWidthMin + columns) return false;
    left -= columns;
    return true;
  };
  out.state = take(7);
  out.percents = take(18);
  // A third of the rest, at most one column a bucket.
  const size_t course = std::min<size_t>(30, left / 3);
  if (course >= 6 && take(course + 2)) out.course = course;
  out.name = left;
  return out;
}

std::vector<std::optional<double>> newest(const std::vector<std::optional<double>>& course, size_t count) {
  return {course.end() - static_cast<std::ptrdiff_t>(std::min(count, course.size())), course.end()};
}

}  // namespace

void TopView::resize(Terminal::Size size) {
  size_ = size;
  keep_selection_shown();
}

size_t TopView::rows() const { return size_.height > kLinesAround ? size_.height - kLinesAround : 0; }

void TopView::keep_selection_shown() {
  const size_t total = std::min(kTopVmsMax, shown_.total);
  selected_ = total == 0 ? 0 : std::min(selected_, total - 1);
  first_ =
      std::min({first_, selected_, total - std::min(total, rows())});  // No empty lines below where some lie above.
  if (rows() > 0 && selected_ >= first_ + rows()) first_ = selected_ - rows() + 1;
}

TopQuestion TopView::question() const { return {metric_, descending_, first_, first_ + std::max<size_t>(rows(), 1)}; }

void TopView::take(TopAnswer answer) {
  problem_ = answer.problem;
  if (!problem_.empty()) return;
  shown_ = std::move(answer);
  keep_selection_shown();
}

bool TopView::choose(std::string_view metric) {
  const Metric* found = find_metric(metric);
  if (found != nullptr) metric_ = found;
  return found != nullptr;
}

void TopView::next_metric(int step) {
  const auto all = catalogue();
  const auto at = static_cast<int>(metric_ - all.data()), count = static_cast<int>(all.size());
  metric_ = &all[static_cast<size_t>((at + step + count) % count)];
}

TopView::Act TopView::press(const KeyPress& key) {
  const TopQuestion before = question();
  const size_t page = std::max<size_t>(rows(), 1);
  switch (key.key) {
    case Key::kUp: selected_ -= selected_ > 0 ? 1 : 0; break;
    case Key::kDown: ++selected_; break;
    case Key::kPageUp: selected_ -= std::min(selected_, page); break;
    case Key::kPageDown: selected_ += page; break;
    case Key::kHome: selected_ = 0; break;
    case Key::kEnd: selected_ = kTopVmsMax; break;
    case Key::kLeft: next_metric(-1); break;
    case Key::kRight: next_metric(1); break;
    case Key::kCharacter:
      switch (key.character) {
        case 'q':
        case 'Q':
        case 0x03: return Act::kQuit;  // Ctrl-C
        case 'k': selected_ -= selected_ > 0 ? 1 : 0; break;
        case 'j': ++selected_; break;
        case 'c': choose("cpu_utilization"); break;
        case 'm': choose("mem_utilization"); break;
        case 'd': choose("disk_utilization"); break;
        case 'n': choose("bytes_in"); break;
        case 'r': descending_ = !descending_; break;
        case ' ': return Act::kAsk;
        default: return Act::kNothing;
      }
      break;
  }
  keep_selection_shown();
  return question() == before ? Act::kNothing : Act::kAsk;
}

std::string TopView::painted(const std::string& line, std::string_view colour) const {
  return fmt::format("\x1b[{}m{}\x1b[0m", colours_ ? colour : "7", line);
}

std::string TopView::head() const {
  std::string counts =
      fmt::format("{} VMs: {} alive, {} late, {} silent", shown_.total, shown_.alive, shown_.late, shown_.silent);
  if (shown_.time.empty()) counts = problem_.empty() ? "asking" : "no answer yet";
  const std::string time = shown_.time;
  const std::string begin = fmt::format("cbmon top  {}  {}", server_, counts);
  if (size_.width < time.size() + 2) return cut_to_width(begin, size_.width);
  return left(begin, size_.width - time.size() - 1) + " " + time;
}

std::string TopView::titles() const {
  const Widths widths = widths_for(size_.width);
  std::string out = left("VM", widths.name);
  if (widths.state) out += " STATE ";
  if (widths.percents) out += "  CPU%  MEM% DISK%";
  out += " " + right("VALUE", kValueWidth);
  if (widths.course > 0) out += "  " + left("LAST 5m", widths.course);
  return left(out, size_.width);
}

std::string TopView::line_of(const TopVm& vm) const {
  const Widths widths = widths_for(size_.width);
  std::string out = left(fmt::format("{}/{}/{}", vm.ns, vm.mcis, vm.vm), widths.name);
  if (widths.state) out += " " + left(vm.state, 6);
  if (widths.percents) {
    for (const auto& value : {vm.cpu, vm.memory, vm.disk}) out += right(percent(value), 6);
  }
  const bool is_current = shown_.question.metric == metric_;
  std::string value = "–";
  if (vm.value && is_current) {
    const Reading reading = readable(*vm.value, answer_unit(metric_));
    value = reading.value + (reading.unit.empty() ? "" : " ") + reading.unit;
  }
  out += " " + right(value, kValueWidth);
  if (widths.course > 0 && is_current) out += "  " + left(sparkline(newest(vm.course, widths.course)), widths.course);
  return left(out, size_.width);
}

std::vector<std::string> TopView::lines() const {
  std::vector<std::string> out{head()};
  const std::string by = fmt::format("by {} ({}), {} first, every {}", metric_->name, answer_unit(metric_),
                                     descending_ ? "highest" : "lowest", format_duration(interval_));
  out.push_back(problem_.empty() ? left(by, size_.width) : painted(left(problem_, size_.width), "31"));
  out.push_back(painted(titles(), "7"));
  for (size_t i = 0; i < rows(); ++i) {
    const size_t at = first_ + i;
    if (at >= shown_.vms.size()) {
      out.emplace_back();
      continue;
    }
    const std::string line = line_of(shown_.vms[at]);
    out.push_back(at == selected_ ? painted(line, "30;46") : line);
  }
  out.push_back(cut_to_width(kHelp, size_.width));
  if (out.size() > size_.height) out.resize(size_.height);
  return out;
}

}  // namespace dragonfly
