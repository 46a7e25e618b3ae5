#include "model/frame/sequence_set.h"

#include <gtest/gtest.h>

#include <set>

#include "base/rt/random.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

using Ranges = std::vector<SequenceRange>;

TEST(SequenceSet, MergesWhatTouches) {
  SequenceSet set;
  const auto f = [&](uint64_t first, uint64_t last, uint64_t cumulative, const Ranges& ranges) {
    EXPECT_TRUE(set.add(first, last)) << first;
    EXPECT_EQ(set.cumulative(), cumulative) << first;
    EXPECT_EQ(set.ranges(), ranges) << first;
  };
  f(1, 3, 3, {});
  f(2, 3, 3, {});
  f(6, 7, 3, {{6, 7}});
  f(10, 12, 3, {{6, 7}, {10, 12}});
  f(20, 20, 3, {{6, 7}, {10, 12}, {20, 20}});
  f(8, 8, 3, {{6, 8}, {10, 12}, {20, 20}});
  f(9, 9, 3, {{6, 12}, {20, 20}});
  f(5, 5, 3, {{5, 12}, {20, 20}});
  f(15, 25, 3, {{5, 12}, {15, 25}});
  f(3, 4, 12, {{15, 25}});
  f(14, 30, 12, {{14, 30}});
  f(1, 40, 40, {});
}

TEST(SequenceSet, RefusesWhatIsNoRange) {
  SequenceSet set;
  EXPECT_FALSE(set.add(0, 5));
  EXPECT_FALSE(set.add(6, 5));
  EXPECT_FALSE(set.add(1, kSequenceMax + 1));
  EXPECT_FALSE(set.add(2, UINT64_MAX));
  EXPECT_EQ(set, SequenceSet());
  EXPECT_TRUE(set.add(1, kSequenceMax));
}

TEST(SequenceSet, KeepsAtMostKRangesMaxAndIsThenUnchanged) {
  SequenceSet set;
  for (uint64_t i = 0; i < SequenceSet::kRangesMax; ++i) EXPECT_TRUE(set.add(10 * (i + 1), 10 * (i + 1) + 1));
  const SequenceSet full = set;
  EXPECT_FALSE(set.add(5, 5));
  EXPECT_FALSE(set.add(10'000, 10'000));
  EXPECT_EQ(set, full);
  EXPECT_TRUE(set.add(12, 12));  // Needs no range of its own.
  EXPECT_TRUE(set.add(1, 9));
  EXPECT_EQ(set.cumulative(), 12u);
  EXPECT_TRUE(set.add(10'000, 10'000));  // There is room again.
}

TEST(SequenceSet, PassesWhatWillNeverCome) {
  SequenceSet set;
  set.add(10, 12);
  set.add(20, 21);
  const auto f = [&](uint64_t lowest_kept, uint64_t cumulative, const Ranges& ranges) {
    set.pass(lowest_kept);
    EXPECT_EQ(set.cumulative(), cumulative);
    EXPECT_EQ(set.ranges(), ranges);
  };
  f(0, 0, {{10, 12}, {20, 21}});
  f(1, 0, {{10, 12}, {20, 21}});
  f(5, 4, {{10, 12}, {20, 21}});
  f(10, 12, {{20, 21}});
  f(3, 12, {{20, 21}});
  f(21, 21, {});
  f(UINT64_MAX, kSequenceMax, {});
}

TEST(SequenceSetProperty, AgreesWithASetAndComesBack) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    SequenceSet set;
    std::set<uint64_t> done;
    for (int i = 0; i < 60; ++i) {
      const uint64_t first = 1 + random.below(200);
      const uint64_t last = first + random.below(6);
      ASSERT_TRUE(set.add(first, last));
      for (uint64_t n = first; n <= last; ++n) done.insert(n);
      const uint64_t from = 1 + random.below(210);
      const uint64_t to = from + random.below(4);
      bool all = true;
      for (uint64_t n = from; n <= to; ++n) all = all && done.contains(n);
      ASSERT_EQ(set.contains(from, to), all) << from << " " << to;
    }
    Bytes bytes;
    ByteWriter writer(bytes);
    set.encode(writer);
    SequenceSet out;
    ByteReader in(bytes);
    ASSERT_TRUE(SequenceSet::decode(in, out));
    EXPECT_TRUE(in.done());
    EXPECT_EQ(out, set);
    for (size_t size = 0; size < bytes.size(); ++size) {
      ByteReader cut(ByteView(bytes).first(size));
      EXPECT_FALSE(SequenceSet::decode(cut, out));
    }
  }
}

TEST(SequenceSet, DecodeRefusesWhatAddWouldNotMake) {
  const auto f = [](std::string_view hex) {
    const Bytes bytes = spaced_hex(hex);
    ByteReader in(bytes);
    SequenceSet out;
    return SequenceSet::decode(in, out);
  };
  EXPECT_TRUE(f("0500"));
  EXPECT_TRUE(f("05010101"));
  EXPECT_FALSE(f("05010001"));                // A neighbour of what is below.
  EXPECT_FALSE(f("05010100"));                // Empty.
  EXPECT_FALSE(f("0541"));                    // 65 ranges.
  EXPECT_FALSE(f("ffffffffffffffffff0100"));  // Above kSequenceMax.
  EXPECT_FALSE(f("0501ffffffffffffffffff0101"));
  EXPECT_FALSE(f("050101ffffffffffffffffff01"));
  EXPECT_FALSE(f("0501 0180808080808080808040"));  // A length of 2^62 above 6.
}

}  // namespace
}  // namespace dragonfly
