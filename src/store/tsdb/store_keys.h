// Keys of the chunk store. Drawn in docs/formats/store_keys.md.
//
//   chunk key := group u32 · vm u32 · device (0x00 written 0x00 0xff) 0x00 0x00 · start i64 (sign flipped) · sequence u64
//   all numbers big-endian, so that bytewise order is the order of (group, vm, device, start, sequence)
//
// Units      start in ns.
// Ownership  values.
// Threading  pure.
// Errors     decode_chunk_key, parse_partition_name: nullopt for anything that is not a whole key or name.
// Limits     none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/flow/vm.h"

namespace dragonfly {

struct ChunkKey {
  GroupId group = GroupId::kCpu;
  VmId vm = VmId::kNone;
  std::string device;
  int64_t start_ns = 0;
  uint64_t sequence = 0;
  bool operator==(const ChunkKey&) const = default;
};

std::string encode_chunk_key(const ChunkKey& key);
std::optional<ChunkKey> decode_chunk_key(std::string_view bytes);

// What the keys of one VM and of one series begin with.
std::string vm_prefix(GroupId group, VmId vm);
std::string series_prefix(GroupId group, VmId vm, std::string_view device);
// Smallest key of that series at `start_ns` or later.
std::string seek_key(GroupId group, VmId vm, std::string_view device, int64_t start_ns);
// Smallest possible key after all of that series.
std::string after_series(GroupId group, VmId vm, std::string_view device);

// Column families of chunks: a tier and a span of time, in whole hours since 1970-01-01T00:00Z.
enum class Tier : uint8_t { kFresh, kRaw, kMinute, kHour, kDay };
inline constexpr int64_t kHourNs = 3'600'000'000'000;
int64_t hour_of(int64_t time_ns);  // Rounds towards minus infinity.
int64_t default_hours(Tier tier);
// Of tiers with rollups: the span of one chunk, whose key has its beginning and sequence 0, so that writing it again
// replaces it. Divides every partition's span.
int64_t chunk_hours(Tier tier);
// `hour` rounded down to a multiple.
int64_t floor_hours(int64_t hour, int64_t multiple);

struct PartitionName {
  Tier tier = Tier::kRaw;
  int64_t hour = 0;         // The first; a multiple of `hours`.
  int64_t hours = 1;        // 1 for fresh ones.
  uint32_t generation = 0;  // Of fresh ones: rows that came while the hour was being merged lie in the next generation.
  int64_t begin_ns() const { return hour * kHourNs; }
  int64_t end_ns() const { return (hour + hours) * kHourNs; }
  auto operator<=>(const PartitionName&) const = default;
};
// Of `hours` (0 = the tier's default) around `hour`.
PartitionName partition_around(Tier tier, int64_t hour, int64_t hours = 0);
std::string to_text(const PartitionName& name);
std::optional<PartitionName> parse_partition_name(std::string_view text);

}  // namespace dragonfly
