#include "edge/probe/linux/cpufreq.h"

#include <cmath>

#include "edge/probe/fields.h"
#include "edge/probe/linux/text.h"

namespace dragonfly::linux_probe {
namespace {

constexpr int kPause = 30;

}  // namespace

std::optional<uint64_t> parse_cpuinfo_mhz(std::string_view text) {
  double sum = 0;
  size_t cpus = 0;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with("cpu MHz")) continue;
    const auto mhz = parse_decimal(trim(line.substr(line.find(':') + 1)));
    if (!mhz || *mhz > 1e6) continue;
    sum += *mhz;
    ++cpus;
  }
  if (cpus == 0) return std::nullopt;
  return static_cast<uint64_t>(std::llround(sum / static_cast<double>(cpus) * 100.0));
}

std::optional<uint64_t> CpufreqProbe::read_scaling(Root& root) {
  if (scaling_pause_ > 0) {
    --scaling_pause_;
    return std::nullopt;
  }
  const auto list = root.read_optional(online_);
  if (list && *list != online_list_) {
    online_list_ = *list;
    files_.clear();
    for_each_range(online_list_, [&](uint64_t first, uint64_t last) {
      for (uint64_t cpu = first; cpu <= last && cpu < 8192; ++cpu) {
        const bool keep = files_.size() < kOpenCpus;
        files_.emplace_back("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/scaling_cur_freq",
                            SourceFile::Records::kOne, keep);
      }
    });
  }
  uint64_t sum_khz = 0;
  uint64_t cpus = 0;
  if (list) {
    for (SourceFile& file : files_) {
      const auto text = root.read_optional(file);
      const auto khz = text ? parse_u64(trim(*text)) : std::nullopt;
      if (!khz || *khz == 0 || *khz > 1'000'000'000) continue;  // "<unknown>" while a driver is changing it.
      sum_khz += *khz;
      ++cpus;
    }
  }
  if (cpus == 0) {
    scaling_pause_ = kPause;
    return std::nullopt;
  }
  return (sum_khz / cpus + 5) / 10;
}

std::optional<uint64_t> CpufreqProbe::read_cpuinfo(Root& root) {
  if (cpuinfo_pause_ > 0) {
    --cpuinfo_pause_;
    return std::nullopt;
  }
  const auto text = root.read(cpuinfo_);
  const auto mhz = text ? parse_cpuinfo_mhz(*text) : std::nullopt;
  if (!mhz) cpuinfo_pause_ = kPause;
  return mhz;
}

void CpufreqProbe::collect(Root& root, Row& row) {
  auto hundredths = read_scaling(root);
  if (!hundredths) hundredths = read_cpuinfo(root);
  if (hundredths) set_hundredths(row, cpufreq_field::kSpeed, *hundredths);
}

}  // namespace dragonfly::linux_probe
