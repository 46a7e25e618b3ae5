#include "overload_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragonfly {
namespace {

using ::testing::HasSubstr;

constexpr MonotonicTime kStart{Duration(1h)};

// Looks ten times a second, as the server does.
void pass(OverloadWatch& watch, MonotonicTime& now, Duration by) {
  for (const MonotonicTime end = now + by; now < end; now += 100ms) watch.look(now);
}

TEST(OverloadWatch, WhatWasShedIsToldForTenSeconds) {
  ReceiverStats stats;
  const auto f = [&](const std::function<void()>& shed, const std::string& text) {
    OverloadWatch watch(stats);
    MonotonicTime now = kStart;
    EXPECT_EQ(watch.trouble(), "");
    watch.look(now);
    EXPECT_EQ(watch.trouble(), "") << "what was before";
    shed();
    EXPECT_THAT(watch.trouble(), HasSubstr(text)) << "at once";
    pass(watch, now, 9s);
    EXPECT_THAT(watch.trouble(), HasSubstr("sheds load: in the last 10 s " + text));
    pass(watch, now, 3s);
    EXPECT_EQ(watch.trouble(), "");
  };
  f([&] { stats.drop(RowDrop::kOverload, 7); }, "7 rows were not taken");
  f([&] { stats.kernel_drops.add(5); }, "5 datagrams were lost in a full socket buffer");
  f([&] { stats.frames_dropped_full.add(2); }, "2 frames were dropped on their way");
  f([&] { stats.datagrams_dropped_door.add(3); }, "3 datagrams of dialects");
  f([&] { stats.frames_dropped_pace.add(4); }, "4 frames were dropped of agents");
}

TEST(OverloadWatch, CausesStandBesideEachOther) {
  ReceiverStats stats;
  OverloadWatch watch(stats);
  watch.look(kStart);
  stats.drop(RowDrop::kOverload, 7);
  stats.drop(RowDrop::kDiskFull, 9);
  stats.kernel_drops.add(5);
  EXPECT_EQ(
      watch.trouble(),
      "sheds load: in the last 10 s 7 rows were not taken and not acknowledged: they come again; 5 datagrams were "
      "lost in a full socket buffer");
}

}  // namespace
}  // namespace dragonfly
