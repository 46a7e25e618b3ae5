#include "edge/agent/association.h"

#include <gtest/gtest.h>

#include "edge/agent/test_server.h"

namespace dragonfly {
namespace {

using Frames = std::vector<TestServer::Frame>;

TEST(Association, DictionaryTravelsUntilAcknowledgedAndAgainWhenUnknown) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  Frames frames = agent.exchange(server);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].has_dictionary);
  EXPECT_TRUE(frames[0].header.ack_now());  // First of a session.
  EXPECT_EQ(frames[0].header.key_epoch, 3);
  EXPECT_EQ(frames[0].body.first_sequence, 1u);
  EXPECT_EQ(server.dictionaries.begin()->second.label("vmId"), "v");
  EXPECT_TRUE(agent.association->buffer().empty());

  agent.clock.advance(2s);
  agent.tick();
  frames = agent.exchange(server);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_FALSE(frames[0].has_dictionary);
  EXPECT_FALSE(frames[0].header.ack_now());
  EXPECT_EQ(frames[0].body.first_sequence, 3u);
  EXPECT_EQ(frames[0].body.lowest_kept, 3u);

  server.dictionaries.clear();
  agent.clock.advance(2s);
  agent.tick();
  EXPECT_TRUE(agent.exchange(server).empty());  // Not stored, and the ack names it.
  EXPECT_EQ(agent.association->buffer().rows(), 2u);
  agent.run(100ms);
  frames = agent.exchange(server);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].has_dictionary);
  EXPECT_TRUE(agent.association->buffer().empty());
  EXPECT_EQ(server.stored.size(), 6u);
}

TEST(Association, ANewerKeyBeginsASessionUnderWhichAllOfItComesAgain) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  agent.exchange(server);
  agent.clock.advance(2s);
  agent.tick();  // Under the older key, lost.
  EXPECT_EQ(agent.take_sent().size(), 1u);
  AckBody with_key;
  with_key.next_key = NextKey{4, Key256{9, 9, 9}};
  agent.receive(server.ack(with_key));
  const auto next = agent.association->next_key();
  ASSERT_EQ(next, with_key.next_key);
  EXPECT_FALSE(agent.association->next_key().has_value());  // Once.
  EXPECT_EQ(agent.association->key_epoch(), 3);             // Not before it is kept.
  const uint64_t before = agent.association->session();
  agent.association->use_key(*next, agent.now());
  EXPECT_GT(agent.association->session(), before);
  agent.run(2s);
  TestServer newer(next->key, agent.identity.agent_id, 1001);
  newer.dictionaries = server.dictionaries;
  const Frames frames = agent.exchange(newer);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].header.key_epoch, 4);
  EXPECT_EQ(frames[0].body.first_sequence, 3u);
  EXPECT_TRUE(agent.association->buffer().empty());
  // The same once more is no news.
  with_key.next_key->key = {};
  agent.receive(newer.ack(with_key));
  EXPECT_FALSE(agent.association->next_key().has_value());
}

TEST(Association, RowsWaitWhileAnotherAgentOfTheVmIsHeard) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  AckBody other;
  other.standing = AgentStanding::kOtherAgent;
  (void)server.take(agent.take_sent().at(0));
  server.done = SequenceSet();  // It was not taken.
  agent.receive(server.ack(other));
  EXPECT_EQ(agent.association->standing(), AgentStanding::kOtherAgent);
  EXPECT_EQ(agent.association->buffer().rows(), 2u);
  size_t sent = 0;
  for (int i = 0; i < 150; ++i) {  // Five minutes.
    agent.clock.advance(2s);
    agent.tick();
    agent.run(1ms);
    for (const Bytes& datagram : agent.take_sent()) {
      ++sent;
      (void)server.take(datagram);
      server.done = SequenceSet();
      agent.receive(server.ack(other));
    }
  }
  EXPECT_GE(sent, 4u);
  EXPECT_LE(sent, 6u);
  EXPECT_EQ(agent.association->buffer().rows(), 302u);
  // The other one is gone.
  server.stored.clear();
  agent.run(61s);
  for (int i = 0; i < 200 && !agent.association->buffer().empty(); ++i) {
    agent.exchange(server);
    agent.run(1s);
  }
  EXPECT_EQ(agent.association->standing(), AgentStanding::kGood);
  EXPECT_EQ(server.stored.size(), 302u);
  EXPECT_EQ(server.doubles, 0u);
}

TEST(Association, ARevocationIsHeard) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  AckBody revoked;
  revoked.standing = AgentStanding::kRevoked;
  agent.exchange(server, revoked);
  EXPECT_EQ(agent.association->standing(), AgentStanding::kRevoked);
}

// A network in both directions that loses, doubles and delays by up to 3 s.
class Network {
 public:
  Network(Random& random, uint64_t loss_percent) : random_(random), loss_percent_(loss_percent) {}
  void put(Bytes datagram, MonotonicTime now, bool clean) {
    if (clean) return (void)waiting_.emplace(now, std::move(datagram));
    if (random_.below(100) < loss_percent_) return;
    const uint64_t copies = random_.below(10) == 0 ? 2 : 1;
    for (uint64_t i = 0; i < copies; ++i) waiting_.emplace(now + Duration(1ms) * random_.below(3000), datagram);
  }
  std::vector<Bytes> due(MonotonicTime now) {
    std::vector<Bytes> out;
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
      out.push_back(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
    return out;
  }

 private:
  Random& random_;
  const uint64_t loss_percent_;
  std::multimap<MonotonicTime, Bytes> waiting_;
};

TEST(Association, EveryRowArrivesOnceWhateverTheNetworkDoes) {
  const auto f = [](uint64_t seed, uint64_t loss_percent, bool restarts) {
    SCOPED_TRACE(fmt::format("seed {} loss {} %", seed, loss_percent));
    TestAgent agent(seed);
    TestServer server = agent.server();
    SeededRandom chance(seed + 1000);
    Network up(chance, loss_percent);
    Network down(chance, loss_percent);
    const std::vector<std::string> devices = {"sda", "sdb"};
    constexpr int kSteps = 3000;  // Of 100 ms: a tick every 2 s in the first 120 s, from 150 s on a clean network.
    uint64_t rows = 0;
    for (int step = 0; step < kSteps; ++step) {
      const bool clean = step > 1500;
      if (step < 1200 && step % 20 == 0) {
        agent.tick(step % 100 == 0 ? devices : std::vector<std::string>{});
        rows += step % 100 == 0 ? 4 : 2;
      }
      if (restarts && step % 500 == 499) {  // The server forgets its dictionaries and begins a new run.
        ++server.run;
        server.packet = 0;
        server.dictionaries.clear();
      }
      agent.run(100ms);
      const MonotonicTime now = agent.clock.monotonic();
      for (Bytes& datagram : agent.take_sent()) up.put(std::move(datagram), now, clean);
      const auto arrived = up.due(now);
      for (const Bytes& datagram : arrived) server.take(datagram);
      if (!arrived.empty() && server.spool_id != 0) down.put(server.ack(), now, clean);
      for (const Bytes& datagram : down.due(now)) agent.receive(datagram);
    }
    EXPECT_TRUE(agent.association->buffer().empty());
    EXPECT_EQ(server.stored.size(), rows);
    EXPECT_EQ(server.done.cumulative(), rows);
    EXPECT_EQ(server.doubles, 0u);
    const AssociationStats& stats = agent.association->stats();
    EXPECT_EQ(stats.rows_acked, rows);
    EXPECT_EQ(stats.rows_dropped + stats.forged + stats.malformed, 0u);
    EXPECT_EQ(stats.sessions, 1u);
  };
  for (uint64_t seed = 1; seed <= 12; ++seed) f(seed, 30, false);
  for (uint64_t seed = 20; seed <= 26; ++seed) f(seed, 70, false);
  for (uint64_t seed = 30; seed <= 36; ++seed) f(seed, 30, true);
  f(40, 0, false);
}

TEST(Association, WhatIsNotTheServersChangesNothing) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  for (const Bytes& datagram : agent.take_sent()) server.take(datagram);
  const Bytes ack = server.ack();
  const auto& stats = agent.association->stats();
  const auto rows_after = [&](Bytes datagram) {
    agent.receive(datagram);
    return agent.association->buffer().rows();
  };
  for (size_t size = 0; size < ack.size(); ++size)
    EXPECT_EQ(rows_after(Bytes(ack.begin(), ack.begin() + static_cast<ptrdiff_t>(size))), 2u);
  for (size_t bit = 0; bit < ack.size() * 8; ++bit) {
    Bytes flipped = ack;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(rows_after(flipped), 2u);
  }
  EXPECT_EQ(stats.malformed + stats.foreign + stats.forged + stats.replayed, ack.size() * 9);
  EXPECT_GT(stats.malformed, 0u);
  EXPECT_EQ(stats.foreign, 64u);
  EXPECT_GT(stats.forged, 0u);
  EXPECT_EQ(stats.acks, 0u);
  // A plain ack says the right thing, but anyone can write it.
  TestServer plain(std::nullopt, agent.identity.agent_id, 1000);
  plain.spool_id = server.spool_id;
  plain.done = server.done;
  EXPECT_EQ(rows_after(plain.ack()), 2u);
  // Rows that never were cannot be acknowledged.
  TestServer generous = agent.server();
  generous.session = server.session;
  generous.spool_id = server.spool_id;
  generous.done.pass(100);
  const uint64_t malformed = stats.malformed;
  EXPECT_EQ(rows_after(generous.ack()), 2u);
  EXPECT_EQ(stats.malformed, malformed + 1);
}

TEST(Association, ReplayedAckIsIgnored) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  for (const Bytes& datagram : agent.take_sent()) server.take(datagram);
  AckBody refused;
  refused.refused = {{RefusalCause::kTooOld, 2}};
  const Bytes ack = server.ack(refused);
  for (int i = 0; i < 3; ++i) agent.receive(ack);
  const AssociationStats& stats = agent.association->stats();
  EXPECT_EQ(stats.acks, 1u);
  EXPECT_EQ(stats.replayed, 2u);
  EXPECT_EQ(stats.rows_refused[static_cast<size_t>(RefusalCause::kTooOld)], 2u);
  EXPECT_EQ(stats.rows_acked, 2u);
}

TEST(Association, AnOlderRunIsAReplayUntilItIsAllThatIsHeard) {
  TestAgent agent;
  TestServer server = agent.server(1000);
  agent.tick();
  for (const Bytes& datagram : agent.take_sent()) server.take(datagram);
  const Bytes of_first_run = server.ack();
  server.run = 2000;
  server.packet = 0;
  agent.receive(server.ack());
  EXPECT_EQ(agent.association->stats().acks, 1u);
  agent.receive(of_first_run);
  EXPECT_EQ(agent.association->stats().replayed, 1u);

  // The server starts again with a clock that went back.
  server.run = 500;
  server.packet = 0;
  const uint64_t session = agent.association->session();
  agent.clock.advance(2s);
  agent.tick();
  agent.exchange(server);
  EXPECT_EQ(agent.association->session(), session);
  EXPECT_EQ(agent.association->buffer().rows(), 2u);
  agent.run(Association::kSilentAfter + 1s);
  agent.exchange(server);
  EXPECT_GT(agent.association->session(), session);
  agent.run(2s);
  agent.exchange(server);
  EXPECT_TRUE(agent.association->buffer().empty());
  EXPECT_EQ(server.stored.size(), 4u);
}

TEST(Association, ASessionThatIsTooOldIsFollowedByLargerOnes) {
  const auto f = [](Duration ahead, size_t rounds_max) {
    TestAgent agent;
    TestServer server = agent.server();
    server.session = make_session(agent.clock.wall() + ahead, 7);  // What the server saw before our clock went back.
    agent.tick();
    size_t rounds = 0;
    while (!agent.association->buffer().empty() && rounds <= rounds_max) {
      ++rounds;
      server.refused_session = agent.association->session();
      agent.exchange(server);
      agent.run(1s);
    }
    EXPECT_LE(rounds, rounds_max);
    EXPECT_EQ(server.stored.size(), 2u);
    EXPECT_EQ(server.doubles, 0u);
  };
  f(1ms, 3);
  f(1h, 16);
  f(24h * 365 * 20, 40);
}

TEST(Association, AFullBufferDropsTheOldestAndSaysSo) {
  TestAgent agent(1, true, {.bytes_max = 8 << 10, .age_max = 24h});
  TestServer server = agent.server();
  for (int i = 0; i < 100; ++i) {
    agent.tick();
    agent.run(2s);
  }
  const RowBuffer& buffer = agent.association->buffer();
  const uint64_t dropped = agent.association->stats().rows_dropped;
  EXPECT_LE(buffer.bytes(), size_t{8 << 10});
  EXPECT_GT(dropped, 0u);
  EXPECT_EQ(dropped + buffer.rows(), 200u);
  EXPECT_EQ(buffer.lowest_kept(), dropped + 1);
  agent.take_sent();  // Lost.
  agent.tick();
  const Frames frames = agent.exchange(server);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].body.lowest_kept, buffer.lowest_kept());
  EXPECT_TRUE(frames[0].header.ack_now());
  for (int i = 0; i < 100 && !buffer.empty(); ++i) {
    agent.run(100ms);
    agent.exchange(server);
  }
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(server.done.cumulative(), 202u);  // What was dropped is passed, not waited for.
  EXPECT_EQ(server.stored.size() + agent.association->stats().rows_dropped, 202u);
}

TEST(Association, RowsPastTheirAgeAreDropped) {
  TestAgent agent(1, true, {.bytes_max = 4 << 20, .age_max = 1min});
  agent.tick();
  agent.run(61s);
  agent.tick();
  EXPECT_EQ(agent.association->stats().rows_dropped, 2u);
  EXPECT_EQ(agent.association->buffer().lowest_kept(), 3u);
}

TEST(Association, AsksForAnAckWhenHalfFull) {
  TestAgent agent(1, true, {.bytes_max = 4 << 10, .age_max = 24h});
  TestServer server = agent.server();
  agent.tick();
  agent.exchange(server);
  std::vector<bool> asked;
  for (int i = 0; i < 8; ++i) {
    agent.tick();
    asked.push_back(server.take(agent.take_sent().at(0))->header.ack_now());
  }
  EXPECT_FALSE(asked.front());
  EXPECT_TRUE(asked.back());
}

TEST(Association, BacksOffWhileTheServerIsAwayAndCatchesUpAtABoundedRate) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  agent.exchange(server);
  agent.tick();
  agent.take_sent();
  agent.run(10min);
  const size_t probes = agent.take_sent().size();
  EXPECT_GE(probes, 10u);
  EXPECT_LE(probes, 24u);
  for (int i = 0; i < 300; ++i) {
    agent.tick();
    agent.run(2s);
  }
  agent.take_sent();
  agent.tick();
  agent.exchange(server);  // It is there again.
  size_t frames = 0;
  int tenths = 0;
  for (; tenths < 200 && !agent.association->buffer().empty(); ++tenths) {
    agent.run(100ms);
    frames += agent.exchange(server).size();
  }
  EXPECT_LT(tenths, 80);
  EXPECT_GE(frames, 300u);
  EXPECT_LE(frames, 301u + static_cast<size_t>(tenths));
  EXPECT_GE(tenths, 55);  // 301 frames at 50 a second.
  EXPECT_EQ(server.stored.size(), 2u * 303);
}

TEST(Association, KeepsToTheServersPace) {
  TestAgent agent(1, true, {}, 100);
  TestServer server = agent.server();
  agent.tick();
  AckBody pace;
  pace.frames_per_s_max = 3;
  agent.exchange(server, pace);
  size_t frames = 0;
  for (int i = 0; i < 100; ++i) {
    agent.tick();
    agent.run(100ms);
    frames += agent.exchange(server).size();
  }
  EXPECT_GE(frames, 27u);
  EXPECT_LE(frames, 32u);
  // Not told again, it ends.
  for (int i = 0; i < 700; ++i) {
    agent.run(100ms);
    agent.exchange(server);
  }
  EXPECT_TRUE(agent.association->buffer().empty());
  EXPECT_EQ(server.stored.size(), 202u);
}

TEST(Association, AnswersARequestOnceAndRepeatsTheSameAnswer) {
  TestAgent agent;
  TestServer server = agent.server();
  Association& association = *agent.association;
  agent.tick();
  agent.exchange(server);
  agent.receive(server.request(7, {static_cast<uint32_t>(GroupId::kMemory)}));
  agent.receive(server.request(7));
  const auto request = association.next_request();
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->id, 7u);
  EXPECT_EQ(request->groups, std::vector<uint32_t>{static_cast<uint32_t>(GroupId::kMemory)});
  EXPECT_FALSE(association.next_request().has_value());
  const std::vector<Row> rows = {agent.row(GroupId::kMemory, 0)};
  association.answer(7, rows, agent.now());
  agent.receive(server.request(7));  // Before the answer came there,
  Frames frames = agent.exchange(server);
  agent.receive(server.request(7));  // and after it was acknowledged.
  for (const TestServer::Frame& frame : agent.exchange(server)) frames.push_back(frame);
  ASSERT_EQ(frames.size(), 3u);
  for (const TestServer::Frame& frame : frames) {
    EXPECT_EQ(frame.body.request_id, 7u);
    EXPECT_EQ(frame.body.first_sequence, 3u);
    EXPECT_EQ(frame.rows, 1u);
    EXPECT_TRUE(frame.header.ack_now());
  }
  EXPECT_FALSE(association.next_request().has_value());
  EXPECT_EQ(server.stored.size(), 3u);
  EXPECT_EQ(server.doubles, 0u);
}

TEST(Association, AnswersWithoutRowsAndHoldsRequestsToALimit) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  agent.exchange(server);
  agent.receive(server.request(1));
  agent.association->answer(1, {}, agent.now());
  const Frames frames = agent.exchange(server);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].body.request_id, 1u);
  EXPECT_EQ(frames[0].rows, 0u);
  EXPECT_TRUE(agent.association->buffer().empty());
  for (uint64_t id = 10; id < 20; ++id) agent.receive(server.request(id));
  EXPECT_EQ(agent.association->stats().requests_over, 10 - Association::kRequestsMax + 1);
}

TEST(Association, ManyDevicesAreSplitOverFramesThatStandAlone) {
  const auto f = [](size_t count, size_t name_bytes) {
    TestAgent agent;
    TestServer server = agent.server();
    std::vector<std::string> devices;
    for (size_t i = 0; i < count; ++i) devices.push_back(fmt::format("{:x>{}}", i, name_bytes));
    agent.tick(devices);
    size_t datagrams = 0;
    for (const Bytes& datagram : agent.take_sent()) {
      ++datagrams;
      TestServer alone = agent.server();  // Any one of them, without the others.
      EXPECT_TRUE(alone.take(datagram).has_value());
      server.take(datagram);
    }
    EXPECT_EQ(server.stored.size(), count + 2);
    std::set<std::string> names;
    for (const auto& [sequence, is] : server.stored) {
      if (is.starts_with("disk ")) names.insert(is.substr(5, is.rfind(' ') - 5));
    }
    EXPECT_EQ(names, std::set<std::string>(devices.begin(), devices.end()));
    agent.receive(server.ack());
    EXPECT_TRUE(agent.association->buffer().empty());
    return datagrams;
  };
  EXPECT_EQ(f(1, 3), 1u);
  EXPECT_GT(f(256, 8), 2u);
  f(512, 64);
}

TEST(Association, ADeviceThatComesLaterIsNamedByANewDictionary) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick({"sda"});
  agent.exchange(server);
  agent.tick({"sda", "sdb"});
  const Frames frames = agent.exchange(server);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].has_dictionary);
  EXPECT_EQ(server.dictionaries.size(), 2u);
  EXPECT_TRUE(server.stored.rbegin()->second.starts_with("disk sdb "));
}

TEST(Association, PlainFramesCarryTheFlagAndSealedAnswersAreRefused) {
  TestAgent agent(1, false);
  TestServer server = agent.server();
  agent.tick();
  const Frames frames = agent.exchange(server);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].header.plain());
  EXPECT_TRUE(agent.association->buffer().empty());
  TestServer sealed(Key256{}, agent.identity.agent_id, 1000);
  sealed.session = server.session;
  agent.receive(sealed.ack());
  EXPECT_EQ(agent.association->stats().forged, 1u);
}

TEST(Association, KeepAliveEvery15SecondsWhereTicksAreRarer) {
  const auto f = [](uint32_t interval_ms, size_t expected) {
    TestAgent agent(1, true, {}, interval_ms);
    TestServer server = agent.server();
    agent.tick();
    agent.exchange(server);
    agent.run(59s);
    size_t keep_alives = 0;
    for (const Bytes& datagram : agent.take_sent()) {
      const auto frame = server.take(datagram);
      keep_alives += frame && frame->header.type == FrameType::kKeepAlive && frame->rows == 0;
    }
    EXPECT_EQ(keep_alives, expected);
  };
  f(2'000, 0);
  f(15'000, 0);
  f(60'000, 3);
}

TEST(Association, SettingsOfAnAckAreHandedOverOnceAndReportedOn) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  EXPECT_FALSE(agent.association->next_settings().has_value());
  agent.exchange(server);
  EXPECT_FALSE(agent.association->next_settings().has_value());
  AckBody extra;
  extra.settings = {5, {{"agent_interval", "60s"}}};
  agent.exchange(server, extra);
  EXPECT_EQ(agent.association->next_settings(), extra.settings);
  EXPECT_FALSE(agent.association->next_settings().has_value());
  const ReportBody report{5, 60'000, {{"agent_interval", SettingOutcome::kApplied}}};
  agent.association->report(report, agent.now());
  agent.exchange(server);
  EXPECT_EQ(server.reports, (std::vector<ReportBody>{report}));
}

// Rows of before keep the dictionary under which they were measured; a longer interval begins to need keep-alives.
TEST(Association, AnotherIntervalIsInTheRowsThatFollow) {
  TestAgent agent;
  TestServer server = agent.server();
  agent.tick();
  agent.exchange(server);
  agent.tick();
  const Bytes before = agent.take_sent().front();
  agent.dictionary.interval_ms = 60'000;
  agent.association->set_dictionary(agent.dictionary);
  agent.tick();
  const auto interval_of = [&](ByteView datagram) {
    const auto frame = server.take(datagram);
    return frame ? server.dictionaries[frame->body.dictionary_id].interval_ms : 0;
  };
  EXPECT_EQ(interval_of(before), 2000u);
  EXPECT_EQ(interval_of(agent.take_sent().front()), 60'000u);
  EXPECT_EQ(server.stored.size(), 6u);
  agent.exchange(server);
  agent.run(59s);
  EXPECT_EQ(agent.take_sent().size(), 3u);
}

TEST(Association, FlushSendsEverythingThatIsKeptAskingForAnAck) {
  TestAgent agent;
  TestServer server = agent.server();
  for (int i = 0; i < 5; ++i) agent.tick();
  agent.take_sent();
  agent.association->flush(2, agent.now());
  EXPECT_EQ(agent.outbox.sent.size(), 0u);  // All have asked for an ack just now: nobody has answered yet.
  agent.clock.advance(250ms);
  agent.association->flush(3, agent.now());
  EXPECT_EQ(agent.outbox.sent.size(), 3u);
  agent.association->flush(64, agent.now());
  const Frames frames = agent.exchange(server);
  EXPECT_EQ(frames.size(), 5u);
  for (const TestServer::Frame& frame : frames) EXPECT_TRUE(frame.header.ack_now());
  EXPECT_TRUE(agent.association->buffer().empty());
}

TEST(Association, AStartBeginsANewSpoolAndSession) {
  TestAgent first(1);
  TestAgent second(2);
  EXPECT_NE(first.association->spool_id(), second.association->spool_id());
  EXPECT_NE(first.association->session(), second.association->session());
}

}  // namespace
}  // namespace dragonfly
