#include "edge/agent/transport_choice.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

MonotonicTime at(Duration time) { return MonotonicTime(time); }

TEST(TransportChoice, SilenceLeadsToHttpsAndAnAnswerBack) {
  TransportChoice choice;
  EXPECT_FALSE(choice.update(std::nullopt, at(100s)));
  EXPECT_FALSE(choice.update(at(100s), at(100s + TransportChoice::kGivenUpAfter - 1ms)));
  EXPECT_FALSE(choice.is_try_due(at(1000s)));
  EXPECT_FALSE(choice.answered_by_udp());
  EXPECT_TRUE(choice.update(at(100s), at(115s)));
  EXPECT_TRUE(choice.by_https());
  EXPECT_FALSE(choice.update(at(100s), at(116s)));  // Once.
  EXPECT_FALSE(choice.is_try_due(at(115s + TransportChoice::kTriedEvery - 1ms)));
  EXPECT_TRUE(choice.is_try_due(at(175s)));
  EXPECT_FALSE(choice.is_try_due(at(176s)));
  EXPECT_TRUE(choice.is_try_due(at(235s)));
  EXPECT_TRUE(choice.answered_by_udp());
  EXPECT_FALSE(choice.by_https());
  EXPECT_FALSE(choice.is_try_due(at(300s)));
  EXPECT_FALSE(choice.update(at(300s), at(301s)));
  EXPECT_TRUE(choice.update(at(300s), at(315s)));
}

}  // namespace
}  // namespace dragonfly
