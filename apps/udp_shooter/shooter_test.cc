#include "shooter.h"

#include <unistd.h>

#include "shooter_fixture.h"

namespace dragonfly {
namespace {

using ::testing::HasSubstr;

TEST_F(ShooterTest, EveryRowOfEveryAgentIsAcknowledged) {
  options_.interval = 100ms;
  options_.duration = 800ms;
  for (const bool sealed : {false, true}) {
    options_.format = sealed ? ShotFormat::kSealed : ShotFormat::kNative;
    const auto keys = some_keys(250);
    Peer peer(keys, sealed, {});
    const ShooterReport report = shoot(keys, peer);
    check(report, peer, options_.interval);
    EXPECT_EQ(report.agents, 250u);
    EXPECT_EQ(peer.agents.size(), 250u);
    EXPECT_EQ(report.frames_sent, 250u * 8);  // A slot of each agent lies in each interval.
    EXPECT_EQ(report.rows_acked, report.rows_sent);
    EXPECT_EQ(report.frames_acked, report.frames_sent);
    EXPECT_EQ(report.rows_lost, 0u);
    EXPECT_LT(report.frames_resent, report.frames_sent / 10);  // None, but for a machine that stands still for 1 s.
    EXPECT_GT(report.ack_times.count(), 250u);
    EXPECT_LE(report.ack_times.percentile_ms(0.5), report.ack_times.max_ms());
    EXPECT_GT(report.cpu_s, 0);
    EXPECT_EQ(peer.source_ports.size(), 3u);
    uint64_t dictionaries = 0;
    for (const auto& [id, agent] : peer.agents) dictionaries += agent.with_dictionary;
    EXPECT_LT(dictionaries, report.frames_sent / 2);  // Only until it is acknowledged.
    std::set<int64_t> phases;
    for (const auto& [id, agent] : peer.agents)
      phases.insert((agent.times.begin()->second.time_since_epoch() % options_.interval) / 1ms);
    EXPECT_GT(phases.size(), 80u);  // Of 100 that there are.
  }
}

TEST_F(ShooterTest, WhatIsLostGoesAgainUnderANewNumber) {
  options_.format = ShotFormat::kSealed;
  const auto keys = some_keys(20);
  Peer::Conduct conduct;
  // As many as there are frames; later ones arrive, or chance would decide whether the last ones make it in time.
  conduct.takes = [](uint64_t n) { return n > 240 || spread_bits(n) % 5 != 0; };
  conduct.patient = true;
  Peer peer(keys, true, conduct);
  const ShooterReport report = shoot(keys, peer);
  check(report, peer, options_.interval);
  EXPECT_EQ(report.frames_sent, 240u);
  EXPECT_GT(report.frames_resent, 10u);
  EXPECT_EQ(report.rows_acked, report.rows_sent);
  EXPECT_EQ(report.rows_lost, 0u);
}

TEST_F(ShooterTest, APatientServerIsAskedAtTheEnd) {
  const auto keys = some_keys(20);
  Peer::Conduct conduct;
  conduct.patient = true;
  Peer peer(keys, false, conduct);
  const ShooterReport report = shoot(keys, peer);
  check(report, peer, options_.interval);
  EXPECT_EQ(report.rows_lost, 0u);
  EXPECT_EQ(report.frames_resent, 0u);
  uint64_t keep_alives = 0;
  for (const auto& [id, agent] : peer.agents) keep_alives += agent.keep_alives;
  EXPECT_GT(keep_alives, 0u);
}

TEST_F(ShooterTest, AnUnknownDictionaryIsToldAgain) {
  options_.format = ShotFormat::kSealed;
  const auto keys = some_keys(5);
  Peer::Conduct conduct;
  conduct.ack = [](Peer::Agent& agent, AckBody& ack) {
    if (agent.frames == 4) ack.unknown_dictionaries = {*agent.dictionaries.begin()};
  };
  Peer peer(keys, true, conduct);
  const ShooterReport report = shoot(keys, peer);
  check(report, peer, options_.interval);
  EXPECT_EQ(report.rows_lost, 0u);
  for (const auto& [id, agent] : peer.agents) EXPECT_GE(agent.with_dictionary, 2u);
}

TEST_F(ShooterTest, ASessionThatIsTooOldIsReplacedByALargerOne) {
  options_.format = ShotFormat::kSealed;
  const auto keys = some_keys(5);
  Peer::Conduct conduct;
  std::map<Peer::Agent*, uint64_t> first;
  conduct.ack = [&](Peer::Agent& agent, AckBody& ack) {
    if (first.emplace(&agent, agent.session).first->second != agent.session) return;
    ack.session_too_old = true;
    ack.cumulative = 0;
    ack.ranges.clear();
  };
  Peer peer(keys, true, conduct);
  const ShooterReport report = shoot(keys, peer);
  check(report, peer, options_.interval);
  EXPECT_EQ(report.rows_lost, 0u);
  for (const auto& [agent, session] : first) EXPECT_GT(agent->session, session);
}

TEST_F(ShooterTest, RefusedRowsAreCountedAndDoNotComeAgain) {
  const auto keys = some_keys(3);
  Peer::Conduct conduct;
  conduct.ack = [](Peer::Agent& agent, AckBody& ack) {
    if (agent.frames == 2) ack.refused = {{RefusalCause::kTooOld, 4}, {RefusalCause::kLimit, 1}};
  };
  Peer peer(keys, false, conduct);
  const ShooterReport report = shoot(keys, peer);
  EXPECT_EQ(report.rows_refused, 3u * 5);
  EXPECT_EQ(report.rows_lost, 0u);
}

TEST_F(ShooterTest, WithoutAcksEverythingIsLostAndSaidSo) {
  options_.duration = 200ms;
  const auto keys = some_keys(2);
  Peer::Conduct conduct;
  conduct.takes = [](uint64_t) { return false; };
  Peer peer(keys, false, conduct);
  const ShooterReport report = shoot(keys, peer);
  EXPECT_GT(report.rows_sent, 0u);
  EXPECT_EQ(report.rows_lost, report.rows_sent);
  EXPECT_EQ(report.rows_acked, 0u);
  EXPECT_GT(report.frames_resent, 0u);
}

TEST_F(ShooterTest, StopsWhenItIsTold) {
  options_.duration = 1h;
  const auto keys = some_keys(2);
  Peer::Conduct conduct;
  conduct.takes = [this](uint64_t n) {
    if (n == 6) stop_.signal();
    return true;
  };
  Peer peer(keys, false, conduct);
  const ShooterReport report = shoot(keys, peer);
  EXPECT_LT(report.seconds, 60);
  EXPECT_GE(report.frames_sent, 6u);
  EXPECT_EQ(report.rows_lost, 0u);
}

TEST_F(ShooterTest, RampSpreadsTheStart) {
  options_.duration = 900ms;
  options_.ramp = 800ms;
  const auto keys = some_keys(100);
  Peer peer(keys, false, {});
  const ShooterReport report = shoot(keys, peer);
  check(report, peer, options_.interval);
  EXPECT_NEAR(static_cast<double>(report.frames_sent), 100 * 10, 200);  // Half of 18, and what the ramp leaves behind.
  EXPECT_EQ(report.rows_lost, 0u);
}

// Names of the agents whose rows came in each of three steps.
TEST_F(ShooterTest, StepsWakeTheFirstAgentsAndLetTheOthersSleep) {
  options_.duration = 1500ms;
  options_.steps = {2, 5, 1};
  const auto keys = some_keys(5);
  Peer peer(keys, false, {});
  const ShooterReport report = shoot(keys, peer);
  EXPECT_EQ(report.agents, 5u);
  EXPECT_EQ(report.frames_sent, 10u * (2 + 5 + 1));
  EXPECT_EQ(report.rows_lost, 0u);
  for (size_t i = 0; i < keys.size(); ++i) {
    const size_t steps = i == 0 ? 3 : i == 1 ? 2 : 1;
    EXPECT_EQ(peer.agents[keys[i].agent_id].times.size(), 10 * kRowsPerTick * steps) << keys[i].vm;
  }
}

TEST_F(ShooterTest, AnAgentThatSleptGoesOnWhereItWas) {
  options_.duration = 1500ms;
  options_.steps = {1, 0, 1};
  const auto keys = some_keys(1);
  Peer peer(keys, false, {});
  const ShooterReport report = shoot(keys, peer);
  EXPECT_EQ(report.frames_sent, 20u);
  EXPECT_EQ(report.rows_lost, 0u);
  const Peer::Agent& agent = peer.agents.begin()->second;
  EXPECT_EQ(agent.done.cumulative(), 20 * kRowsPerTick);
  std::vector<Duration> steps;
  for (uint64_t tick = 1; tick < 20; ++tick)
    steps.push_back(agent.times.at(tick * kRowsPerTick + 1) - agent.times.at((tick - 1) * kRowsPerTick + 1));
  EXPECT_EQ(steps[9], 550ms);
  steps.erase(steps.begin() + 9);
  for (const Duration step : steps) EXPECT_EQ(step, 50ms);
  double before = 0;
  for (const auto& [sequence, bytes] : agent.bytes_in) EXPECT_GT(bytes, std::exchange(before, bytes));
}

TEST_F(ShooterTest, ProvidersHaveTheirShares) {
  options_.places = {{{"aws", ""}, 5}, {{"azure", "westeurope"}, 3}};
  const auto keys = some_keys(16);
  Peer peer(keys, false, {});
  shoot(keys, peer);
  std::map<std::string, int> counts;
  for (const auto& [id, agent] : peer.agents)
    ++counts[fmt::format("{}/{}", agent.dictionary.label("cspType"), agent.dictionary.label("region"))];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"aws/", 10}, {"azure/westeurope", 6}}));
}

// What the server tells with its acks from the 4th frame of each agent on.
TEST_F(ShooterTest, FollowsTheServersInterval) {
  const auto f = [&](const std::string& told, bool pinned, Duration interval, SettingOutcome outcome) {
    SCOPED_TRACE(told);
    options_.interval_pinned = pinned;
    options_.duration = 1s;
    const auto keys = some_keys(4);
    Peer::Conduct conduct;
    conduct.ack = [&](Peer::Agent& agent, AckBody& ack) {
      if (agent.frames >= 4 && agent.reports.empty()) ack.settings = {7, {{"agent_interval", told}, {"x", "y"}}};
    };
    Peer peer(keys, false, conduct);
    const ShooterReport report = shoot(keys, peer);
    EXPECT_EQ(report.rows_lost, 0u);
    EXPECT_EQ(report.interval_s, seconds(interval));
    for (const auto& [id, agent] : peer.agents) {
      ASSERT_FALSE(agent.reports.empty());
      EXPECT_EQ(agent.reports.front(),
                (ReportBody{7, static_cast<uint32_t>(interval / 1ms), {{"agent_interval", outcome}}}));
      EXPECT_EQ(agent.dictionary.interval_ms, static_cast<uint32_t>(interval / 1ms));
      const auto last = std::prev(agent.times.end());
      EXPECT_EQ(last->second - agent.times.at(last->first - kRowsPerTick), interval);
      EXPECT_EQ(agent.done.cumulative(), last->first);
      std::set<Timestamp> times;
      for (const auto& [sequence, time] : agent.times) times.insert(time);
      EXPECT_EQ(times.size() * kRowsPerTick, agent.times.size()) << "no time twice";
    }
  };
  f("100ms", false, 100ms, SettingOutcome::kApplied);
  f("20ms", false, 20ms, SettingOutcome::kApplied);
  f("100ms", true, 50ms, SettingOutcome::kPinned);
  f("1ms", false, 50ms, SettingOutcome::kRefused);
  f("often", false, 50ms, SettingOutcome::kRefused);
}

TEST_F(ShooterTest, LossIsOfBothWaysAndMadeGood) {
  options_.loss = 0.3;
  options_.duration = 500ms;
  const auto keys = some_keys(20);
  Peer peer(keys, false, {});
  const ShooterReport report = shoot(keys, peer);
  check(report, peer, options_.interval);
  EXPECT_GT(report.datagrams_dropped, 40u);
  EXPECT_GT(report.frames_resent, 20u);
  EXPECT_GE(report.rows_acked, report.rows_sent * 9 / 10);  // At 30 % each way chance decides about the very last.
  uint64_t came = 0;
  for (const auto& [id, agent] : peer.agents) came += agent.frames;
  EXPECT_LT(came, report.frames_sent + report.frames_resent);
}

TEST_F(ShooterTest, DelayIsAddedToBothWays) {
  options_.delay = 60ms;
  const auto keys = some_keys(20);
  Peer peer(keys, false, {});
  const ShooterReport report = shoot(keys, peer);
  check(report, peer, options_.interval);
  EXPECT_EQ(report.rows_lost, 0u);
  EXPECT_EQ(report.datagrams_dropped, 0u);
  EXPECT_GT(report.ack_times.count(), 0u);
  EXPECT_GE(report.ack_times.percentile_ms(0), 120);
}

TEST_F(ShooterTest, TelegrafHasNoAcksAndLosesNothingThatItKnowsOf) {
  options_.format = ShotFormat::kTelegraf;
  const auto keys = some_keys(3);
  Peer peer(keys, false, {});
  const ShooterReport report = shoot(keys, peer);
  EXPECT_EQ(report.frames_sent, 3u * 12);
  EXPECT_EQ(peer.unopened, report.frames_sent) << "no frames, but as many datagrams";
  EXPECT_EQ(report.rows_lost, 0u);
  EXPECT_THAT(report.to_json(), HasSubstr("\"acked\":null"));
  EXPECT_THAT(report.to_json(), HasSubstr("\"lost\":null"));
}

TEST_F(ShooterTest, LinesThatNobodyTakesAreLost) {
  options_.format = ShotFormat::kInflux;
  options_.duration = 200ms;
  const auto keys = some_keys(3);
  options_.target = *Endpoint::parse("127.0.0.1:1");
  auto shooter = Shooter::make(options_, keys, clock_, random_);
  ASSERT_TRUE(shooter.has_value());
  const ShooterReport report = (*shooter)->run(stop_.descriptor());
  EXPECT_EQ(report.rows_sent, 3u * 4 * kRowsPerTick);
  EXPECT_EQ(report.rows_lost, report.rows_sent);
}

TEST_F(ShooterTest, MeasuresAProcess) {
  options_.server_pid = ::getpid();
  options_.duration = 100ms;
  const auto keys = some_keys(3);
  Peer peer(keys, false, {});
  const ShooterReport report = shoot(keys, peer);
  ASSERT_TRUE(report.server.has_value());
  EXPECT_GE(report.server->cpu_s, 0);
  EXPECT_GT(report.server->rss_bytes, 1u << 20);
  EXPECT_THAT(report.to_json(), HasSubstr(fmt::format("\"server\":{{\"pid\":{},\"cpu_s\":", ::getpid())));
}

TEST_F(ShooterTest, NamesThatFitNoFrameAreRefused) {
  auto keys = plain_agents(std::string(250, 'n'), std::string(250, 'm'), std::string(250, 'v'), 1);
  options_.target = *Endpoint::parse("127.0.0.1:9");
  const auto shooter = Shooter::make(options_, keys, clock_, random_);
  ASSERT_FALSE(shooter.has_value());
  EXPECT_THAT(shooter.error().message, HasSubstr("too long for one frame"));
}

TEST(AckTimesTest, PercentilesAreCloseAndTheMaximumIsExact) {
  AckTimes times;
  EXPECT_EQ(times.percentile_ms(0.5), 0);
  for (int i = 1; i <= 10'000; ++i) times.add(std::chrono::microseconds(i * 100));
  EXPECT_NEAR(times.percentile_ms(0.5), 500, 500 * 0.016);
  EXPECT_NEAR(times.percentile_ms(0.99), 990, 990 * 0.016);
  EXPECT_EQ(times.percentile_ms(1), 1000);
  EXPECT_EQ(times.max_ms(), 1000);
  AckTimes one;
  one.add(std::chrono::microseconds(127));
  EXPECT_EQ(one.percentile_ms(0.5), 0.127);
  one.add(500h);
  EXPECT_EQ(one.percentile_ms(1), 3'600'000);
}

}  // namespace
}  // namespace dragonfly
