// Keys that change, agents that are revoked, and agents that are more than one.
#include "ingest/receiver/testing/shard_fixture.h"

namespace dragonfly {
namespace {

class ShardStandingTest : public ShardTest {
 protected:
  ShardStandingTest() {
    make_shards(1);
    enrol(agent_.record());
  }
  void set(uint8_t epoch, uint8_t older, bool revoked = false) {
    AgentRecord record = agent_.record();
    record.epoch = epoch;
    record.older_epoch = older;
    record.revoked = revoked;
    enrol(record);
  }
  FakeAgent agent_{0x11, master_, {"ns", "m", "vm"}};
};

TEST_F(ShardStandingTest, AKeyIsChangedWithoutALostRow) {
  store(agent_, {1, now()}, 1);
  set(2, 1);
  // Under the older key everything goes on, and the newer one is told.
  send(agent_.make({2, now()}));
  ASSERT_TRUE(submitted());
  log_.commit();
  const AckBody told = receive_ack(agent_);
  EXPECT_EQ(told.cumulative, 2u);
  ASSERT_TRUE(told.next_key.has_value());
  EXPECT_EQ(told.next_key->epoch, 2);
  EXPECT_EQ(told.next_key->key, derive_agent_key(master_, 0x11, 2));
  store(agent_, {3, now()}, 3);
  EXPECT_EQ(epoch_used_, 0);
  // The first frame under the newer one closes the older.
  const Bytes late = agent_.make({4, now()});
  agent_.use_epoch(2);
  store(agent_, {4, now()}, 4);
  EXPECT_EQ(epoch_used_, 2);
  send(late);
  ASSERT_TRUE(comes_true([&] { return faults(DatagramFault::kWrongEpoch) == 1; }));
  EXPECT_EQ(heads_[0]->rows(), 4u);
}

TEST_F(ShardStandingTest, ARevokedAgentIsToldOnceInAWhileAndNobodyElseIs) {
  store(agent_, {1, now()}, 1);
  set(1, 0, true);
  send(agent_.make({2, now(20)}));
  const AckBody told = receive_ack(agent_);
  EXPECT_EQ(told.standing, AgentStanding::kRevoked);
  EXPECT_EQ(told.cumulative, 0u);
  for (int i = 0; i < 20; ++i) send(agent_.make({2, now(20)}));
  Bytes forged = agent_.make({2, now(20)});
  forged.back() ^= 1;
  send(forged);
  ASSERT_TRUE(comes_true([&] { return faults(DatagramFault::kRevoked) == 22; }));
  ReceiveBatch batch(kDatagramBytesMax);
  EXPECT_EQ(client_.receive(batch), 0u);
  EXPECT_EQ(heads_[0]->rows(), 1u);
  EXPECT_EQ(log_.waiting(), 0u);
}

TEST_F(ShardStandingTest, AForgedFrameOfARevokedAgentIsNeverAnswered) {
  set(1, 0, true);
  Bytes forged = agent_.make({1, now(20)});
  forged.back() ^= 1;
  for (int i = 0; i < 5; ++i) send(forged);
  ASSERT_TRUE(comes_true([&] { return faults(DatagramFault::kRevoked) == 5; }));
  ReceiveBatch batch(kDatagramBytesMax);
  EXPECT_EQ(client_.receive(batch), 0u);
}

TEST_F(ShardStandingTest, ASecondAgentOfAVmWaits) {
  FakeAgent second(0x12, master_, {"ns", "m", "vm"});
  enrol(second.record());
  store(agent_, {1, now()}, 1);
  send(second.make({1, now(3)}));
  const AckBody told = receive_ack(second);
  EXPECT_EQ(told.standing, AgentStanding::kOtherAgent);
  EXPECT_EQ(told.cumulative, 0u);
  EXPECT_EQ(dropped(RowDrop::kOtherAgent), 3u);
  EXPECT_EQ(directory_.find_vm({"ns", "m", "vm"})->agent_id, 0x11u);
  store(agent_, {2, now()}, 2);
  // Revoked, the first makes room at once.
  set(1, 0, true);
  store(second, {1, now(3)}, 3);
  EXPECT_EQ(heads_[0]->rows(), 5u);
  EXPECT_EQ(directory_.find_vm({"ns", "m", "vm"})->agent_id, 0x12u);
}

TEST_F(ShardStandingTest, AfterLongSilenceTheSecondTakesThePlace) {
  FakeAgent second(0x12, master_, {"ns", "m", "vm"});
  enrol(second.record());
  store(agent_, {1, now()}, 1);
  VmEntry* const vm = directory_.find_vm({"ns", "m", "vm"});
  vm->agent_heard_ns = (clock_.monotonic() - Shard::kTakeOverAfter).time_since_epoch().count();
  store(second, {1, now()}, 1);
  send(agent_.make({2, now()}));
  EXPECT_EQ(receive_ack(agent_).standing, AgentStanding::kOtherAgent);
}

TEST_F(ShardStandingTest, TwoMachinesWithOneKeyAreFound) {
  FakeAgent clone(0x11, master_, {"ns", "m", "vm"});
  UdpSocket other = std::move(*UdpSocket::open({*Endpoint::parse("127.0.0.2:0"), 0, false}));
  const VmEntry* vm = nullptr;
  for (int i = 0; i < 6; ++i) {
    FakeAgent& one = i % 2 == 0 ? agent_ : clone;
    one.session = 100 + static_cast<uint64_t>(i);
    one.packet = 0;
    const uint64_t before = stats_.frames.value();
    FakeAgent::Frame alive{1, {}, false};
    alive.type = FrameType::kKeepAlive;
    ASSERT_TRUE((i % 2 == 0 ? client_ : other).send(addresses_[0], one.make(alive)));
    ASSERT_TRUE(comes_true([&] { return stats_.frames.value() == before + 1; }));
    vm = directory_.find_vm({"ns", "m", "vm"});
  }
  EXPECT_EQ(stats_.sessions_duplicate.value(), 2u);
  EXPECT_NE(vm->duplicate_ns, 0);
}

}  // namespace
}  // namespace dragonfly
