#include "shooter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "base/core/assert.h"
#include "base/fs/file.h"
#include "base/rt/wakeup.h"
#include "model/frame/sequence_set.h"
#include "options.h"

namespace dragonfly {
namespace {

using ::testing::HasSubstr;

// A small server on a real socket: opens frames, keeps books, acknowledges as a test tells it.
class Peer {
 public:
  struct Agent {
    SequenceSet done;
    uint64_t spool_id = 0;
    uint64_t session = 0;
    std::map<uint64_t, Timestamp> times;  // Of each row, by sequence.
    std::map<uint64_t, double> bytes_in;  // By sequence of its row.
    std::set<std::pair<uint64_t, uint64_t>> packets;
    std::set<DictionaryId> dictionaries;
    uint64_t frames = 0;
    uint64_t with_dictionary = 0;
    uint64_t keep_alives = 0;
  };
  struct Conduct {
    std::function<bool(uint64_t n)> takes = [](uint64_t) { return true; };  // The n-th datagram; false: lost.
    std::function<void(Agent&, AckBody&)> ack = [](Agent&, AckBody&) {};
    bool patient = false;  // Acks only frames that ask.
  };

  Peer(std::vector<AgentKey> keys, bool sealed, Conduct conduct) : sealed_(sealed), conduct_(std::move(conduct)) {
    for (AgentKey& key : keys) keys_[key.agent_id] = key;
    UdpOptions options;
    options.bind = *Endpoint::parse("127.0.0.1:0");
    options.receive_buffer_bytes = 8 << 20;
    socket_.emplace(std::move(*UdpSocket::open(options)));
    target = socket_->local();
    thread_ = std::thread([this] { run(); });
  }
  ~Peer() { stop(); }
  void stop() {
    stop_.signal();
    if (thread_.joinable()) thread_.join();
  }

  Endpoint target;
  std::map<uint64_t, Agent> agents;  // To be looked at after stop().
  uint64_t unopened = 0;
  std::set<uint16_t> source_ports;

 private:
  void run() {
    ReceiveBatch batch(2000);
    for (;;) {
      pollfd waits[] = {{socket_->descriptor(), POLLIN, 0}, {stop_.descriptor(), POLLIN, 0}};
      ::poll(waits, 2, -1);
      if (waits[1].revents != 0) return;
      while (socket_->receive(batch) > 0)
        for (size_t i = 0; i < batch.size(); ++i)
          if (conduct_.takes(n_++)) take(batch[i]);
    }
  }
  void take(const ReceiveBatch::Datagram& datagram) {
    const auto header = FrameHeader::decode(datagram.payload);
    if (!header.has_value() || !keys_.contains(header->agent_id) || header->plain() == sealed_) return void(++unopened);
    const AgentKey& key = keys_[header->agent_id];
    Bytes body;
    const Key256 session_key = sealed_ ? derive_session_key(key.key, header->session) : Key256{};
    if (!open_frame(cipher_, session_key, *header, datagram.payload, body)) return void(++unopened);
    const auto rows = RowsBody::decode(body);
    if (!rows.has_value()) return void(++unopened);
    source_ports.insert(datagram.source->port());
    Agent& agent = agents[header->agent_id];
    agent.session = header->session;
    EXPECT_TRUE(agent.packets.emplace(header->session, header->packet).second) << "a packet number came twice";
    keep(agent, *header, *rows);
    if (conduct_.patient && !header->ack_now()) return;
    AckBody ack;
    ack.spool_id = agent.spool_id;
    ack.cumulative = agent.done.cumulative();
    ack.ranges.assign(agent.done.ranges().begin(), agent.done.ranges().end());
    conduct_.ack(agent, ack);
    Bytes encoded;
    ack.encode(encoded);
    FrameHeader reply;
    reply.type = FrameType::kAck;
    reply.flags = sealed_ ? 0 : FrameHeader::kPlain;
    reply.agent_id = header->agent_id;
    reply.session = kRun;
    reply.packet = ++packet_;
    Bytes out;
    seal_frame(cipher_, sealed_ ? derive_reply_key(key.key, header->session, kRun) : Key256{}, reply, encoded, out);
    socket_->send(*datagram.source, out);
  }
  void keep(Agent& agent, const FrameHeader& header, const RowsBody& rows) {
    agent.spool_id = rows.spool_id;
    agent.dictionaries.insert(rows.dictionary_id);
    if (!rows.dictionary.empty()) {
      ++agent.with_dictionary;
      const auto dictionary = Dictionary::decode(rows.dictionary);
      ASSERT_TRUE(dictionary.has_value());
      EXPECT_EQ(dictionary_id(rows.dictionary), rows.dictionary_id);
      EXPECT_EQ(dictionary->label("vmId"), keys_[header.agent_id].vm);
    }
    agent.done.pass(rows.lowest_kept);
    if (header.type == FrameType::kKeepAlive) return void(++agent.keep_alives);
    ++agent.frames;
    RowBlockReader reader(rows.row_block);
    uint64_t sequence = rows.first_sequence;
    for (; const auto row = reader.next(); ++sequence) {
      const auto [at, is_new] = agent.times.emplace(sequence, row->time);
      EXPECT_TRUE(is_new || at->second == row->time) << "a row came again with another time";
      FieldsReader fields(row->fields);
      const auto first = fields.next();
      if (row->group == GroupId::kNetwork) agent.bytes_in[sequence] = first->value.as_double();
      EXPECT_TRUE(fields_are_valid(row->group, row->fields));
    }
    EXPECT_TRUE(reader.ok());
    EXPECT_TRUE(agent.done.add(rows.first_sequence, sequence - 1));
  }

  static constexpr uint64_t kRun = 77;
  const bool sealed_;
  const Conduct conduct_;
  std::map<uint64_t, AgentKey> keys_;
  std::optional<UdpSocket> socket_;
  Aes256Gcm cipher_;
  Wakeup stop_;
  uint64_t n_ = 0;
  uint64_t packet_ = 0;
  std::thread thread_;
};

std::vector<AgentKey> some_keys(size_t count) {
  std::vector<AgentKey> keys = plain_agents("ns-1", "mcis-1", "vm-", count);
  SeededRandom random(3);
  for (AgentKey& key : keys) random.fill(key.key);
  return keys;
}

class ShooterTest : public ::testing::Test {
 protected:
  ShooterReport shoot(const std::vector<AgentKey>& keys, Peer& peer) {
    options_.target = peer.target;
    auto shooter = Shooter::make(options_, keys, clock_, random_);
    DF_ASSERT(shooter.has_value());
    const ShooterReport report = (*shooter)->run(stop_.descriptor());
    peer.stop();
    return report;
  }
  // What every run has to keep.
  static void check(const ShooterReport& report, const Peer& peer, Duration interval) {
    EXPECT_EQ(peer.unopened, 0u);
    EXPECT_EQ(report.acks_malformed, 0u);
    EXPECT_EQ(report.rows_sent, report.frames_sent * kRowsPerTick);
    uint64_t rows = 0;
    for (const auto& [id, agent] : peer.agents) {
      rows += agent.times.size();
      EXPECT_EQ(agent.dictionaries.size(), 1u);
      Timestamp base = agent.times.begin()->second;
      base -= static_cast<int64_t>((agent.times.begin()->first - 1) / kRowsPerTick) * interval;
      for (const auto& [sequence, time] : agent.times) {
        EXPECT_EQ(time, base + static_cast<int64_t>((sequence - 1) / kRowsPerTick) * interval);
        EXPECT_EQ(time.time_since_epoch() % 1ms, 0ms);
      }
      double before = 0;
      for (const auto& [sequence, bytes] : agent.bytes_in) EXPECT_GT(bytes, std::exchange(before, bytes));
    }
    EXPECT_GE(rows, report.rows_acked);
    EXPECT_LE(rows, report.rows_sent);
  }

  ShooterOptions options_{.interval = 50ms, .duration = 600ms};
  SystemClock clock_;
  SeededRandom random_{1};
  Wakeup stop_;
};

TEST_F(ShooterTest, EveryRowOfEveryAgentIsAcknowledged) {
  options_.interval = 100ms;
  options_.duration = 800ms;
  for (const bool sealed : {false, true}) {
    options_.sealed = sealed;
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
  options_.sealed = true;
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
  options_.sealed = true;
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
  options_.sealed = true;
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

// The program itself: exit codes, messages, report.
struct Ended {
  int code;
  std::string out;
};
Ended run_program(const std::string& arguments) {
  FILE* pipe = ::popen((std::string(DF_SHOOTER) + " " + arguments + " 2>&1").c_str(), "r");
  Ended ended{-1, {}};
  char piece[4096];
  for (size_t got = 0; (got = std::fread(piece, 1, sizeof piece, pipe)) > 0;) ended.out.append(piece, got);
  ended.code = WEXITSTATUS(::pclose(pipe));
  return ended;
}

TEST(ProgramTest, WrongOptionsAreNamedWithWhatIsAllowed) {
  const auto f = [](const std::string& arguments, std::string_view part) {
    const Ended ended = run_program(arguments);
    EXPECT_EQ(ended.code, 2) << arguments;
    EXPECT_THAT(ended.out, HasSubstr(part)) << arguments;
  };
  f("", "--target is required");
  f("--target nonsense", "--target: 'nonsense' is not an address or a name with a port; allowed is");
  f("--target 127.0.0.1:0", "--target: port 0");
  f("--target 127.0.0.1:9 --agents 0", "--agents: 0 is not allowed; 1 to 1000000");
  f("--target 127.0.0.1:9 --agents 1000001", "--agents: 1000001 is not allowed; 1 to 1000000");
  f("--target 127.0.0.1:9 --agents x", "--agents");
  f("--target 127.0.0.1:9 --interval 1ms", "--interval: 1ms is not allowed; 10ms to 1h, whole milliseconds");
  f("--target 127.0.0.1:9 --interval 10.5ms", "whole milliseconds");
  f("--target 127.0.0.1:9 --interval soon", "--interval: ");
  f("--target 127.0.0.1:9 --duration 1ms", "--duration: 1ms is not allowed");
  f("--target 127.0.0.1:9 --ramp 2h", "--ramp: 2h is not allowed; 0s to 1h");
  f("--target 127.0.0.1:9 --format xml", "--format: 'xml' is not known; native or sealed");
  f("--target 127.0.0.1:9 --format sealed", "--format sealed needs --keys FILE");
  f("--target 127.0.0.1:9 --format native --keys x", "--keys needs --format sealed");
  f("--target 127.0.0.1:9 --keys /nonexistent", "--keys: open /nonexistent");
  f("--target 127.0.0.1:9 --ns ''", "--ns");
  f("--target 127.0.0.1:9 --unknown", "--unknown");
}

TEST(ProgramTest, HelpNamesEveryOption) {
  const Ended ended = run_program("--help");
  EXPECT_EQ(ended.code, 0);
  for (const char* option : {"--target", "--agents", "--interval", "--duration", "--ramp", "--format", "--keys", "--ns",
                             "--mcis", "--prefix", "--report"})
    EXPECT_THAT(ended.out, HasSubstr(option));
}

TEST(ProgramTest, ReportAndExitCodeTellWhetherRowsWereLost) {
  const auto keys = plain_agents("ns-1", "mcis-1", "vm-", 3);
  Peer peer(keys, false, {});
  const std::string to = peer.target.to_string();
  const Ended good = run_program("--target " + to + " --agents 3 --interval 50ms --duration 200ms");
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_THAT(good.out, HasSubstr("{\"agents\":3,\"seconds\":0.2"));
  EXPECT_THAT(good.out, HasSubstr("\"lost\":0,"));
  for (const char* field : {"rows_sent", "rows_acked", "frames_sent", "frames_acked", "frames_resent", "rows_refused",
                            "ack_p50_ms", "ack_p99_ms", "ack_max_ms", "cpu_s"})
    EXPECT_THAT(good.out, HasSubstr(std::string("\"") + field + "\":"));
  peer.stop();
  const Ended bad = run_program("--target " + to + " --interval 50ms --duration 200ms");
  EXPECT_EQ(bad.code, 1) << bad.out;
}

TEST(ProgramTest, SigtermEndsItWithAReport) {
  const auto keys = plain_agents("ns-1", "mcis-1", "vm-", 2);
  std::atomic<pid_t> child = 0;
  Peer::Conduct conduct;
  conduct.takes = [&](uint64_t n) {
    if (n == 4) ::kill(child, SIGTERM);
    return true;
  };
  Peer peer(keys, false, conduct);
  const std::string report =
      (std::filesystem::temp_directory_path() / ("df-shooter-" + std::to_string(::getpid()) + ".json")).string();
  const std::string to = peer.target.to_string();
  child = ::fork();
  if (child == 0) {
    ::execl(DF_SHOOTER, DF_SHOOTER, "--target", to.c_str(), "--agents", "2", "--interval", "50ms", "--duration", "1h",
            "--report", report.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const auto text = system_files().read_file(report, 1 << 16);
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(std::string(as_text(*text)), HasSubstr("\"lost\":0,"));
  std::filesystem::remove(report);
}

}  // namespace
}  // namespace dragonfly
