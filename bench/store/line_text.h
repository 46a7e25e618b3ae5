// LineText: rows of a VM as Influx line protocol, as all stores of the comparison take it.
//
// Units      times in ms (precision=ms).
// Ownership  owns the VM's tag set.
// Threading  one thread.
// Errors     none: names of a data set need no escapes (asserted).
// Limits     none.
#pragma once

#include <array>
#include <string>

#include "bench/dataset/dataset.h"

namespace dragonfly::bench {

class LineText {
 public:
  explicit LineText(const VmNames& names);
  // Appends one line a row: `cpu,nsId=…,region=… cpu_utilization=1.5,…,cpu_num=2i,… 1700000000000\n`.
  void add(const TickRows& rows, std::string& out) const;

 private:
  std::array<std::string, kRowsPerTick> heads_;  // Measurement and tags, one a group.
};

}  // namespace dragonfly::bench
