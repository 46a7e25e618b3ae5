#include "ingest/receiver/agent_session.h"

#include <gtest/gtest.h>

#include "ingest/receiver/fail_budget.h"

namespace dragonfly {
namespace {

constexpr uint64_t kAgent = 0x1122334455667788;
constexpr uint64_t kRun = 0x5000;

class AgentSessionTest : public testing::Test {
 protected:
  AgentSessionTest() { master_.fill(7); }

  Bytes frame(uint64_t session, uint64_t packet) {
    FrameHeader header;
    header.key_epoch = 1;
    header.agent_id = kAgent;
    header.session = session;
    header.packet = packet;
    Bytes out;
    seal_frame(cipher_, derive_session_key(derive_agent_key(master_, kAgent, 1), session), header, Bytes{1, 2, 3}, out);
    return out;
  }
  AgentSession::Verdict open(AgentSession& agent, const Bytes& datagram) {
    Bytes body;
    const auto verdict = agent.open(cipher_, master_, *FrameHeader::decode(datagram), datagram, body);
    EXPECT_EQ(verdict == AgentSession::Verdict::kOpened,
              body == (Bytes{1, 2, 3}) && verdict == AgentSession::Verdict::kOpened);
    return verdict;
  }
  static FrameHeader header_of(uint64_t session) {
    FrameHeader header;
    header.key_epoch = 1;
    header.session = session;
    return header;
  }
  AckBody open_reply(const Bytes& datagram, uint64_t session) {
    Bytes body;
    const auto header = *FrameHeader::decode(datagram);
    EXPECT_EQ(header.session, kRun);
    const Key256 key = derive_reply_key(derive_agent_key(master_, kAgent, 1), session, kRun);
    EXPECT_TRUE(open_frame(cipher_, key, header, datagram, body));
    return *AckBody::decode(body);
  }

  Key256 master_{};
  Aes256Gcm cipher_;
  AgentSession agent_{AgentRecord{kAgent, 1, false, {"ns", "m", "vm"}}, false};
};

using Verdict = AgentSession::Verdict;

TEST_F(AgentSessionTest, OpensOnceAndInAnyOrder) {
  EXPECT_EQ(open(agent_, frame(100, 2)), Verdict::kOpened);
  EXPECT_TRUE(agent_.newest_opened());
  EXPECT_EQ(open(agent_, frame(100, 1)), Verdict::kOpened);
  EXPECT_FALSE(agent_.newest_opened());
  EXPECT_EQ(open(agent_, frame(100, 2)), Verdict::kReplayed);
}

// Seconds since the first ack at which settings go along; the agent reports after `reported` of them (0: never).
TEST_F(AgentSessionTest, SettingsAreToldUntilTheyAreReported) {
  const AgentSettings settings{7, {{"agent_interval", "4s"}}};
  uint64_t session = 100;
  const auto f = [&](size_t reported, std::vector<int> expected) {
    ASSERT_EQ(open(agent_, frame(++session, 1)), Verdict::kOpened);
    std::vector<int> told;
    for (int second = 0; second <= 1300; ++second) {
      const MonotonicTime now = MonotonicTime{} + 1h + second * 1s;
      const bool needed = agent_.needs_settings(settings, now);
      Bytes reply;
      agent_.make_ack(cipher_, kRun, master_, settings, now, reply);
      const AckBody ack = open_reply(reply, session);
      EXPECT_EQ(ack.settings == settings, needed);
      EXPECT_EQ(ack.settings.version != 0, needed);
      if (needed) told.push_back(second);
      if (needed && told.size() == reported) agent_.settings_reported(settings.version);
    }
    EXPECT_EQ(told, expected);
  };
  f(1, {0});
  f(3, {0, 5, 15});
  f(0, {0, 5, 15, 35, 75, 155, 315, 615, 915, 1215});
  f(1, {0});  // A new session may be a start that has lost them.

  const MonotonicTime later = MonotonicTime{} + 2h;
  EXPECT_FALSE(agent_.needs_settings(settings, later));
  EXPECT_TRUE(agent_.needs_settings({8, {}}, later)) << "others are told at once";
  EXPECT_FALSE(agent_.needs_settings({}, later)) << "there are none";
}

TEST_F(AgentSessionTest, AKeyBelongsToSeveralMachinesOnlyWhereTheyTakeTurns) {
  using Source = AgentSession::Source;
  const Source a{1, 10}, b{2, 20}, behind{1, 11};
  const auto f = [](const std::vector<std::pair<int, Source>>& begun) {
    AgentSession agent(AgentRecord{kAgent, 1, false, {"ns", "m", "vm"}}, false);
    int duplicates = 0;
    for (const auto& [second, source] : begun) duplicates += agent.is_duplicate(source, MonotonicTime{} + second * 1s);
    return duplicates;
  };
  EXPECT_EQ(f({{0, a}, {1, b}, {2, a}, {3, b}}), 0);  // Three changes.
  EXPECT_EQ(f({{0, a}, {1, b}, {2, a}, {3, b}, {4, a}, {5, b}}), 2);
  EXPECT_EQ(f({{0, a}, {150, b}, {300, a}, {450, b}, {600, a}, {750, b}}), 0);  // Over more than five minutes.
  // Behind one address: they come back to their ports; who restarts does not.
  EXPECT_EQ(f({{0, a}, {1, behind}, {2, a}, {3, behind}, {4, a}, {5, behind}, {6, a}}), 2);
  std::vector<std::pair<int, Source>> restarts;
  for (int i = 0; i < 60; ++i) restarts.push_back({i, Source{1, static_cast<uint16_t>(1000 + i)}});
  EXPECT_EQ(f(restarts), 0);
}

TEST_F(AgentSessionTest, AForgedFrameChangesNothing) {
  Bytes forged = frame(100, 5000);
  forged.back() ^= 1;
  EXPECT_EQ(open(agent_, forged), Verdict::kNotAuthentic);
  EXPECT_EQ(agent_.session(), 0u);
  EXPECT_EQ(open(agent_, frame(100, 1)), Verdict::kOpened) << "the window did not move";
}

TEST_F(AgentSessionTest, OnlyALargerSessionReplacesOne) {
  EXPECT_EQ(open(agent_, frame(100, 9)), Verdict::kOpened);
  EXPECT_EQ(open(agent_, frame(200, 1)), Verdict::kOpened);
  EXPECT_EQ(open(agent_, frame(100, 10)), Verdict::kSessionTooOld);
  Bytes reply;
  agent_.make_session_too_old(cipher_, kRun, master_, header_of(100), reply);
  EXPECT_TRUE(open_reply(reply, 100).session_too_old);
}

TEST_F(AgentSessionTest, AReplyNeverRepeatsANumberUnderOneKey) {
  ASSERT_EQ(open(agent_, frame(100, 1)), Verdict::kOpened);
  Bytes first;
  agent_.make_ack(cipher_, kRun, master_, {}, {}, first);
  ASSERT_EQ(open(agent_, frame(200, 1)), Verdict::kOpened);
  Bytes old;
  agent_.make_session_too_old(cipher_, kRun, master_, header_of(100), old);
  EXPECT_NE(FrameHeader::decode(first)->packet, FrameHeader::decode(old)->packet);
}

TEST_F(AgentSessionTest, AcksTellWhatIsDoneRefusedAndMissingOnce) {
  ASSERT_EQ(open(agent_, frame(100, 1)), Verdict::kOpened);
  agent_.pass_below(42, 5);
  ASSERT_TRUE(agent_.done(42, 5, 9));
  ASSERT_TRUE(agent_.done(42, 20, 21));
  ASSERT_TRUE(agent_.done(41, 1, 1000)) << "of an earlier spool: without effect";
  agent_.refuse(RefusalCause::kTooOld, 3);
  agent_.miss_dictionary(77);
  Bytes reply;
  agent_.make_ack(cipher_, kRun, master_, {}, {}, reply);
  const AckBody ack = open_reply(reply, 100);
  EXPECT_EQ(ack.spool_id, 42u);
  EXPECT_EQ(ack.cumulative, 9u);
  EXPECT_EQ(ack.ranges, (std::vector<SequenceRange>{{20, 21}}));
  EXPECT_EQ(ack.refused, (std::vector<AckBody::Refused>{{RefusalCause::kTooOld, 3}}));
  EXPECT_EQ(ack.unknown_dictionaries, (std::vector<DictionaryId>{77}));
  agent_.make_ack(cipher_, kRun, master_, {}, {}, reply);
  EXPECT_TRUE(open_reply(reply, 100).refused.empty());
  EXPECT_TRUE(agent_.is_done(42, 5, 9));
  EXPECT_FALSE(agent_.is_done(42, 5, 10));
}

TEST_F(AgentSessionTest, ARestartClosesTheWindowBelowWhatWasSeen) {
  ASSERT_EQ(open(agent_, frame(100, 7)), Verdict::kOpened);
  agent_.pass_below(42, 1);
  ASSERT_TRUE(agent_.done(42, 1, 4));
  Bytes state;
  agent_.encode(state);
  AgentSession again(agent_.record(), false);
  ASSERT_TRUE(again.restore(state));
  EXPECT_EQ(open(again, frame(100, 7)), Verdict::kReplayed);
  EXPECT_EQ(open(again, frame(100, 6)), Verdict::kReplayed) << "never seen, but it comes again under a new number";
  EXPECT_EQ(open(again, frame(100, 8)), Verdict::kOpened);
  EXPECT_TRUE(again.is_done(42, 1, 4));
  for (size_t size = 0; size < state.size(); ++size) {
    AgentSession cut(agent_.record(), false);
    EXPECT_FALSE(cut.restore(ByteView(state).first(size))) << size;
  }
}

TEST(FailBudget, FailuresOfOneSourceRunOutAndComeBack) {
  FailBudget budget;
  MonotonicTime now{Duration(1h)};
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(budget.exhausted(1, now)) << i;
    budget.fail(1, now);
  }
  EXPECT_TRUE(budget.exhausted(1, now));
  EXPECT_FALSE(budget.exhausted(2, now)) << "another source has its own";
  EXPECT_FALSE(budget.exhausted(1, now + 20ms));
}

}  // namespace
}  // namespace dragonfly
