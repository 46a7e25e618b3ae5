// Field numbers of the catalogue under names; fields_test.cc holds them against it.
//
// Units      none.
// Ownership  none.
// Threading  constant.
// Errors     none.
// Limits     append-only, as the catalogue.
#pragma once

#include <cstddef>

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

}  // namespace dragonfly
