// For tests: a server of one agent that keeps its books in maps, and a network that loses, doubles and delays.
//
// Units      as association.h.
// Ownership  values.
// Threading  one thread.
// Errors     what no agent of ours may do fails the running test.
// Limits     none.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "edge/agent/association.h"
#include "model/frame/sequence_set.h"

namespace dragonfly {

struct Outbox final : DatagramSink {
  std::vector<Bytes> sent;
  void send(ByteView datagram) override { sent.emplace_back(datagram.begin(), datagram.end()); }
};

class TestServer {
 public:
  struct Frame {
    FrameHeader header;
    RowsBody body;  // Without the borrowed parts.
    bool has_dictionary = false;
    uint64_t rows = 0;
  };

  TestServer(std::optional<Key256> agent_key, uint64_t agent_id, uint64_t first_run)
      : key_(agent_key), agent_id_(agent_id), run(first_run) {}

  // Takes a datagram of the agent. nullopt: refused (replayed, older session, dictionary unknown).
  std::optional<Frame> take(ByteView datagram) {
    EXPECT_LE(datagram.size(), kFrameBytesMax);
    const auto header = FrameHeader::decode(datagram);
    EXPECT_TRUE(header.has_value());
    EXPECT_EQ(header->agent_id, agent_id_);
    EXPECT_EQ(header->plain(), !key_.has_value());
    Bytes body;
    EXPECT_TRUE(
        open_frame(cipher_, key_ ? derive_session_key(*key_, header->session) : Key256{}, *header, datagram, body));
    if (header->session < session) return session_too_old = true, std::nullopt;
    if (header->session > session) session = header->session;
    if (!packets_.insert({header->session, header->packet}).second) return std::nullopt;
    if (header->type == FrameType::kReport) {
      const auto report = ReportBody::decode(body);
      EXPECT_TRUE(report.has_value());
      if (report) reports.push_back(*report);
      return std::nullopt;
    }
    const auto rows = RowsBody::decode(body);
    EXPECT_TRUE(rows.has_value());
    return store(*header, *rows);
  }

  Bytes ack(AckBody extra = {}) {
    AckBody& out = extra;
    out.spool_id = spool_id;
    out.cumulative = done.cumulative();
    out.ranges.assign(done.ranges().begin(),
                      done.ranges().begin() + static_cast<ptrdiff_t>(std::min(done.ranges().size(), kAckRangesMax)));
    out.unknown_dictionaries.insert(out.unknown_dictionaries.end(), unknown_.begin(), unknown_.end());
    out.session_too_old |= session_too_old;
    unknown_.clear();
    Bytes body;
    out.encode(body);
    const uint64_t for_session = session_too_old ? refused_session : session;
    session_too_old = false;
    return datagram(FrameType::kAck, body, for_session);
  }

  Bytes request(uint64_t id, std::vector<uint32_t> groups = {}) {
    RequestBody request;
    request.request_id = id;
    request.groups = std::move(groups);
    Bytes body;
    request.encode(body);
    return datagram(FrameType::kRequest, body, session);
  }

  Bytes datagram(FrameType type, const Bytes& body, uint64_t for_session) {
    FrameHeader header;
    header.type = type;
    header.flags = key_ ? 0 : FrameHeader::kPlain;
    header.agent_id = agent_id_;
    header.session = run;
    header.packet = ++packet;
    Bytes out;
    seal_frame(cipher_, key_ ? derive_reply_key(*key_, for_session, run) : Key256{}, header, body, out);
    return out;
  }

  std::map<DictionaryId, Dictionary> dictionaries;
  SequenceSet done;
  std::map<uint64_t, std::string> stored;  // "group device time" by sequence.
  uint64_t doubles = 0;                    // Rows that came again with other content: never.
  std::vector<ReportBody> reports;
  uint64_t spool_id = 0;
  uint64_t session = 0;
  uint64_t refused_session = 0;
  bool session_too_old = false;
  uint64_t packet = 0;

 private:
  std::optional<Frame> store(const FrameHeader& header, const RowsBody& rows) {
    spool_id = rows.spool_id;
    done.pass(rows.lowest_kept);
    Frame frame{header, rows, !rows.dictionary.empty(), 0};
    frame.body.dictionary = frame.body.row_block = {};
    if (!rows.dictionary.empty()) {
      EXPECT_EQ(dictionary_id(rows.dictionary), rows.dictionary_id);
      const auto decoded = Dictionary::decode(rows.dictionary);
      EXPECT_TRUE(decoded.has_value());
      if (decoded) dictionaries[rows.dictionary_id] = *decoded;
    }
    if (header.type == FrameType::kKeepAlive) return frame;
    const auto dictionary = dictionaries.find(rows.dictionary_id);
    if (dictionary == dictionaries.end()) return unknown_.insert(rows.dictionary_id), std::nullopt;
    RowBlockReader reader(rows.row_block);
    for (uint64_t sequence = rows.first_sequence; const auto row = reader.next(); ++sequence, ++frame.rows) {
      EXPECT_TRUE(fields_are_valid(row->group, row->fields));
      const std::string is =
          fmt::format("{} {} {}", group_name(row->group), dictionary->second.device(row->device), unix_ms(row->time));
      const auto [at, added] = stored.emplace(sequence, is);
      if (!added && at->second != is) ++doubles;
    }
    EXPECT_TRUE(reader.ok());
    if (frame.rows > 0) {
      EXPECT_TRUE(done.add(rows.first_sequence, rows.first_sequence + frame.rows - 1));
    }
    return frame;
  }

  const std::optional<Key256> key_;
  const uint64_t agent_id_;
  Aes256Gcm cipher_;
  std::set<std::pair<uint64_t, uint64_t>> packets_;
  std::set<DictionaryId> unknown_;

 public:
  uint64_t run;
};

// An agent's association with its clock, sink and chance.
class TestAgent {
 public:
  explicit TestAgent(uint64_t seed = 1, bool sealed = true, RowBufferLimits row_limits = {},
                     uint32_t interval_ms = 2000)
      : limits(row_limits), random(seed), clock(from_unix_ms(1'800'000'000'000)) {
    identity.agent_id = 0x1122334455667788;
    identity.key_epoch = 3;
    if (sealed) identity.key = Key256{1, 2, 3};
    dictionary.labels = {{"mcisId", "m"}, {"nsId", "n"}, {"vmId", "v"}};
    dictionary.interval_ms = interval_ms;
    start(nullptr);
  }
  // As a process that starts: nothing of before is in memory.
  void start(RowSpool* spool) {
    outbox.sent.clear();
    association.emplace(identity, dictionary, limits, random, outbox, spool, now());
  }
  Moment now() const { return {clock.wall(), clock.monotonic()}; }
  // One row of each of cpu and memory, and one of disk for each device.
  void tick(const std::vector<std::string>& devices = {}) {
    std::vector<Row> rows;
    for (const GroupId group : {GroupId::kCpu, GroupId::kMemory}) rows.push_back(row(group, 0));
    for (uint32_t device = 1; device <= devices.size(); ++device) rows.push_back(row(GroupId::kDisk, device));
    association->tick(rows, devices, now());
  }
  Row row(GroupId group, uint32_t device) {
    Row out;
    out.reset(group, from_unix_ms(unix_ms(clock.wall())), metrics_of(group).size());
    out.device = device;
    for (const Metric& metric : metrics_of(group)) {
      out.values[metric.field] =
          metric.type == ValueType::kFloat64
              ? Value{ValueType::kFloat64, std::bit_cast<uint64_t>(static_cast<double>(random.below(10000)) / 100)}
              : Value{metric.type, random.next() >> 2};
    }
    return out;
  }
  // Time goes on in steps; timers run when they are due.
  void run(Duration by) {
    const MonotonicTime end = clock.monotonic() + by;
    while (clock.monotonic() < end) {
      const MonotonicTime next = std::min(association->next_timer(clock.monotonic()), end);
      clock.advance(std::max<Duration>(next - clock.monotonic(), 1ms));
      association->timer(now());
    }
  }
  void receive(ByteView datagram) { association->received(datagram, now()); }
  std::vector<Bytes> take_sent() { return std::exchange(outbox.sent, {}); }
  // Hands everything over and the server's ack back.
  std::vector<TestServer::Frame> exchange(TestServer& server, AckBody extra = {}) {
    std::vector<TestServer::Frame> frames;
    for (const Bytes& datagram : take_sent()) {
      if (const auto frame = server.take(datagram)) frames.push_back(*frame);
    }
    receive(server.ack(std::move(extra)));
    return frames;
  }
  TestServer server(uint64_t run = 1000) const { return TestServer(identity.key, identity.agent_id, run); }

  RowBufferLimits limits;
  SeededRandom random;
  ManualClock clock;
  AgentIdentity identity;
  Dictionary dictionary;
  Outbox outbox;
  std::optional<Association> association;
};

}  // namespace dragonfly
