#include "model/frame/frame_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rt/random.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

Bytes datagram(uint64_t agent, size_t size, uint64_t packet = 1) {
  Bytes out(size, static_cast<uint8_t>(packet));
  FrameHeader header;
  header.agent_id = agent;
  header.session = 7;
  header.packet = packet;
  header.encode(std::span<uint8_t, kFrameHeaderBytes>(out.data(), kFrameHeaderBytes));
  return out;
}

Bytes batch_of(const std::vector<Bytes>& datagrams) {
  Bytes out;
  for (const Bytes& one : datagrams) add_to_batch(one, out);
  return out;
}

TEST(FrameBatch, ComesBack) {
  SeededRandom random(3);
  for (size_t count : {0, 1, 2, 63, 64}) {
    std::vector<Bytes> made;
    for (size_t i = 0; i < count; ++i) made.push_back(datagram(9, 48 + random.below(kFrameBytesMax - 47), i + 1));
    const Bytes body = batch_of(made);
    const auto batch = read_batch(body);
    ASSERT_TRUE(batch.has_value()) << batch.error().message;
    EXPECT_EQ(batch->agent_id, count == 0 ? 0u : 9u);
    ASSERT_EQ(batch->datagrams.size(), count);
    for (size_t i = 0; i < count; ++i) EXPECT_TRUE(std::ranges::equal(batch->datagrams[i], made[i]));
  }
}

TEST(FrameBatch, IsWholeOrRefused) {
  const auto f = [](const Bytes& body, std::string_view what) {
    const auto batch = read_batch(body);
    ASSERT_FALSE(batch.has_value()) << what;
    EXPECT_THAT(batch.error().message, testing::HasSubstr(std::string(what)));
  };
  const Bytes one = batch_of({datagram(1, 100)});
  for (size_t size = 1; size < one.size(); ++size)
    f(Bytes(one.begin(), one.begin() + static_cast<ptrdiff_t>(size)), "byte 0");
  f(Bytes{0, 0}, "byte 0");
  Bytes longer = one;
  longer.push_back(0);
  f(longer, "byte 102");
  Bytes large(2 + kFrameBytesMax + 1, 0);
  large[0] = (kFrameBytesMax + 1) & 0xff;
  large[1] = (kFrameBytesMax + 1) >> 8;
  f(large, "32 to 1200");
  f(batch_of({datagram(1, 100), datagram(2, 100)}), "another agent");
  Bytes version = one;
  version[2] = 2;
  f(version, "byte 0");
  std::vector<Bytes> many(kBatchFramesMax + 1, datagram(1, 48));
  f(batch_of(many), "more than 64");
}

TEST(FrameBatchProperty, ABitThatFlipsIsNoCrash) {
  SeededRandom random(4);
  const Bytes whole = batch_of({datagram(1, 60), datagram(1, 1200, 2), datagram(1, 48, 3)});
  for (int i = 0; i < 5000; ++i) {
    Bytes changed = whole;
    const size_t at = random.below(changed.size());
    changed[at] = static_cast<uint8_t>(changed[at] ^ (1u << random.below(8)));
    if (const auto batch = read_batch(changed)) {
      Bytes again;
      for (const ByteView one : batch->datagrams) add_to_batch(one, again);
      EXPECT_EQ(again, changed);
    }
  }
}

TEST(FrameBatchCompat, GoldenBytes) {
  const Bytes made = batch_of({datagram(0x0123456789abcdef, 48), datagram(0x0123456789abcdef, 50, 2)});
  const Bytes bytes = golden(DF_SOURCE_DIR, "frame_batch", made);
  EXPECT_EQ(made, bytes);
  EXPECT_EQ(read_batch(bytes)->datagrams.size(), 2u);
}

}  // namespace
}  // namespace dragonfly
