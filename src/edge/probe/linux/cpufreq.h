// CPU frequency: scaling_cur_freq of the online CPUs, or "cpu MHz" of proc/cpuinfo.
//
// Units      megahertz in hundredths.
// Ownership  values.
// Threading  one object, one thread.
// Errors     where the machine tells neither, the field stays absent (many guests).
// Limits     kOpenCpus files stay open; further CPUs' are opened each time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {

// Mean of the lines "cpu MHz", in hundredths.
std::optional<uint64_t> parse_cpuinfo_mhz(std::string_view text);

class CpufreqProbe {
 public:
  static constexpr size_t kOpenCpus = 128;
  void collect(Root& root, Row& row);

 private:
  std::optional<uint64_t> read_scaling(Root& root);
  std::optional<uint64_t> read_cpuinfo(Root& root);

  SourceFile online_{"sys/devices/system/cpu/online", SourceFile::Records::kOne};
  SourceFile cpuinfo_{"proc/cpuinfo"};
  std::string online_list_;
  std::vector<SourceFile> files_;
  // Readings to go until what was not there is looked for again.
  int scaling_pause_ = 0;
  int cpuinfo_pause_ = 0;
};

}  // namespace dragonfly::linux_probe
