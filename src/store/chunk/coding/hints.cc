#include "store/chunk/coding/hints.h"

namespace dragonfly::chunk {
namespace {

// Fields by their numbers in the catalogue, which are append-only. A wrong one costs bytes, never a value.
namespace cpu {
enum : uint16_t {
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
  kNum
};
}
namespace memory {
enum : uint16_t {
  kUtilization,
  kTotal,
  kUsed,
  kFree,
  kShared,
  kBuffers,
  kCached,
  kSwapUtilization,
  kSwapUsed,
  kSwapFree
};
}
namespace disk {
enum : uint16_t { kUtilization, kTotal, kUsed, kFree };
}

constexpr HintTerm kCpuIdle[] = {{cpu::kUtilization, true}};
constexpr HintTerm kCpuUser[] = {{cpu::kUtilization, false}, {cpu::kSystem, true}, {cpu::kIowait, true},
                                 {cpu::kHintr, true},        {cpu::kSintr, true},  {cpu::kNice, true},
                                 {cpu::kSteal, true},        {cpu::kGuest, true},  {cpu::kGuestNice, true}};
constexpr SumHint kCpuSums[] = {{cpu::kIdle, kCpuIdle}, {cpu::kUser, kCpuUser}};
constexpr uint16_t kCpuParts[] = {cpu::kSystem, cpu::kIowait, cpu::kHintr, cpu::kSintr,    cpu::kUser,
                                  cpu::kNice,   cpu::kSteal,  cpu::kGuest, cpu::kGuestNice};
constexpr SharesHint kCpuShares{cpu::kUtilization, cpu::kIdle, cpu::kUser, kCpuParts, cpu::kNum};

constexpr HintTerm kMemoryFree[] = {
    {memory::kTotal, false}, {memory::kUsed, true}, {memory::kBuffers, true}, {memory::kCached, true}};
constexpr HintTerm kSwapFree[] = {{memory::kSwapUsed, true}};
constexpr SumHint kMemorySums[] = {{memory::kFree, kMemoryFree}, {memory::kSwapFree, kSwapFree}};
constexpr uint16_t kMemoryWhole[] = {memory::kTotal};
constexpr uint16_t kSwapWhole[] = {memory::kSwapUsed, memory::kSwapFree};
constexpr RatioHint kMemoryRatios[] = {{memory::kUtilization, memory::kUsed, kMemoryWhole},
                                       {memory::kSwapUtilization, memory::kSwapUsed, kSwapWhole}};

constexpr HintTerm kDiskFree[] = {{disk::kUsed, true}};
constexpr SumHint kDiskSums[] = {{disk::kFree, kDiskFree}};
constexpr uint16_t kDiskWhole[] = {disk::kUsed, disk::kFree};
constexpr RatioHint kDiskRatios[] = {{disk::kUtilization, disk::kUsed, kDiskWhole}};

}  // namespace

GroupHints hints_of(GroupId group) {
  switch (group) {
    case GroupId::kCpu: return {kCpuSums, {}, &kCpuShares};
    case GroupId::kMemory: return {kMemorySums, kMemoryRatios, nullptr};
    case GroupId::kDisk: return {kDiskSums, kDiskRatios, nullptr};
    default: return {};
  }
}

}  // namespace dragonfly::chunk
