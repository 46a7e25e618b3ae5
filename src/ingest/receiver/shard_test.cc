// The way of a row through a shard: socket, log, head, ack.
#include "ingest/receiver/shard.h"

#include <future>

#include "ingest/receiver/testing/shard_fixture.h"

namespace dragonfly {
namespace {

using testing::ElementsAre;

const VmIdentity kVm{"ns", "mcis", "vm"};

TEST_F(ShardTest, ARowIsDurableBeforeItIsAppliedAndAcknowledged) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const auto times = now(3);
  send(agent.make({.times = times}));
  ASSERT_TRUE(submitted());
  EXPECT_THAT(log_.types(), ElementsAre(LogRecordType::kVm, LogRecordType::kDictionary, LogRecordType::kRows));
  expect_no_ack();
  EXPECT_EQ(heads_[0]->rows(), 0u);
  EXPECT_EQ(stats_.rows_received.value(), 3u);
  EXPECT_EQ(stats_.rows_in_flight.value(), 3);

  log_.commit();
  const AckBody ack = receive_ack(agent);
  EXPECT_EQ(ack.spool_id, agent.spool_id);
  EXPECT_EQ(ack.cumulative, 3u);
  const auto applied = heads_[0]->applied();
  ASSERT_EQ(applied.size(), 1u);
  EXPECT_EQ(applied[0].vm, kVm);
  EXPECT_EQ(applied[0].times, times);
  EXPECT_GT(applied[0].position, LogPosition{1000}) << "behind the records of its names";
  EXPECT_EQ(stats_.rows_in_flight.value(), 0);
  EXPECT_EQ(stats_.durable.count(Histogram::kBuckets), 0u);

  send(agent.make({.first = 4, .times = now(), .with_dictionary = false}));
  ASSERT_TRUE(submitted());
  EXPECT_THAT(log_.types(), ElementsAre(LogRecordType::kRows)) << "its names are durable";
  log_.commit();
  EXPECT_EQ(receive_ack(agent).cumulative, 4u);
}

TEST_F(ShardTest, SettingsMakeAnAckDueAtTheNextFrameUntilTheyAreReported) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const AgentSettings settings{7, {{"agent_interval", "60s"}}};
  ASSERT_TRUE(shards_[0]->post([&] { shards_[0]->set_settings(settings); }));
  send(agent.make({.times = now(), .ack_now = false}));
  EXPECT_EQ(receive_ack(agent).settings, settings) << "before anything is durable";
  ASSERT_TRUE(submitted());
  log_.commit();
  ASSERT_TRUE(comes_true([&] { return heads_[0]->rows() == 1; }));
  send(agent.make({.first = 2, .times = now()}));
  ASSERT_TRUE(submitted());
  log_.commit();
  EXPECT_EQ(receive_ack(agent).settings.version, 0u) << "told a moment ago";

  VmEntry* vm = directory_.find_vm(kVm);
  ASSERT_NE(vm, nullptr);
  EXPECT_EQ(vm->interval_ms, 1000u);
  send(agent.make_report({7, 60'000, {{"agent_interval", SettingOutcome::kApplied}}}));
  EXPECT_TRUE(comes_true([&] { return vm->interval_ms == 60'000; })) << "before rows at that interval";
  EXPECT_EQ(stats_.settings_reported[static_cast<size_t>(SettingOutcome::kApplied)].value(), 1u);

  const AgentSettings others{9, {{"agent_interval", "1s"}}};
  ASSERT_TRUE(shards_[0]->post([&] { shards_[0]->set_settings(others); }));
  agent.dictionary.interval_ms = 60'000;
  send(agent.make({.first = 3, .times = now(), .ack_now = false}));
  EXPECT_EQ(receive_ack(agent).settings, others) << "at once";
  ASSERT_TRUE(submitted());
  log_.commit();
  send(agent.make_report({9, 60'000, {{"agent_interval", SettingOutcome::kPinned}, {"x", SettingOutcome{77}}}}));
  EXPECT_TRUE(comes_true([&] { return stats_.settings_reported[0].value() == 1; }));
  EXPECT_EQ(stats_.settings_reported[static_cast<size_t>(SettingOutcome::kPinned)].value(), 1u);

  send(agent.make_report({0, 0, {}}));
  EXPECT_TRUE(comes_true([&] { return faults(DatagramFault::kBody) == 1; }));
}

TEST_F(ShardTest, SettingsOfANamespaceAreToldToItsAgentsAlone) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  FakeAgent stranger(9, master_, {"elsewhere", kVm.mcis, kVm.vm});
  enrol(agent.record());
  enrol(stranger.record());
  const AgentSettings all{7, {{"agent_interval", "60s"}}}, own{8, {{"agent_interval", "1s"}}};
  ASSERT_TRUE(shards_[0]->post([&] { shards_[0]->set_settings(all, {{kVm.ns, own}}); }));
  send(agent.make({.times = now(), .ack_now = false}));
  EXPECT_EQ(receive_ack(agent).settings, own);
  send(stranger.make({.times = now(), .ack_now = false}));
  EXPECT_EQ(receive_ack(stranger).settings, all);
}

// What was sent again under an older dictionary says nothing about now.
TEST_F(ShardTest, TheIntervalIsThatOfTheNewestRows) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const auto f = [&](uint64_t first, uint32_t interval_ms, uint32_t expected) {
    agent.dictionary.interval_ms = interval_ms;
    send(agent.make({.first = first, .times = now()}));
    ASSERT_TRUE(submitted());
    log_.commit();
    receive_ack(agent);
    EXPECT_EQ(directory_.find_vm(kVm)->interval_ms, expected) << first;
  };
  f(10, 2000, 2000);
  f(11, 4000, 4000);
  f(5, 2000, 4000);
  f(12, 1000, 1000);
  agent.spool_id = 43;
  f(1, 3000, 3000);
}

TEST_F(ShardTest, RowsThatComeAgainAreAcknowledgedAndNotStored) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const FakeAgent::Frame frame{.times = now(2)};
  store(agent, frame, 2u);
  send(agent.make(frame));  // Under a new packet number, as after a lost ack.
  EXPECT_EQ(receive_ack(agent).cumulative, 2u);
  EXPECT_EQ(log_.waiting(), 0u);
  EXPECT_EQ(heads_[0]->rows(), 2u);
  EXPECT_EQ(stats_.rows_duplicate.value(), 2u);
}

TEST_F(ShardTest, ThreeFramesShareAnAck) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  for (uint64_t first : {1, 2}) {
    send(agent.make({.first = first, .times = now(), .ack_now = false}));
    ASSERT_TRUE(submitted());
    log_.commit();
    ASSERT_TRUE(comes_true([&] { return heads_[0]->rows() == first; }));
    expect_no_ack();
  }
  send(agent.make({.first = 3, .times = now(), .ack_now = false}));
  ASSERT_TRUE(submitted());
  log_.commit();
  EXPECT_EQ(receive_ack(agent).cumulative, 3u);
  EXPECT_EQ(stats_.acks.value(), 1u);
}

TEST_F(ShardTest, AKeepAliveIsAnsweredWhereItAsks) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  send(agent.make({.ack_now = false, .type = FrameType::kKeepAlive}));
  ASSERT_TRUE(comes_true([&] { return stats_.frames.value() == 1; }));
  expect_no_ack();
  send(agent.make({.type = FrameType::kKeepAlive}));
  EXPECT_EQ(receive_ack(agent).cumulative, 0u);
  EXPECT_GT(directory_.find_vm(kVm)->last_arrival_ns, 0);
  EXPECT_EQ(directory_.find_vm(kVm)->interval_ms, 1000u);
  EXPECT_EQ(log_.waiting(), 0u);
}

TEST_F(ShardTest, AFrameOnTheWrongShardIsHandedOver) {
  make_shards(2);
  FakeAgent agent(7, master_, kVm);  // Of shard 1.
  enrol(agent.record());
  send(agent.make({.times = now()}), 0);
  ASSERT_TRUE(submitted());
  log_.commit();
  EXPECT_EQ(receive_ack(agent).cumulative, 1u);
  EXPECT_EQ(stats_.frames_handed_over.value(), 1u);
  EXPECT_EQ(heads_[0]->rows(), 0u);
  EXPECT_EQ(heads_[1]->rows(), 1u);
  EXPECT_EQ(directory_.find_vm(kVm)->shard, 1u);
  EXPECT_EQ(directory_.find_vm(kVm)->agent_shard, 1u);
}

TEST_F(ShardTest, AVmOfTwoWritersHasOneHead) {
  make_shards(2);
  FakeAgent first(8, master_, kVm);
  FakeAgent second(7, master_, kVm);
  for (FakeAgent* agent : {&first, &second}) {
    enrol(agent->record());
    send(agent->make({.times = now(2)}), agent->id % 2);
    ASSERT_TRUE(submitted());
    log_.commit();
    EXPECT_EQ(receive_ack(*agent).cumulative, 2u);
    // As if it had been silent for long.
    directory_.find_vm(kVm)->agent_heard_ns = (clock_.monotonic() - Shard::kTakeOverAfter).time_since_epoch().count();
  }
  EXPECT_TRUE(comes_true([&] { return heads_[0]->rows() == 4; })) << "of the shard that took a row first";
  EXPECT_EQ(heads_[1]->rows(), 0u);
}

TEST_F(ShardTest, AcknowledgedRowsWaitForTheShardOfTheirHead) {
  make_shards(2, false);
  directory_.intern_vm(kVm).value()->shard = 0;
  FakeAgent agent(7, master_, kVm);  // Of shard 1.
  enrol(agent.record());
  shards_[1]->start();
  while (shards_[0]->post([] {})) continue;  // Nobody drains.
  const auto oldest = [&] {
    std::promise<std::optional<LogPosition>> out;
    EXPECT_TRUE(shards_[1]->post([&] { out.set_value(shards_[1]->oldest_in_flight()); }));
    return out.get_future().get();
  };
  send(agent.make({.times = now()}), 1);
  ASSERT_TRUE(submitted());
  log_.commit();
  EXPECT_EQ(receive_ack(agent).cumulative, 1u);
  EXPECT_TRUE(oldest().has_value()) << "the log must not be cut above rows that no head has";
  send(agent.make({.first = 2, .times = now()}), 1);
  shards_[0]->start();
  EXPECT_TRUE(comes_true([&] { return heads_[0]->rows() == 1; }));
  EXPECT_TRUE(comes_true([&] { return log_.waiting() == 1; })) << "it receives again";
  log_.commit();
  EXPECT_EQ(receive_ack(agent).cumulative, 2u);
  EXPECT_TRUE(comes_true([&] { return heads_[0]->rows() == 2; }));
  EXPECT_FALSE(oldest().has_value());
}

TEST_F(ShardTest, AFullMailboxLosesTheFrameAndCountsIt) {
  make_shards(2, false);  // Nobody drains.
  FakeAgent agent(7, master_, kVm);
  size_t taken = 0;
  while (shards_[1]->post([] {})) ++taken;
  EXPECT_EQ(taken, Shard::kTasksMax);
  shards_[0]->take_frame(agent.make({.times = now()}), addresses_[0]);
  EXPECT_EQ(stats_.frames_dropped_full.value(), 1u);
  EXPECT_EQ(stats_.rows_received.value(), 0u) << "it was not looked into";
}

TEST_F(ShardTest, TheKeysVmIsWrittenWhateverTheLabelsSay) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  agent.dictionary.labels["vmId"] = "somebody-else";
  send(agent.make({.times = now()}));
  ASSERT_TRUE(submitted());
  log_.commit();
  receive_ack(agent);
  EXPECT_EQ(heads_[0]->applied()[0].vm, kVm);
  EXPECT_EQ(stats_.labels_forged.value(), 1u);
  EXPECT_EQ(directory_.find_vm({"ns", "mcis", "somebody-else"}), nullptr);
}

TEST_F(ShardTest, APlainAgentOnLoopbackWritesTheVmOfItsLabels) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm, true);
  agent.dictionary.labels.erase("nsId");
  send(agent.make({.times = now()}));
  ASSERT_TRUE(submitted());
  log_.commit();
  EXPECT_EQ(receive_ack(agent).cumulative, 1u);
  EXPECT_EQ(heads_[0]->applied()[0].vm, (VmIdentity{"default", "mcis", "vm"}));
  FakeAgent nobody(9, master_, kVm, true);
  nobody.dictionary.labels.clear();
  send(nobody.make({.times = now()}));
  EXPECT_TRUE(comes_true([&] { return faults(DatagramFault::kNoVm) == 1; }));
}

TEST_F(ShardTest, RowsOfADialectAreHurriedAndTheirWriterIsToldOnce) {
  make_shards(1);
  VmEntry* vm = *directory_.intern_vm(kVm);
  std::atomic<int> told{0};
  const auto write = [&](bool good) {
    auto ticket = std::make_shared<WriteTicket>(1, [&, good](const Result<>& result) {
      ++told;
      EXPECT_EQ(result.has_value(), good);
      EXPECT_TRUE(good || result.error().code == ErrorCode::kNoSpace);
    });
    Bytes block;
    RowBlockWriter(block, RowBlockWriter::Unit::kNanoseconds, now()[0]).add(GroupId::kCpu, 0, now()[0], Bytes{0});
    auto rows = std::make_shared<std::vector<DialectRows>>();
    rows->push_back({vm, nullptr, nullptr, block, 1});
    ASSERT_TRUE(shards_[0]->post([this, rows, ticket] { shards_[0]->take_dialect_rows(std::move(*rows), ticket); }));
    ASSERT_TRUE(submitted());
  };
  write(true);
  EXPECT_EQ(log_.urgency(), CommitLog::Urgency::kNow);
  EXPECT_EQ(told, 0);
  log_.commit();
  EXPECT_TRUE(comes_true([&] { return told == 1; }));
  EXPECT_EQ(heads_[0]->rows(), 1u);
  write(false);
  log_.fail(ErrorCode::kNoSpace);
  EXPECT_TRUE(comes_true([&] { return told == 2; }));
  EXPECT_EQ(heads_[0]->rows(), 1u);
}

TEST_F(ShardTest, StopsWithWhatItHasReceivedDurableAndAcknowledged) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  send(agent.make({.times = now(2)}));
  ASSERT_TRUE(submitted());
  send(agent.make({.first = 3, .times = now(2), .with_dictionary = false}));
  shards_[0]->stop_receiving();  // The second frame lies in the socket or in the batch.
  ASSERT_TRUE(submitted(2));
  send(agent.make({.first = 5, .times = now(2), .with_dictionary = false}));  // Too late: it stays with the agent.
  log_.commit();  // As the log does when it stops: everything, then nothing more.
  log_.takes = false;
  shards_[0]->join();
  EXPECT_EQ(heads_[0]->rows(), 4u);
  EXPECT_EQ(stats_.rows_in_flight.value(), 0);
  AckBody last;
  for (uint64_t i = 0; i < stats_.acks.value(); ++i) last = receive_ack(agent);
  EXPECT_EQ(last.cumulative, 4u);
}

TEST_F(ShardTest, WhatTheLogHeldIsKnownAfterARestart) {
  make_shards(1, false);
  FakeAgent agent(8, master_, kVm);
  shards_[0]->set_agent(agent.record());
  const FakeAgent::Frame frame{.times = now(2)};
  const Bytes before = agent.make(frame);
  Bytes body;
  Aes256Gcm cipher;
  const auto header = *FrameHeader::decode(before);
  const Key256 key = derive_session_key(derive_agent_key(master_, agent.id, FakeAgent::kEpoch), agent.session);
  ASSERT_TRUE(open_frame(cipher, key, header, before, body));
  const auto rows = *RowsBody::decode(body);
  RowsRecord record;
  record.row_block = rows.row_block;
  record.agent = RowsRecord::Agent{agent.id, agent.session, header.packet, agent.spool_id, 1, 1};
  VmEntry* vm = *directory_.intern_vm(kVm);
  shards_[0]->restore(record, *vm, nullptr, LogPosition{5});
  EXPECT_TRUE(heads_[0]->applied()[0].restored);
  EXPECT_EQ(vm->shard, 0u);

  shards_[0]->start();
  send(before);
  ASSERT_TRUE(comes_true([&] { return faults(DatagramFault::kReplayed) == 1; }));
  send(agent.make(frame));
  EXPECT_EQ(receive_ack(agent).cumulative, 2u);
  EXPECT_EQ(heads_[0]->rows(), 2u);
  EXPECT_EQ(log_.waiting(), 0u);
}

TEST_F(ShardTest, AnAgentIsAskedOverItsAssociation) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  VmEntry* vm = *directory_.intern_vm(kVm);
  std::atomic<int> answers{0};
  Result<std::vector<SampledRow>> answer;
  const auto ask = [&](VmEntry& whom, Duration timeout) {
    const auto done = [&](Result<std::vector<SampledRow>> result) {
      answer = std::move(result);
      ++answers;
    };
    ASSERT_TRUE(shards_[0]->post([this, &whom, timeout, done] { shards_[0]->sample_now(whom, {1}, timeout, done); }));
  };
  ask(*vm, 5s);
  ASSERT_TRUE(comes_true([&] { return answers == 1; }));
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout) << "it has not reported";

  send(agent.make({.type = FrameType::kKeepAlive}));
  receive_ack(agent);
  ask(*vm, 30s);
  const auto request = RequestBody::decode(agent.open(receive()).value_or(Bytes{}));
  ASSERT_TRUE(request.has_value());
  EXPECT_THAT(request->groups, ElementsAre(1u));
  const auto times = now(2);
  send(agent.make({.times = times, .request_id = request->request_id + 1}));  // Nobody asked for that.
  send(agent.make({.first = 3, .times = times, .request_id = request->request_id}));
  ASSERT_TRUE(comes_true([&] { return answers == 2; }));
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->size(), 2u);
  EXPECT_EQ((*answer)[1].time, times[1]);

  ask(*vm, 1ms);
  ASSERT_TRUE(comes_true([&] { return answers == 3; }));
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
}

TEST_F(ShardTest, OpenRequestsAreAnsweredWhenTheShardEnds) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  send(agent.make({.type = FrameType::kKeepAlive}));
  receive_ack(agent);
  VmEntry* vm = *directory_.intern_vm(kVm);
  std::atomic<int> answers{0};
  const auto done = [&](Result<std::vector<SampledRow>> result) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
    ++answers;
  };
  const auto ask = [&] { return shards_[0]->post([&] { shards_[0]->sample_now(*vm, {1}, 60s, done); }); };
  ASSERT_TRUE(ask());
  EXPECT_FALSE(receive().empty()) << "the agent was asked";
  EXPECT_EQ(answers, 0);
  shards_[0]->join();
  EXPECT_EQ(answers, 1);
  EXPECT_FALSE(ask()) << "whoever asks later is told so at once";
}

}  // namespace
}  // namespace dragonfly
