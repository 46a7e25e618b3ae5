// Keys of the chunk store. Drawn in docs/formats/store_keys.md.
//
//   chunk key := group u32 · vm u32 · device (0x00 written 0x00 0xff) 0x00 0x00 · start i64 (sign flipped) · sequence u64
//   all numbers big-endian, so that bytewise order is the order of (group, vm, device, start, sequence)
//
// Units      start in ns.
// Ownership  values.
// Threading  pure.
// Errors     decode_chunk_key: nullopt for anything that is not a whole key.
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

// Raw partitions: column families "raw/<hours since 1970>", kPartitionSpan each.
inline constexpr Duration kPartitionSpan = std::chrono::hours(6);
int64_t partition_hour(int64_t time_ns);
std::string partition_name(int64_t hour);
std::optional<int64_t> parse_partition_name(std::string_view name);

}  // namespace dragonfly
