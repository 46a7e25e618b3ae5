// The door of the dialects under more than it can take.
#include "ingest/receiver/rows_door.h"

#include <future>

#include "ingest/receiver/testing/shard_fixture.h"

namespace dragonfly {
namespace {

// A door whose thread stands still until release(): what is given to it meanwhile waits.
class DoorTest : public ShardTest {
 protected:
  DoorTest() {
    make_shards(1);
    door_.set_shards({shards_[0].get()});
  }
  void hold() {
    // A body whose answer waits for the test.
    door_.write_lines({"", RowDoor::Precision::kMilliseconds, "", false, {}}, [this](const Result<WriteOutcome>&) {
      held_.set_value();
      release_.get_future().wait();
    });
    held_.get_future().wait();
  }
  static std::string datagram(const std::string& vm, int64_t ms) {
    return fmt::format(R"({{"name":"cpu","tags":{{"vmId":"{}"}},"fields":{{"cpu_idle":50.5}},"timestamp":{}}})", vm,
                       ms);
  }
  uint64_t rows_of(const std::string& vm) const {
    uint64_t rows = 0;
    for (const auto& record : heads_[0]->applied()) rows += record.vm.vm == vm ? record.times.size() : 0;
    return rows;
  }
  bool rows_come(uint64_t rows) {
    return comes_true([&] {
      log_.commit();
      return heads_[0]->rows() == rows;
    });
  }

  std::promise<void> held_;
  std::promise<void> release_;
  RowsDoor door_{directory_, clock_, stats_, 26h};
};

TEST_F(DoorTest, DatagramsBecomeRows) {
  const int64_t now = unix_ms(clock_.wall());
  for (int i = 0; i < 100; ++i) door_.take_telegraf(datagram("vm", now + i), 1);
  EXPECT_TRUE(rows_come(100));
  EXPECT_EQ(stats_.datagrams_dropped_door.value(), 0u);
}

TEST_F(DoorTest, AFloodLosesItsOldestAndNobodyElseAnything) {
  hold();
  const int64_t now = unix_ms(clock_.wall());
  constexpr int kFlood = 3 * static_cast<int>(RowsDoor::kDatagramsMax);
  for (int i = 0; i < kFlood; ++i) {
    door_.take_telegraf(datagram("flood", now + i % 1000), 1);
    if (i % 1000 == 0) door_.take_telegraf(datagram("polite", now + i / 1000), 2);
  }
  constexpr uint64_t kPolite = kFlood / 1000 + 1;
  EXPECT_EQ(stats_.datagrams_dropped_door.value(), kFlood + kPolite - RowsDoor::kDatagramsMax);
  release_.set_value();
  EXPECT_TRUE(rows_come(RowsDoor::kDatagramsMax));
  EXPECT_EQ(rows_of("polite"), kPolite);
}

TEST_F(DoorTest, BodiesBeyondTheBoundAreRefusedAtOnce) {
  hold();
  std::atomic<int> refused{0}, answered{0};
  const int more = 7;
  for (int i = 0; i < static_cast<int>(RowsDoor::kWaitingMax) + more; ++i) {
    door_.write_lines({"", RowDoor::Precision::kMilliseconds, "", false, {}},
                      [&](const Result<WriteOutcome>& outcome) { ++(outcome ? answered : refused); });
  }
  EXPECT_EQ(refused, more);
  // There is no room for the task that takes datagrams: a body that is done makes some.
  door_.take_telegraf(datagram("vm", unix_ms(clock_.wall())), 1);
  release_.set_value();
  EXPECT_TRUE(comes_true([&] { return answered == static_cast<int>(RowsDoor::kWaitingMax); }));
  EXPECT_TRUE(rows_come(1));
}

}  // namespace
}  // namespace dragonfly
