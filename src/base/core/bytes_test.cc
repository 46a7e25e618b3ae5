#include "base/core/bytes.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Bytes, VarintsRoundTripAtEveryPowerOfTwo) {
  const auto f = [](uint64_t value) {
    Bytes out;
    ByteWriter(out).varint(value);
    ByteReader in(out);
    EXPECT_EQ(in.varint(), value);
    EXPECT_TRUE(in.done());
  };
  f(0);
  f(~uint64_t{0});
  for (unsigned bit = 0; bit < 64; ++bit) {
    f(uint64_t{1} << bit);
    f((uint64_t{1} << bit) - 1);
    f((uint64_t{1} << bit) + 1);
  }
}

TEST(Bytes, ZigzagKeepsExtremes) {
  for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, INT64_MIN, INT64_MAX}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
}

TEST(Bytes, ReadingPastTheEndFailsAndStaysFailed) {
  const Bytes in = {1, 2, 3};
  ByteReader reader(in);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_TRUE(reader.bytes(1).empty());
}

TEST(Bytes, VarintOfMoreThan64BitsFails) {
  const Bytes in(11, 0xff);
  ByteReader reader(in);
  reader.varint();
  EXPECT_FALSE(reader.ok());
}

TEST(Bytes, HexRefusesWhatIsNotHex) {
  EXPECT_EQ(to_hex(from_hex("00ffA5")), "00ffa5");
  EXPECT_TRUE(from_hex("0").empty());
  EXPECT_TRUE(from_hex("0g").empty());
}

}  // namespace
}  // namespace dragonfly
