// What a shard does with more than it can take: nothing is acknowledged that is not durable, each drop is counted, and who
// sends little loses nothing to who sends much.
#include "ingest/receiver/testing/shard_fixture.h"

namespace dragonfly {
namespace {

const VmIdentity kVm{"ns", "mcis", "vm"};
const Endpoint kSource = *Endpoint::parse("127.0.0.1:1000");

TEST_F(ShardTest, AFullHeadTakesNothingUntilItHasRoom) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const FakeAgent::Frame frame{.times = now(2)};
  heads_[0]->full = true;
  send(agent.make(frame));
  ASSERT_TRUE(comes_true([&] { return dropped(RowDrop::kOverload) == 2; }));
  expect_no_ack();
  EXPECT_EQ(log_.waiting(), 0u);
  EXPECT_EQ(stats_.rows_received.value(), 2u);
  heads_[0]->full = false;
  store(agent, frame, 2u);
}

TEST_F(ShardTest, AFullHeadStillAcknowledgesWhatIsDurable) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const FakeAgent::Frame frame{.times = now(2)};
  store(agent, frame, 2u);
  heads_[0]->full = true;
  send(agent.make(frame));  // Its ack was lost.
  EXPECT_EQ(receive_ack(agent).cumulative, 2u);
  EXPECT_EQ(dropped(RowDrop::kOverload), 0u);
}

TEST_F(ShardTest, DialectRowsForAFullHeadAreRefusedToTheirWriter) {
  make_shards(1);
  heads_[0]->full = true;
  VmEntry* vm = *directory_.intern_vm(kVm);
  std::optional<Result<>> told;
  const auto ticket = std::make_shared<WriteTicket>(1, [&](const Result<>& result) { told = result; });
  std::atomic<bool> ran{false};
  ASSERT_TRUE(shards_[0]->post([&] {
    shards_[0]->take_dialect_rows({{vm, nullptr, nullptr, {}, 5}}, ticket);
    ran = true;
  }));
  ASSERT_TRUE(comes_true([&] { return ran.load(); }));
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(dropped(RowDrop::kOverload), 5u);
  EXPECT_EQ(stats_.rows_in_flight.value(), 0);
}

// One agent floods: its frames beyond its share are dropped unread, it is told the pace, and nobody else notices.
TEST_F(ShardTest, AnAgentThatSendsTooMuchIsHeldToItsShare) {
  make_shards(1, false);
  FakeAgent flood(8, master_, kVm);
  FakeAgent polite(9, master_, {"ns", "mcis", "vm-2"});
  for (const FakeAgent* agent : {&flood, &polite}) shards_[0]->set_agent(agent->record());
  constexpr uint64_t kFrames = 3 * Shard::kAgentFramesAtOnce;
  for (uint64_t i = 0; i < kFrames; ++i)
    shards_[0]->take_frame(flood.make({.ack_now = false, .type = FrameType::kKeepAlive}), kSource);
  const uint64_t over = stats_.frames_dropped_pace.value();
  EXPECT_GT(over, kFrames / 3);  // Some comes back meanwhile.
  EXPECT_LE(over, kFrames - Shard::kAgentFramesAtOnce);
  EXPECT_EQ(stats_.frames.value(), kFrames);
  shards_[0]->take_frame(polite.make({.times = now()}), kSource);
  EXPECT_EQ(stats_.frames_dropped_pace.value(), over);
  EXPECT_EQ(stats_.rows_received.value(), 1u) << "of the other";
}

TEST_F(ShardTest, ThePaceIsTold) {
  make_shards(1);
  FakeAgent flood(8, master_, kVm);
  enrol(flood.record());
  send(flood.make({.type = FrameType::kKeepAlive}));
  EXPECT_EQ(receive_ack(flood).frames_per_s_max, std::nullopt);
  const auto over = [&] { return stats_.frames_dropped_pace.value() > 0; };
  for (int i = 0; i < 500'000 && !over(); ++i) send(flood.make({.ack_now = false, .type = FrameType::kKeepAlive}));
  ASSERT_TRUE(over());
  EXPECT_EQ(receive_ack(flood).frames_per_s_max, Shard::kAgentFramesPerS);
}

// Frames with another's id that do not open cost that agent nothing.
TEST_F(ShardTest, NobodyElseUsesUpAnAgentsShare) {
  make_shards(1, false);
  FakeAgent agent(8, master_, kVm);
  shards_[0]->set_agent(agent.record());
  shards_[0]->take_frame(agent.make({.type = FrameType::kKeepAlive}), kSource);
  Bytes forged = agent.make({.times = now()});
  forged.back() ^= 1;
  for (uint64_t i = 0; i < 2 * Shard::kAgentFramesAtOnce; ++i)
    shards_[0]->take_frame(forged, *Endpoint::parse("192.0.2.1:1"));
  EXPECT_EQ(stats_.frames_dropped_pace.value(), 0u);
  shards_[0]->take_frame(agent.make({.times = now()}), kSource);
  EXPECT_EQ(stats_.rows_received.value(), 1u);
}

}  // namespace
}  // namespace dragonfly
