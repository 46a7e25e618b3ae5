#include "ingest/receiver/fair_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/rt/random.h"

namespace dragonfly {
namespace {

std::string all_of(FairQueue& queue) {
  std::string out;
  while (const auto datagram = queue.pop()) out += (out.empty() ? "" : " ") + *datagram;
  return out;
}

TEST(FairQueue, SourcesTakeTurnsAndEachKeepsItsOrder) {
  FairQueue queue(100, 1000);
  for (const auto& [source, text] :
       std::vector<std::pair<uint64_t, std::string>>{{1, "a1"}, {1, "a2"}, {1, "a3"}, {2, "b1"}, {3, "c1"}, {3, "c2"}})
    EXPECT_EQ(queue.push(source, text), 0u);
  EXPECT_EQ(queue.size(), 6u);
  EXPECT_EQ(queue.bytes(), 12u);
  EXPECT_EQ(all_of(queue), "a1 b1 c1 a2 c2 a3");
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.bytes(), 0u);
}

// What is left of pushes "source:text", and how many were dropped, at limits of datagrams and bytes.
TEST(FairQueue, FullItDropsTheOldestOfWhoHasMost) {
  const auto f = [](size_t datagrams, size_t bytes, const std::vector<std::string>& pushes, const std::string& left,
                    size_t dropped) {
    FairQueue queue(datagrams, bytes);
    size_t sum = 0;
    for (const std::string& push : pushes) sum += queue.push(static_cast<uint64_t>(push[0]), push.substr(2));
    EXPECT_EQ(all_of(queue), left);
    EXPECT_EQ(sum, dropped) << left;
  };
  f(3, 100, {"a:1", "a:2", "a:3"}, "1 2 3", 0);
  f(3, 100, {"a:1", "a:2", "a:3", "a:4"}, "2 3 4", 1);
  f(3, 100, {"a:1", "a:2", "b:5", "a:3", "a:4"}, "3 5 4", 2);
  f(3, 100, {"b:5", "a:1", "a:2", "a:3", "a:4"}, "5 3 4", 2);
  f(100, 4, {"a:1", "b:22", "b:33"}, "1 33", 1);
  f(100, 4, {"a:1111", "b:2"}, "2", 1);
  f(100, 4, {"a:1", "b:55555"}, "1", 1);
  f(100, 4, {"a:1111"}, "1111", 0);
  f(0, 4, {"a:1"}, "", 1);
}

TEST(FairQueue, AFloodTakesNothingFromWhoSendsLittle) {
  FairQueue queue(64, 1 << 20);
  size_t dropped = 0;
  for (int i = 0; i < 10'000; ++i) {
    dropped += queue.push(1, "flood");
    if (i % 1000 != 999) continue;
    EXPECT_EQ(queue.push(2 + static_cast<uint64_t>(i) / 1000, "polite"), 1u);
  }
  EXPECT_EQ(queue.size(), 64u);
  size_t polite = 0;
  for (int i = 0; i < 20; ++i) polite += queue.pop() == "polite";
  EXPECT_EQ(polite, 10u) << "all of them, among the first 20";
  EXPECT_EQ(dropped, 10'000u - 64);
}

TEST(FairQueueProperty, CountsAddUpWhateverComes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const size_t datagrams = 1 + random.below(50), bytes = 1 + random.below(500);
    FairQueue queue(datagrams, bytes);
    size_t pushed = 0, popped = 0, dropped = 0;
    for (int i = 0; i < 500; ++i) {
      if (random.below(3) != 0) {
        ++pushed;
        dropped += queue.push(random.below(8), std::string(random.below(40), 'x'));
      } else {
        popped += queue.pop().has_value();
      }
      ASSERT_LE(queue.size(), datagrams);
      ASSERT_LE(queue.bytes(), bytes);
      ASSERT_EQ(pushed, popped + dropped + queue.size());
    }
    while (queue.pop()) ++popped;
    EXPECT_EQ(pushed, popped + dropped);
    EXPECT_EQ(queue.bytes(), 0u);
  }
}

}  // namespace
}  // namespace dragonfly
