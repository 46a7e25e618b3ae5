#include "progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

namespace dragonfly {

Progress::Progress(std::string what) : what_(std::move(what)), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (percent_ >= 0) fmt::print(stderr, "\r\x1b[K");
}

void Progress::show(uint64_t done, uint64_t total) {
  if (!terminal_ || total == 0) return;
  const int percent = static_cast<int>(100.0 * static_cast<double>(std::min(done, total)) / static_cast<double>(total));
  if (percent == percent_) return;
  percent_ = percent;
  const auto bars = static_cast<size_t>(percent * 3 / 10);
  fmt::print(stderr, "\r{} [{:<30}] {:3} %", what_, std::string(bars, '#'), percent);
  std::fflush(stderr);
}

}  // namespace dragonfly
