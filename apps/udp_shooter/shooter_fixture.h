// For tests of the shooter: a server on a loopback port that keeps books of what comes, and a run against it.
//
// Units      as shooter.h.
// Ownership  values; the peer has a thread that ends with stop().
// Threading  the test's thread; books are looked at after stop().
// Errors     what no agent may do fails the running test.
// Limits     none.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <functional>
#include <map>
#include <set>
#include <thread>

#include "base/core/assert.h"
#include "base/rt/wakeup.h"
#include "model/frame/sequence_set.h"
#include "options.h"
#include "shooter.h"

namespace dragonfly {

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
    Dictionary dictionary;  // The newest.
    std::vector<ReportBody> reports;
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
    if (header->type == FrameType::kReport) {
      const auto report = ReportBody::decode(body);
      EXPECT_TRUE(report.has_value());
      if (report) agents[header->agent_id].reports.push_back(*report);
      return;
    }
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
      agent.dictionary = *dictionary;
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

inline std::vector<AgentKey> some_keys(size_t count) {
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

}  // namespace dragonfly
