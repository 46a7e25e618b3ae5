// Field numbers of the catalogue under the names that probes use; fields_test.cc holds them against the catalogue.
//
// Units      none.
// Ownership  none.
// Threading  constant.
// Errors     none.
// Limits     append-only, as the catalogue.
#pragma once

#include <bit>
#include <cstdint>

#include "model/row/row.h"

namespace dragonfly {

namespace cpu_field {
enum : size_t {
  kUtilization,
  kSystem,
  kIdle,
  kIowait,
  kHintr,
  kSintr,
  kUser,
  kNice,
  kSteal,
  kGuest,
  kGuestNice,
  kNum,
  kUptime,
  kLoad1,
  kLoad5,
  kLoad15,
  kUserNum,
  kProcRun,
  kProcNum,
  kCount
};
}
namespace memory_field {
enum : size_t {
  kUtilization,
  kTotal,
  kUsed,
  kFree,
  kShared,
  kBuffers,
  kCached,
  kSwapUtilization,
  kSwapUsed,
  kSwapFree,
  kSwapIn,
  kSwapOut,
  kPageIn,
  kPageOut,
  kCount
};
}
namespace disk_field {
enum : size_t {
  kUtilization,
  kTotal,
  kUsed,
  kFree,
  kKbRead,
  kKbWritten,
  kOpsRead,
  kOpsWrite,
  kReadTime,
  kWriteTime,
  kCount
};
}
namespace network_field {
enum : size_t { kBytesIn, kBytesOut, kPacketsIn, kPacketsOut, kErrorsIn, kErrorsOut, kDropsIn, kDropsOut, kCount };
}
namespace cpufreq_field {
enum : size_t { kSpeed, kCount };
}

inline void set(Row& row, size_t field, uint64_t value) { row.values[field] = Value::of(value); }
inline void set(Row& row, size_t field, double value) {
  row.values[field] = Value{ValueType::kFloat64, std::bit_cast<uint64_t>(value)};
}
// k hundredths as the double next to k / 100: the wire writes it in two or three bytes.
inline void set_hundredths(Row& row, size_t field, uint64_t hundredths) {
  set(row, field, static_cast<double>(hundredths) / 100.0);
}
// 100 * part / whole in hundredths, rounded to nearest, at most 10000. `whole` is not 0.
inline uint64_t percent_hundredths(uint64_t part, uint64_t whole) {
  if (part >= whole) return 10000;
  return static_cast<uint64_t>(10000.0 * (static_cast<double>(part) / static_cast<double>(whole)) + 0.5);
}

}  // namespace dragonfly
