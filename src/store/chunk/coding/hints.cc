#include "store/chunk/coding/hints.h"

#include "model/catalogue/fields.h"

namespace dragonfly::chunk {
namespace {

// A wrong hint costs bytes, never a value.
constexpr HintTerm kCpuIdle[] = {{cpu_field::kUtilization, true}};
constexpr HintTerm kCpuUser[] = {
    {cpu_field::kUtilization, false}, {cpu_field::kSystem, true}, {cpu_field::kIowait, true},
    {cpu_field::kHintr, true},        {cpu_field::kSintr, true},  {cpu_field::kNice, true},
    {cpu_field::kSteal, true},        {cpu_field::kGuest, true},  {cpu_field::kGuestNice, true}};
constexpr SumHint kCpuSums[] = {{cpu_field::kIdle, kCpuIdle}, {cpu_field::kUser, kCpuUser}};
constexpr uint16_t kCpuParts[] = {cpu_field::kSystem, cpu_field::kIowait, cpu_field::kHintr,
                                  cpu_field::kSintr,  cpu_field::kUser,   cpu_field::kNice,
                                  cpu_field::kSteal,  cpu_field::kGuest,  cpu_field::kGuestNice};
constexpr SharesHint kCpuShares{cpu_field::kUtilization, cpu_field::kIdle, cpu_field::kUser, kCpuParts,
                                cpu_field::kNum};

constexpr HintTerm kMemoryFree[] = {{memory_field::kTotal, false},
                                    {memory_field::kUsed, true},
                                    {memory_field::kBuffers, true},
                                    {memory_field::kCached, true}};
constexpr HintTerm kSwapFree[] = {{memory_field::kSwapUsed, true}};
constexpr SumHint kMemorySums[] = {{memory_field::kFree, kMemoryFree}, {memory_field::kSwapFree, kSwapFree}};
constexpr uint16_t kMemoryWhole[] = {memory_field::kTotal};
constexpr uint16_t kSwapWhole[] = {memory_field::kSwapUsed, memory_field::kSwapFree};
constexpr RatioHint kMemoryRatios[] = {{memory_field::kUtilization, memory_field::kUsed, kMemoryWhole},
                                       {memory_field::kSwapUtilization, memory_field::kSwapUsed, kSwapWhole}};

constexpr HintTerm kDiskFree[] = {{disk_field::kUsed, true}};
constexpr SumHint kDiskSums[] = {{disk_field::kFree, kDiskFree}};
constexpr uint16_t kDiskWhole[] = {disk_field::kUsed, disk_field::kFree};
constexpr RatioHint kDiskRatios[] = {{disk_field::kUtilization, disk_field::kUsed, kDiskWhole}};

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
