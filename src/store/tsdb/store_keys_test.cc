#include "store/tsdb/store_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <tuple>

#include "base/core/bytes.h"
#include "base/rt/random.h"

namespace dragonfly {
namespace {

TEST(StoreKeys, DecodeUndoesEncode) {
  const auto f = [](uint32_t group, uint32_t vm, std::string device, int64_t start, uint64_t sequence) {
    const ChunkKey key{GroupId{group}, VmId{vm}, std::move(device), start, sequence};
    EXPECT_EQ(decode_chunk_key(encode_chunk_key(key)), key);
  };
  f(1, 1, "", 0, 0);
  f(UINT32_MAX, UINT32_MAX, "sda", INT64_MAX, UINT64_MAX);
  f(64, 7, std::string("\0a\0\0\xff\1", 6), INT64_MIN, 1);
  f(1, 1, std::string(256, 'x'), -1, 1);
}

TEST(StoreKeys, BytewiseOrderIsTheOrderOfTheFields) {
  SeededRandom random(11);
  const std::string devices[] = {"", "a", "a\1", std::string("a\0", 2), std::string("a\0b", 3), "ab", "b", "\xff"};
  const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
  for (int i = 0; i < 20'000; ++i) {
    const auto make = [&] {
      return ChunkKey{GroupId{static_cast<uint32_t>(random.below(3))},
                      VmId{static_cast<uint32_t>(random.below(3) * 255)}, devices[random.below(8)],
                      times[random.below(5)], random.below(3)};
    };
    const ChunkKey a = make();
    const ChunkKey b = make();
    const auto tie = [](const ChunkKey& k) { return std::tie(k.group, k.vm, k.device, k.start_ns, k.sequence); };
    EXPECT_EQ(encode_chunk_key(a) < encode_chunk_key(b), tie(a) < tie(b));
    const std::string series = encode_chunk_key(a);
    EXPECT_LT(series_prefix(a.group, a.vm, a.device), series);
    EXPECT_GT(after_series(a.group, a.vm, a.device), series);
    const bool same = std::tie(a.group, a.vm, a.device) == std::tie(b.group, b.vm, b.device);
    EXPECT_EQ(encode_chunk_key(b).starts_with(series_prefix(a.group, a.vm, a.device)), same);
    EXPECT_EQ(encode_chunk_key(b) >= seek_key(a.group, a.vm, a.device, a.start_ns),
              std::tie(b.group, b.vm, b.device, b.start_ns) >= std::tie(a.group, a.vm, a.device, a.start_ns));
  }
}

TEST(StoreKeys, RefusesWhatIsNoKey) {
  const std::string key = encode_chunk_key({GroupId::kDisk, VmId{9}, "sda", 5, 6});
  for (size_t size = 0; size < key.size(); ++size)
    EXPECT_FALSE(decode_chunk_key(key.substr(0, size)).has_value()) << size;
  EXPECT_FALSE(decode_chunk_key(key + "x").has_value());
  std::string escape = key;
  escape[11] = '\x02';  // The first byte of the end mark stands alone then.
  escape[12] = '\x00';
  EXPECT_FALSE(decode_chunk_key(escape).has_value());
}

TEST(StoreKeys, Partitions) {
  const auto f = [](std::string_view time, Tier tier) {
    return to_text(partition_around(tier, hour_of(unix_ns(parse_rfc3339(time).value()))));
  };
  EXPECT_EQ(f("1970-01-01T00:00:00Z", Tier::kRaw), "raw/0");
  EXPECT_EQ(f("1970-01-01T05:59:59.999999999Z", Tier::kRaw), "raw/0");
  EXPECT_EQ(f("1970-01-01T06:00:00Z", Tier::kRaw), "raw/6");
  EXPECT_EQ(f("1969-12-31T23:59:59.999999999Z", Tier::kRaw), "raw/-6");
  EXPECT_EQ(f("1969-12-31T18:00:00Z", Tier::kRaw), "raw/-6");
  EXPECT_EQ(f("1969-12-31T17:59:59Z", Tier::kRaw), "raw/-12");
  EXPECT_EQ(f("1969-12-31T23:59:59Z", Tier::kFresh), "fresh/-1");
  EXPECT_EQ(f("2026-01-31T07:10:00Z", Tier::kFresh), "fresh/491623");
  EXPECT_EQ(f("2026-01-31T07:10:00Z", Tier::kRaw), "raw/491622");
  EXPECT_EQ(f("2026-01-31T07:10:00Z", Tier::kMinute), "1m/491616");
  EXPECT_EQ(f("2026-01-31T07:10:00Z", Tier::kHour), "1h/491520");
  EXPECT_EQ(f("2026-01-31T07:10:00Z", Tier::kDay), "1d/491520");
  EXPECT_EQ(to_text(partition_around(Tier::kRaw, 491623, 24)), "raw/491616+24");
}

TEST(StoreKeys, PartitionNamesHaveOneSpelling) {
  const auto f = [](std::string_view text, std::optional<PartitionName> want) {
    EXPECT_EQ(parse_partition_name(text), want) << text;
    if (want) {
      EXPECT_EQ(to_text(*want), text);
    }
  };
  f("raw/491622", PartitionName{Tier::kRaw, 491622, 6, 0});
  f("raw/-6", PartitionName{Tier::kRaw, -6, 6, 0});
  f("raw/491616+24", PartitionName{Tier::kRaw, 491616, 24, 0});
  f("fresh/491623", PartitionName{Tier::kFresh, 491623, 1, 0});
  f("fresh/491623/3", PartitionName{Tier::kFresh, 491623, 1, 3});
  f("1m/48", PartitionName{Tier::kMinute, 48, 24, 0});
  f("1d/1536", PartitionName{Tier::kDay, 1536, 1536, 0});
  for (const std::string_view text :
       {"raw/", "raw", "raw/6x", "raw/7", "raw/06", "raw/6+6", "raw/6+0", "raw/6+-6", "raw/6/1", "fresh/5/0",
        "fresh/5+2", "fresh/5/", "fresh/5/01", "meta", "default", "2m/24", "raw/99999999999999999999"}) {
    f(text, std::nullopt);
  }
}

TEST(StoreKeys, GoldenBytes) {
  std::ifstream file(DF_SOURCE_DIR "/tests/compat/v1/chunk_key.hex");
  std::string hex;
  file >> hex;
  const ChunkKey key{GroupId::kDisk, VmId{258}, "nvme0n1", 1'573'803'000'000'000'000, 77};
  EXPECT_EQ(to_hex(as_bytes(encode_chunk_key(key))), hex);
  EXPECT_EQ(decode_chunk_key(as_text(from_hex(hex))), key);
}

}  // namespace
}  // namespace dragonfly
