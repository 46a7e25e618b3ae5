// Frames that come by HTTPS: acknowledged when they are durable, like those by UDP.
#include "ingest/receiver/frame_doors.h"
#include "ingest/receiver/testing/shard_fixture.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

class ShardHttpsTest : public ShardTest {
 protected:
  ShardHttpsTest() {
    make_shards(1);
    enrol(agent_.record());
  }
  // An exchange whose answer can be waited for.
  struct Exchange {
    std::mutex mutex;
    std::optional<Result<std::vector<Bytes>>> answer;
    int answers = 0;
    bool done() {
      const std::lock_guard lock(mutex);
      return answers > 0;
    }
  };
  std::shared_ptr<Exchange> post(std::vector<Bytes> datagrams, uint64_t agent_id = kAgent) {
    auto exchange = std::make_shared<Exchange>();
    doors_().take_frames({agent_id, std::move(datagrams), "192.0.2.7:4000"}, [exchange](auto answer) {
      const std::lock_guard lock(exchange->mutex);
      exchange->answer = std::move(answer);
      ++exchange->answers;
    });
    return exchange;
  }
  FrameDoors doors_() { return FrameDoors({shards_[0].get()}); }
  AckBody ack_in(Exchange& exchange, size_t index = 0) {
    EXPECT_TRUE(comes_true([&] { return exchange.done(); }));
    const std::lock_guard lock(exchange.mutex);
    EXPECT_TRUE(exchange.answer->has_value()) << exchange.answer->error().message;
    EXPECT_EQ(exchange.answers, 1);
    const auto body = agent_.open((**exchange.answer).at(index));
    EXPECT_TRUE(body.has_value());
    return AckBody::decode(*body).value();
  }
  ErrorCode error_of(Exchange& exchange) {
    EXPECT_TRUE(comes_true([&] { return exchange.done(); }));
    const std::lock_guard lock(exchange.mutex);
    EXPECT_FALSE(exchange.answer->has_value());
    return exchange.answer->error().code;
  }
  static constexpr uint64_t kAgent = 0x11;
  FakeAgent agent_{kAgent, master_, {"ns", "m", "vm"}};
};

TEST_F(ShardHttpsTest, AnAckMeansDurable) {
  const auto exchange = post({agent_.make({1, now(3), false}), agent_.make({4, now(2), false})});
  ASSERT_TRUE(submitted());
  EXPECT_EQ(log_.urgency(), CommitLog::Urgency::kNow);  // Somebody waits.
  EXPECT_FALSE(exchange->done());
  log_.commit();
  EXPECT_EQ(ack_in(*exchange).cumulative, 5u);
  EXPECT_EQ(heads_[0]->rows(), 5u);
  EXPECT_EQ(stats_.datagrams_https.value(), 2u);
  // The same again stores nothing twice, and is answered at once.
  EXPECT_EQ(ack_in(*post({agent_.make({1, now(3), false})})).cumulative, 5u);
  EXPECT_EQ(heads_[0]->rows(), 5u);
}

TEST_F(ShardHttpsTest, KeepAlivesAndReportsAreAnsweredAtOnce) {
  FakeAgent::Frame alive{1, {}, false};
  alive.type = FrameType::kKeepAlive;
  EXPECT_EQ(ack_in(*post({agent_.make(alive)})).cumulative, 0u);
  EXPECT_EQ(ack_in(*post({agent_.make_report({3, 2000, {}})})).cumulative, 0u);
}

TEST_F(ShardHttpsTest, WhatDoesNotOpenIsNobodys) {
  Bytes forged = agent_.make({1, now(), false});
  forged.back() ^= 1;
  EXPECT_EQ(error_of(*post({forged})), ErrorCode::kUnauthenticated);
  EXPECT_EQ(error_of(*post({forged}, 99)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(unknown_agents_, 1);
  EXPECT_EQ(error_of(*post({})), ErrorCode::kUnauthenticated);
  EXPECT_EQ(log_.waiting(), 0u);
}

TEST_F(ShardHttpsTest, TroubleIsSaid) {
  const auto full = post({agent_.make({1, now(), false})});
  ASSERT_TRUE(submitted());
  log_.fail(ErrorCode::kNoSpace);
  EXPECT_EQ(error_of(*full), ErrorCode::kNoSpace);
  log_.takes = false;
  EXPECT_EQ(error_of(*post({agent_.make({1, now(), false})})), ErrorCode::kUnavailable);
  log_.takes = true;
  heads_[0]->full = true;
  EXPECT_EQ(error_of(*post({agent_.make({1, now(), false})})), ErrorCode::kUnavailable);
  heads_[0]->full = false;
  const auto good = post({agent_.make({1, now(), false})});
  ASSERT_TRUE(submitted());
  log_.commit();
  EXPECT_EQ(ack_in(*good).cumulative, 1u);
}

TEST_F(ShardHttpsTest, ANewerExchangeEndsTheOlder) {
  const auto first = post({agent_.make({1, now(), false})});
  ASSERT_TRUE(submitted());
  const auto second = post({agent_.make({2, now(), false})});
  ASSERT_TRUE(comes_true([&] { return first->done(); }));
  EXPECT_TRUE(first->answer->value().empty());
  ASSERT_TRUE(submitted(2));
  log_.commit();
  EXPECT_GE(ack_in(*second).cumulative, 1u);
}

TEST_F(ShardHttpsTest, RequestsWaitForTheNextExchange) {
  store(agent_, {1, now()}, 1);
  EXPECT_EQ(ack_in(*post({agent_.make({1, now(), false})})).cumulative, 1u);
  VmEntry* const vm = directory_.find_vm({"ns", "m", "vm"});
  ASSERT_TRUE(shards_[0]->post([&] { shards_[0]->sample_now(*vm, {}, 10s, [](auto) {}); }));
  ASSERT_TRUE(comes_true([&] { return stats_.requests.value() > 0; }));
  const auto exchange = post({agent_.make({1, now(), false})});
  ASSERT_TRUE(comes_true([&] { return exchange->done(); }));
  ASSERT_GE((*exchange->answer)->size(), 2u);
  EXPECT_EQ(FrameHeader::decode((*exchange->answer)->front())->type, FrameType::kRequest);
}

TEST_F(ShardHttpsTest, ADatagramByUdpIsAnsweredByUdpAgain) {
  EXPECT_EQ(ack_in(*post({agent_.make_report({3, 2000, {}})})).cumulative, 0u);
  FakeAgent::Frame alive{1, {}, true};
  alive.type = FrameType::kKeepAlive;
  send(agent_.make(alive));
  EXPECT_EQ(receive_ack(agent_).cumulative, 0u);
}

TEST_F(ShardHttpsTest, TheEndAnswersWhoWaits) {
  const auto exchange = post({agent_.make({1, now(), false})});
  ASSERT_TRUE(submitted());
  shards_[0]->stop_receiving();
  shards_[0]->join();
  EXPECT_EQ(error_of(*exchange), ErrorCode::kUnavailable);
  shards_.clear();
}

}  // namespace
}  // namespace dragonfly
