#include "process_watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "base/fs/file.h"

namespace dragonfly {
namespace {
constexpr uint64_t kStatBytesMax = 4096;
constexpr int kUserTicks = 14;  // Fields of /proc/PID/stat, from 1.
constexpr int kSystemTicks = 15;
constexpr int kResidentPages = 24;
}  // namespace

std::optional<ProcessUse> parse_process_stat(std::string_view stat, long ticks_per_s, long page_bytes) {
  const size_t name_end = stat.rfind(')');  // The name, field 2, may hold anything.
  if (name_end == std::string_view::npos) return std::nullopt;
  uint64_t ticks = 0;
  std::optional<uint64_t> pages;
  std::string_view rest = stat.substr(name_end + 1);
  for (int field = 3; !rest.empty() && !pages; ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    const std::string_view text = rest.substr(0, rest.find(' '));
    rest.remove_prefix(text.size());
    if (field != kUserTicks && field != kSystemTicks && field != kResidentPages) continue;
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (field == kResidentPages)
      pages = number;
    else
      ticks += number;
  }
  if (!pages) return std::nullopt;
  return ProcessUse{static_cast<double>(ticks) / static_cast<double>(ticks_per_s),
                    *pages * static_cast<uint64_t>(page_bytes)};
}

std::optional<ProcessUse> ProcessWatch::read() const {
  const auto text = system_files().read_file(fmt::format("/proc/{}/stat", pid_), kStatBytesMax);
  if (!text) return std::nullopt;
  return parse_process_stat(as_text(*text), ::sysconf(_SC_CLK_TCK), ::sysconf(_SC_PAGESIZE));
}

}  // namespace dragonfly
