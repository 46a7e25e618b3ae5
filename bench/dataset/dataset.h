// Dataset: many VMs, each a VmSource, with their names; S, M and H are the sets that stores are compared on.
//
//   const auto trace = shipped_trace();
//   const Dataset data(*trace, DatasetSpec::named('S', end, 1));
//   ColumnSet cpu = data.columns(7, GroupId::kCpu, 0, 900);
//
// Units      as the catalogue's; times in ms.
// Ownership  borrows the trace.
// Threading  constant.
// Errors     none.
// Limits     none of its own: sources are as many as the caller holds.
#pragma once

#include <optional>
#include <string>

#include "bench/dataset/vm_source.h"
#include "model/row/column_set.h"
#include "model/row/dictionary.h"

namespace dragonfly::bench {

struct DatasetSpec {
  uint64_t vms = 1000;
  uint64_t ticks = 900;
  Duration interval = kTraceStep;  // A multiple of kTraceStep.
  Timestamp end{};                 // Every row is before it, the last ones by less than an interval.
  uint64_t seed = 1;
  bool full_doubles = false;

  // 'S' 1000 VMs x 30 min at 2 s, 'M' 10,000 x 5 min at 10 s, 'H' 100 x 24 h at 30 s. `scale` makes it that many times
  // smaller: S and M in VMs, H in time, so that what a query reads of a VM (S, M) or of a group (H) stays.
  static std::optional<DatasetSpec> named(char name, Timestamp end, uint64_t scale);
  uint64_t rows() const { return vms * ticks * kRowsPerTick; }
  uint64_t samples() const;
};

struct VmNames {
  std::string ns, mcis, vm, os, csp, region;
  std::map<std::string, std::string> labels() const;  // As dictionaries have them.
};

class Dataset {
 public:
  static constexpr uint64_t kVmsPerMcis = 100;

  Dataset(const Trace& trace, const DatasetSpec& spec) : trace_(&trace), spec_(spec) {}
  const DatasetSpec& spec() const { return spec_; }
  // VM `number` of MCIS number / 100 is called mcis-M and vm-M-K, both counted from 1.
  static VmNames names(uint64_t number);
  // From its first tick on.
  VmSource source(uint64_t number) const;
  Timestamp first_tick(uint64_t number) const;
  // Rows [first, first + ticks) of one group of a VM, with the boot id of dictionary(). Makes all rows before them,
  // too.
  ColumnSet columns(uint64_t number, GroupId group, uint64_t first, uint64_t ticks) const;
  Dictionary dictionary(uint64_t number) const;

 private:
  const Trace* trace_;
  DatasetSpec spec_;
};

}  // namespace dragonfly::bench
