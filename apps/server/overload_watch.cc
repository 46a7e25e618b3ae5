#include "overload_watch.h"

#include <fmt/format.h>

namespace dragonfly {
namespace {
constexpr Duration kStep = 1s;
}  // namespace

OverloadWatch::Shed OverloadWatch::read(MonotonicTime now) const {
  return {now,
          receiver_.rows_dropped[static_cast<size_t>(RowDrop::kOverload)].value(),
          receiver_.kernel_drops.value(),
          receiver_.frames_dropped_full.value(),
          receiver_.datagrams_dropped_door.value(),
          receiver_.frames_dropped_pace.value()};
}

void OverloadWatch::look(MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  if (!history_.empty() && now - history_.back().at < kStep) return;
  history_.push_back(read(now));
  while (history_.size() > 1 && now - history_[1].at >= kWindow) history_.pop_front();
}

std::string OverloadWatch::trouble() const {
  Shed before;
  {
    const std::lock_guard lock(mutex_);
    if (history_.empty()) return {};
    before = history_.front();
  }
  const Shed now = read(before.at);
  std::string out;
  const auto add = [&](uint64_t more, std::string_view what) {
    if (more > 0) out += fmt::format("{}{} {}", out.empty() ? "sheds load: in the last 10 s " : "; ", more, what);
  };
  add(now.rows - before.rows, "rows were not taken and not acknowledged: they come again");
  add(now.socket - before.socket, "datagrams were lost in a full socket buffer");
  add(now.mailbox - before.mailbox, "frames were dropped on their way to a busy shard: they come again");
  add(now.door - before.door, "datagrams of dialects were dropped, the oldest of who sends most");
  add(now.pace - before.pace, "frames were dropped of agents that send more than their share: they come again");
  return out;
}

}  // namespace dragonfly
