// The association with its spool: what was taken is stored once, whoever starts again and whatever is lost.
#include <gtest/gtest.h>

#include <algorithm>

#include "edge/agent/spool_testing.h"
#include "edge/agent/test_server.h"

namespace dragonfly {
namespace {

struct Fixture {
  explicit Fixture(uint64_t seed = 1, SpoolLimits spool_limits = {})
      : limits(spool_limits), agent(seed, true, {.bytes_max = 8 << 10, .age_max = 24h}), server(agent.server()) {
    start();
  }
  // The process begins; what was in its memory is gone.
  void start() {
    spool.reset();
    auto opened =
        RowSpool::open(files, directory.path(), agent.identity.agent_id, limits, agent.random, agent.clock.wall());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    spool = std::move(*opened);
    agent.start(spool.get());
  }
  void tick(Duration interval = 2s) {
    agent.tick();
    taken += 2;
    agent.run(interval);
  }
  uint64_t distinct_rows() const {
    std::set<std::string> out;
    for (const auto& [sequence, row] : server.stored) out.insert(row);
    return out.size();
  }
  // Until nothing waits; returns how long it took.
  Duration drain(Duration at_most = 10min) {
    const MonotonicTime start = agent.clock.monotonic();
    while (agent.association->rows_waiting() > 0 && agent.clock.monotonic() - start < at_most) {
      agent.run(100ms);
      agent.exchange(server);
    }
    return agent.clock.monotonic() - start;
  }

  TestDirectory directory;
  FullFiles files;
  SpoolLimits limits;
  TestAgent agent;
  TestServer server;
  std::unique_ptr<RowSpool> spool;
  uint64_t taken = 0;
};

TEST(AssociationSpool, HoursWithoutAServerAreKeptAndDrainBesideLiveRows) {
  Fixture f;
  constexpr int kTicks = 3 * 3600 / 2;
  for (int i = 0; i < kTicks; ++i) f.tick();
  EXPECT_EQ(f.agent.association->rows_waiting(), f.taken);
  EXPECT_LE(f.agent.association->buffer().bytes(), size_t{8 << 10});
  EXPECT_EQ(f.agent.association->rows_dropped(), 0u);
  f.agent.take_sent();  // Lost.
  f.agent.run(2min);
  // The server is there again: each tick's rows are acknowledged at once while the older ones follow.
  f.agent.exchange(f.server);
  uint64_t backlog = f.agent.association->rows_waiting();
  for (int i = 0; i < 20; ++i) {
    f.agent.tick();
    f.taken += 2;
    f.agent.exchange(f.server);
    EXPECT_GE(f.server.done.ranges().empty() ? 0 : f.server.done.ranges().back().last, f.taken);
    f.agent.run(1s);
    f.agent.exchange(f.server);
    EXPECT_LT(f.agent.association->rows_waiting(), backlog);
    EXPECT_GT(f.agent.association->rows_waiting() + 2 * Association::kReplayBlocks + 200, backlog);  // Bounded.
    backlog = f.agent.association->rows_waiting();
  }
  const Duration took = f.drain();
  EXPECT_EQ(f.server.stored.size(), f.taken);
  EXPECT_EQ(f.distinct_rows(), f.taken);
  EXPECT_EQ(f.server.done.cumulative(), f.taken);
  EXPECT_GT(took, Duration(1s) * (kTicks / static_cast<int>(Association::kBacklogPerS) - 40));
  EXPECT_EQ(f.directory.segments().size(), 1u);
}

TEST(AssociationSpool, WhatMemoryHeldComesBackAfterAKill) {
  Fixture f;
  for (int i = 0; i < 5; ++i) f.tick();
  f.start();
  EXPECT_EQ(f.agent.association->rows_waiting(), 10u);
  f.tick();
  f.drain();
  EXPECT_EQ(f.server.stored.size(), 12u);
  EXPECT_EQ(f.distinct_rows(), 12u);
}

TEST(AssociationSpool, RowsThatWereAcknowledgedMayComeAgainAndAreStoredOnce) {
  Fixture f;
  for (int i = 0; i < 20; ++i) {
    f.tick(0s);
    f.agent.exchange(f.server);
    f.agent.run(2s);
  }
  f.start();
  EXPECT_LE(f.agent.association->rows_waiting(), 4u);  // Since the last record that told what was acknowledged.
  f.drain();
  EXPECT_EQ(f.server.stored.size(), 40u);
  EXPECT_EQ(f.server.doubles, 0u);
  EXPECT_EQ(f.agent.association->rows_dropped(), 0u);
}

TEST(AssociationSpool, BeyondTheRoomTheOldestGoAndAllIsAccountedFor) {
  Fixture f(1, {.bytes_max = kSpoolBytesMin, .age_max = 24h});
  while (f.agent.association->rows_dropped() == 0) f.tick();
  for (int i = 0; i < 100; ++i) f.tick();
  EXPECT_EQ(f.agent.association->rows_waiting() + f.agent.association->rows_dropped(), f.taken);
  f.agent.take_sent();  // Lost.
  f.drain();
  EXPECT_EQ(f.server.stored.size() + f.agent.association->rows_dropped(), f.taken);
  EXPECT_EQ(f.server.done.cumulative(), f.taken);  // What was dropped is passed, not waited for.
}

TEST(AssociationSpool, AFullDiskLeavesWhatMemoryHolds) {
  Fixture f;
  f.tick();
  f.files.room = 0;
  for (int i = 0; i < 100; ++i) f.tick();
  const uint64_t dropped = f.agent.association->rows_dropped();
  EXPECT_GT(dropped, 0u);
  EXPECT_EQ(f.spool->stats().rows_unwritten, 200u);
  EXPECT_EQ(f.agent.association->rows_waiting() + dropped, f.taken);
  f.files.room = UINT64_MAX;
  for (int i = 0; i < 10; ++i) f.tick();
  f.agent.take_sent();  // Lost.
  f.drain();
  EXPECT_EQ(f.server.stored.size() + f.agent.association->rows_dropped(), f.taken);
}

// Kills of the agent, a server that comes and goes and forgets dictionaries, a lossy network, little memory.
TEST(AssociationSpool, AnyHistoryStoresEachRowOnce) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Fixture f(seed);
    SeededRandom random(seed * 77);
    bool up = true;
    for (int step = 0; step < 300; ++step) {
      f.tick(Duration(1ms) * static_cast<int64_t>(1 + random.below(4000)));
      const uint64_t what = random.below(100);
      if (what < 3) f.start();
      if (what >= 3 && what < 8) up = !up;
      if (what == 9) f.server.dictionaries.clear();
      if (what == 10) {
        f.agent.association->flush(64, f.agent.now());
        f.spool->close(f.agent.association->lowest_kept());
        f.agent.take_sent();
        f.start();
      }
      for (const Bytes& datagram : f.agent.take_sent()) {
        if (!up || random.below(100) < 20) continue;
        (void)f.server.take(datagram);
        if (random.below(100) < 60) f.agent.receive(f.server.ack());
      }
    }
    f.drain();
    EXPECT_EQ(f.agent.association->rows_waiting(), 0u);
    EXPECT_EQ(f.agent.association->rows_dropped(), 0u);
    EXPECT_EQ(f.server.doubles, 0u);
    EXPECT_EQ(f.server.stored.size(), f.taken);
    EXPECT_EQ(f.distinct_rows(), f.taken);
  }
}

}  // namespace
}  // namespace dragonfly
