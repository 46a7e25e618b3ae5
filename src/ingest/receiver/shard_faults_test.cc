// What a shard does with datagrams that are wrong, and when the log takes nothing.
#include "ingest/receiver/testing/shard_fixture.h"

namespace dragonfly {
namespace {

using testing::ElementsAre;

const VmIdentity kVm{"ns", "mcis", "vm"};

TEST_F(ShardTest, ABadDatagramChangesItsCounterOnly) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  FakeAgent revoked(9, master_, kVm);
  enrol(agent.record());
  enrol({revoked.id, FakeAgent::kEpoch, true, kVm});
  const auto f = [&](const Bytes& datagram, DatagramFault cause) {
    const uint64_t before = faults(cause);
    uint64_t all = 0;
    for (const Counter& counter : stats_.faults) all += counter.value();
    send(datagram);
    EXPECT_TRUE(comes_true([&] { return faults(cause) == before + 1; }))
        << kDatagramFaultNames[static_cast<size_t>(cause)];
    for (const Counter& counter : stats_.faults) all -= counter.value();
    EXPECT_EQ(all + 1, 0u) << "and no other";
  };
  const auto changed = [&](size_t at, uint8_t bits) {
    Bytes frame = agent.make({.times = now()});
    frame[at] ^= bits;
    return frame;
  };
  const auto sealed = [&](const Bytes& body) {
    FrameHeader header;
    header.key_epoch = FakeAgent::kEpoch;
    header.agent_id = agent.id;
    header.session = agent.session;
    header.packet = ++agent.packet;
    Bytes out;
    Aes256Gcm cipher;
    seal_frame(cipher, derive_session_key(derive_agent_key(master_, agent.id, FakeAgent::kEpoch), agent.session),
               header, body, out);
    return out;
  };
  f({}, DatagramFault::kEmpty);
  f(Bytes(kFrameBytesMax + 1, 1), DatagramFault::kTruncated);
  f(Bytes(10, 1), DatagramFault::kHeader);
  f(changed(0, 0x80), DatagramFault::kHeader);  // Version.
  f(changed(1, 0x05), DatagramFault::kHeader);  // Type: a request, which servers send.
  f(changed(2, 0x02), DatagramFault::kWrongEpoch);
  f(changed(40, 0x01), DatagramFault::kNotAuthentic);
  f(changed(kFrameHeaderBytes - 1, 0x01), DatagramFault::kNotAuthentic);  // Packet number: another nonce.
  Bytes of_revoked = revoked.make({.times = now()});
  of_revoked.back() ^= 1;  // A good one is answered: shard_standing_test.cc.
  f(of_revoked, DatagramFault::kRevoked);
  f(sealed({}), DatagramFault::kBody);
  f(sealed(Bytes(100, 0xff)), DatagramFault::kBody);
  const Bytes good = agent.make({.ack_now = true, .type = FrameType::kKeepAlive});
  send(good);
  receive_ack(agent);
  f(good, DatagramFault::kReplayed);
  EXPECT_EQ(stats_.rows_received.value(), 0u);
  EXPECT_EQ(stats_.acks.value(), 1u);
  EXPECT_EQ(log_.waiting(), 0u);
}

TEST_F(ShardTest, AnUnknownAgentAsksForTheRegistryToBeReadAgain) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  const Bytes frame = agent.make({.times = now()});
  send(frame);
  ASSERT_TRUE(comes_true([&] { return faults(DatagramFault::kUnknownAgent) == 1; }));
  EXPECT_EQ(unknown_agents_, 1);
  expect_no_ack();
  enrol(agent.record());
  send(frame);
  EXPECT_TRUE(submitted()) << "what was refused unread is no replay";
}

TEST_F(ShardTest, AnOlderSessionIsToldSoOncePerSecond) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  agent.session = 200;
  send(agent.make({.type = FrameType::kKeepAlive}));
  receive_ack(agent);
  agent.session = 100;
  for (int i = 0; i < 3; ++i) send(agent.make({.type = FrameType::kKeepAlive}));
  EXPECT_TRUE(receive_ack(agent).session_too_old);
  ASSERT_TRUE(comes_true([&] { return faults(DatagramFault::kSessionTooOld) == 3; }));
  expect_no_ack();
}

TEST_F(ShardTest, PlaintextFromElsewhereIsRefused) {
  make_shards(1, false);
  const Endpoint elsewhere = *Endpoint::parse("192.0.2.1:1000");
  FakeAgent agent(8, master_, kVm, true);
  shards_[0]->take_frame(agent.make({.times = now()}), elsewhere);
  EXPECT_EQ(faults(DatagramFault::kPlaintext), 1u);
  EXPECT_EQ(shards_[0]->agent_count(), 0u);
}

TEST_F(ShardTest, OverItsBudgetOfForgeriesASourceReachesOnlyItsOwnAgents) {
  make_shards(1, false);
  const Endpoint source = *Endpoint::parse("192.0.2.1:1000");
  const Endpoint same_host = *Endpoint::parse("192.0.2.1:2000");
  const Endpoint other = *Endpoint::parse("192.0.2.2:1000");
  FakeAgent known(8, master_, kVm);
  FakeAgent fresh(9, master_, {"ns", "mcis", "vm-2"});
  for (const FakeAgent* agent : {&known, &fresh}) shards_[0]->set_agent(agent->record());
  shards_[0]->take_frame(known.make({.type = FrameType::kKeepAlive}), source);
  ASSERT_EQ(stats_.frames.value(), 1u);
  Bytes forged = known.make({.times = now()});
  forged.back() ^= 1;
  // More than the budget, for some comes back meanwhile.
  const auto over = [&] { return faults(DatagramFault::kOverFailBudget) > 0; };
  Bytes of_fresh = fresh.make({.type = FrameType::kKeepAlive});
  of_fresh.back() ^= 1;
  for (int i = 0; i < 100'000 && !over(); ++i) shards_[0]->take_frame(i % 2 == 0 ? forged : of_fresh, source);
  ASSERT_TRUE(over());
  EXPECT_GE(faults(DatagramFault::kNotAuthentic), 1000u);
  shards_[0]->take_frame(known.make({.type = FrameType::kKeepAlive}), same_host);
  EXPECT_EQ(stats_.frames.value(), 2u) << "last seen there";
  shards_[0]->take_frame(fresh.make({.type = FrameType::kKeepAlive}), other);
  EXPECT_EQ(stats_.frames.value(), 3u) << "another source has its own budget";
}

TEST_F(ShardTest, RowsThatMayNotBeStoredAreRefusedAndTheOthersTaken) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const Timestamp at = now()[0];
  send(agent.make({.times = {at - 27h, at, at + 11min, at + 1s}}));
  ASSERT_TRUE(submitted());
  log_.commit();
  AckBody ack = receive_ack(agent);
  // The refused may be told before the others are durable.
  std::vector<AckBody::Refused> refused = ack.refused;
  if (ack.cumulative < 4) ack = receive_ack(agent);
  EXPECT_EQ(ack.cumulative, 4u) << "what is refused for good never comes again";
  EXPECT_THAT(refused, testing::UnorderedElementsAre(AckBody::Refused{RefusalCause::kTooOld, 1},
                                                     AckBody::Refused{RefusalCause::kFuture, 1}));
  EXPECT_EQ(heads_[0]->rows(), 2u);
  EXPECT_EQ(stats_.rows_refused[static_cast<size_t>(RowRefusal::kTooOld)].value(), 1u);
  EXPECT_EQ(stats_.rows_refused[static_cast<size_t>(RowRefusal::kFuture)].value(), 1u);
}

TEST_F(ShardTest, AnUnknownDictionaryIsAskedFor) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  send(agent.make({.times = now(2), .with_dictionary = false}));
  const AckBody ack = receive_ack(agent);
  EXPECT_EQ(ack.cumulative, 0u);
  EXPECT_THAT(ack.unknown_dictionaries, ElementsAre(dictionary_id(agent.dictionary.encode())));
  EXPECT_EQ(dropped(RowDrop::kUnknownDictionary), 2u);
  store(agent, {.times = now(2)}, 2u);
}

TEST_F(ShardTest, WhatTheLogDoesNotTakeIsNotAcknowledgedAndComesAgain) {
  make_shards(1);
  FakeAgent agent(8, master_, kVm);
  enrol(agent.record());
  const FakeAgent::Frame frame{.times = now(2)};
  log_.takes = false;
  send(agent.make(frame));
  ASSERT_TRUE(comes_true([&] { return dropped(RowDrop::kOverload) == 2; }));
  expect_no_ack();
  log_.takes = true;
  send(agent.make(frame));
  ASSERT_TRUE(submitted());
  log_.fail(ErrorCode::kNoSpace);
  ASSERT_TRUE(comes_true([&] { return dropped(RowDrop::kDiskFull) == 2; }));
  expect_no_ack();
  EXPECT_EQ(stats_.rows_in_flight.value(), 0);
  EXPECT_EQ(heads_[0]->rows(), 0u);
  send(agent.make(frame));
  ASSERT_TRUE(submitted());
  EXPECT_THAT(log_.types(), ElementsAre(LogRecordType::kVm, LogRecordType::kDictionary, LogRecordType::kRows))
      << "its names are not durable yet";
  log_.commit();
  EXPECT_EQ(receive_ack(agent).cumulative, 2u);
  EXPECT_EQ(heads_[0]->rows(), 2u);
  EXPECT_EQ(stats_.rows_received.value(), 6u);
}

TEST_F(ShardTest, TelegrafsJsonGoesToItsDoor) {
  make_shards(1);
  const auto f = [&](std::string_view text, int calls) {
    send(as_bytes(text));
    EXPECT_TRUE(comes_true([&] { return telegraf_ == calls; }));
  };
  f("{\"fields\":{}}", 1);
  f(std::string(60'000, '{'), 2);
  EXPECT_NE(telegraf_source_, 0u);
  EXPECT_EQ(stats_.rows_received.value(), 0u);
}

}  // namespace
}  // namespace dragonfly
