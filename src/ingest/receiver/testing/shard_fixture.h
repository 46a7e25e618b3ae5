// For tests: shards with real sockets on loopback between a log, a directory and heads that do what the test says.
//
// Units      as shard.h.
// Ownership  values.
// Threading  the test's thread; FakeLog and FakeHead are also called from the shards'.
// Errors     what does not come within kPatience fails the running test.
// Limits     none.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "ingest/receiver/shard.h"

namespace dragonfly {

inline constexpr Duration kPatience = 20s;

// True as soon as `condition` is; false after kPatience.
template <class Condition>
bool comes_true(Condition condition) {
  const SystemClock clock;
  for (const MonotonicTime end = clock.monotonic() + kPatience; !condition();) {
    if (clock.monotonic() > end) return false;
    std::this_thread::yield();
    poll(nullptr, 0, 1);
  }
  return true;
}

// Holds what is submitted until the test commits it or lets it fail.
class FakeLog final : public CommitLog {
 public:
  bool submit(Bytes records, Urgency urgency, Done done) override {
    const std::lock_guard lock(mutex_);
    if (!takes) return false;
    waiting_.push_back({std::move(records), urgency, std::move(done)});
    return true;
  }
  LogPosition end() const override { return LogPosition{end_.load()}; }

  size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  Urgency urgency() const {
    const std::lock_guard lock(mutex_);
    return waiting_.front().urgency;
  }
  // Types of the records of the oldest batch.
  std::vector<LogRecordType> types() const {
    const std::lock_guard lock(mutex_);
    std::vector<LogRecordType> out;
    LogRecordReader reader(waiting_.front().records);
    while (const auto record = reader.next()) out.push_back(record->type);
    EXPECT_TRUE(reader.ok());
    return out;
  }
  void commit() {
    for (Batch& batch : take()) {
      const LogPosition begin = end();
      end_ += batch.records.size();
      batch.done(Committed{std::move(batch.records), begin});
    }
  }
  void fail(ErrorCode code) {
    for (Batch& batch : take()) batch.done(dragonfly::fail(code, "the test says no"));
  }

  std::atomic<bool> takes{true};

 private:
  struct Batch {
    Bytes records;
    Urgency urgency;
    Done done;
  };
  std::deque<Batch> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }
  mutable std::mutex mutex_;
  std::deque<Batch> waiting_;
  std::atomic<uint64_t> end_{1000};
};

// Remembers what it was given.
class FakeHead final : public ShardHead {
 public:
  struct Applied {
    VmIdentity vm;
    DictionaryId dictionary;
    LogPosition position;
    std::vector<Timestamp> times;
    bool restored;
  };
  void apply(const RowsRecord& record, VmEntry& vm, const KnownDictionary*, LogPosition position) override {
    add(record, vm, position, false);
  }
  void restore(const RowsRecord& record, VmEntry& vm, const KnownDictionary*, LogPosition position) override {
    add(record, vm, position, true);
  }
  void tick(MonotonicTime) override { ++ticks; }
  std::optional<LogPosition> oldest_unsealed() const override { return std::nullopt; }
  bool is_full() const override { return full; }

  std::vector<Applied> applied() const {
    const std::lock_guard lock(mutex_);
    return applied_;
  }
  size_t rows() const {
    size_t rows = 0;
    for (const Applied& record : applied()) rows += record.times.size();
    return rows;
  }
  std::atomic<uint64_t> ticks{0};
  std::atomic<bool> full{false};

 private:
  void add(const RowsRecord& record, VmEntry& vm, LogPosition position, bool restored) {
    Applied out{vm.identity, record.dictionary_id, position, {}, restored};
    RowBlockReader reader(record.row_block);
    while (const auto row = reader.next()) out.times.push_back(row->time);
    const std::lock_guard lock(mutex_);
    applied_.push_back(std::move(out));
  }
  mutable std::mutex mutex_;
  std::vector<Applied> applied_;
};

// VMs and dictionaries without limits; no measurements.
class FakeDirectory final : public Directory {
 public:
  Result<VmEntry*> intern_vm(const VmIdentity& identity) override {
    const std::lock_guard lock(mutex_);
    if (identity.vm.empty()) return fail(ErrorCode::kInvalidArgument, "no name");
    for (VmEntry& vm : vms_) {
      if (vm.identity == identity) return &vm;
    }
    return &vms_.emplace_back(VmId{static_cast<uint32_t>(vms_.size() + 1)}, identity);
  }
  VmEntry* find_vm(const VmIdentity& identity) override {
    const std::lock_guard lock(mutex_);
    for (VmEntry& vm : vms_) {
      if (vm.identity == identity) return &vm;
    }
    return nullptr;
  }
  VmEntry* find_vm(VmId) override { return nullptr; }
  std::vector<VmEntry*> find_in_any_namespace(std::string_view, std::string_view) override { return {}; }
  std::vector<VmEntry*> vms() override { return {}; }
  std::vector<VmEntry*> vms_from(size_t) override { return {}; }
  Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView encoded) override {
    auto decoded = Dictionary::decode(encoded);
    if (!decoded) return fail(decoded.error());
    const std::lock_guard lock(mutex_);
    auto& slot = dictionaries_[dictionary_id(encoded)];
    if (slot) return slot;
    auto known = std::make_shared<KnownDictionary>();
    static_cast<Dictionary&>(*known) = *decoded;
    known->id = dictionary_id(encoded);
    known->encoded.assign(encoded.begin(), encoded.end());
    slot = known;
    return slot;
  }
  std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId id) override {
    const std::lock_guard lock(mutex_);
    const auto at = dictionaries_.find(id);
    return at == dictionaries_.end() ? nullptr : at->second;
  }
  Result<std::shared_ptr<const Measurement>> intern_measurement(std::string_view, std::string_view,
                                                                const std::vector<MeasurementRecord::Field>&) override {
    return fail(ErrorCode::kUnsupported, "no measurements here");
  }
  std::shared_ptr<const Measurement> find_measurement(std::string_view, std::string_view) override { return nullptr; }
  std::shared_ptr<const Measurement> find_measurement(GroupId) override { return nullptr; }

 private:
  std::mutex mutex_;
  std::deque<VmEntry> vms_;
  std::map<DictionaryId, std::shared_ptr<const KnownDictionary>> dictionaries_;
};

// The agent's side: makes frames, opens answers.
class FakeAgent {
 public:
  FakeAgent(uint64_t agent_id, const Key256& master, VmIdentity identity, bool is_plain = false)
      : id(agent_id),
        vm(std::move(identity)),
        plain(is_plain),
        master_(master),
        agent_key_(derive_agent_key(master, id, kEpoch)) {
    dictionary.labels = {{"nsId", vm.ns}, {"mcisId", vm.mcis}, {"vmId", vm.vm}};
    dictionary.interval_ms = 1000;
  }
  static constexpr uint8_t kEpoch = 1;
  AgentRecord record() const { return {id, kEpoch, false, vm}; }
  // From now on it speaks under another of its keys.
  void use_epoch(uint8_t another) {
    epoch = another;
    agent_key_ = derive_agent_key(master_, id, another);
    ++session;
    packet = 0;
  }

  struct Frame {
    uint64_t first = 1;              // Sequence of the first row.
    std::vector<Timestamp> times{};  // A row each.
    bool ack_now = true;
    bool with_dictionary = true;
    FrameType type = FrameType::kRows;
    uint64_t request_id = 0;
    GroupId group = GroupId::kCpu;
  };
  Bytes make(const Frame& frame) {
    const Bytes encoded = dictionary.encode();
    Bytes block, text, out;
    if (!frame.times.empty()) {
      RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, frame.times.front());
      Row row;
      for (const Timestamp time : frame.times) {
        row.reset(frame.group, time, 1);
        row.values[0] = Value::of(50.0);
        writer.add(row);
      }
    }
    RowsBody body;
    body.spool_id = spool_id;
    body.sent_at_ms = unix_ms(SystemClock().wall());
    body.first_sequence = frame.first;
    body.request_id = frame.request_id;
    body.dictionary_id = dictionary_id(encoded);
    if (frame.with_dictionary) body.dictionary = encoded;
    body.row_block = block;
    body.encode(text);
    FrameHeader header;
    header.type = frame.type;
    header.key_epoch = plain ? 0 : epoch;
    header.flags = static_cast<uint8_t>((plain ? FrameHeader::kPlain : 0) | (frame.ack_now ? FrameHeader::kAckNow : 0));
    header.agent_id = id;
    header.session = session;
    header.packet = ++packet;
    seal_frame(cipher_, derive_session_key(agent_key_, session), header, text, out);
    return out;
  }
  Bytes make_report(const ReportBody& report) {
    Bytes text, out;
    report.encode(text);
    FrameHeader header;
    header.type = FrameType::kReport;
    header.key_epoch = plain ? 0 : epoch;
    header.flags = plain ? FrameHeader::kPlain : uint8_t{0};
    header.agent_id = id;
    header.session = session;
    header.packet = ++packet;
    seal_frame(cipher_, derive_session_key(agent_key_, session), header, text, out);
    return out;
  }
  // Opens what the server sent; nullopt where it is not for this agent and session.
  std::optional<Bytes> open(ByteView datagram) {
    const auto header = FrameHeader::decode(datagram);
    Bytes body;
    if (!header || header->agent_id != id) return std::nullopt;
    if (!open_frame(cipher_, derive_reply_key(agent_key_, session, header->session), *header, datagram, body)) {
      return std::nullopt;
    }
    return body;
  }

  const uint64_t id;
  const VmIdentity vm;
  const bool plain;
  Dictionary dictionary;
  uint64_t session = 100;
  uint64_t packet = 0;
  uint64_t spool_id = 42;
  uint8_t epoch = kEpoch;

 private:
  const Key256 master_;
  Key256 agent_key_;
  Aes256Gcm cipher_;
};

class ShardTest : public testing::Test {
 protected:
  static constexpr uint64_t kRun = 0x5000;

  ShardTest() { master_.fill(7); }
  ~ShardTest() override {
    for (auto& shard : shards_) shard->stop_receiving();
    log_.commit();
    for (auto& shard : shards_) shard->join();
  }

  // Shards, each with a port of its own; they are started unless the test calls them itself.
  void make_shards(uint32_t count, bool start = true) {
    const UdpOptions udp{*Endpoint::parse("127.0.0.1:0"), 0, false};
    std::vector<Shard*> all;
    for (uint32_t i = 0; i < count; ++i) {
      auto socket = UdpSocket::open(udp);
      ASSERT_TRUE(socket.has_value()) << socket.error().message;
      addresses_.push_back(socket->local());
      Shard::Context context{clock_,
                             log_,
                             directory_,
                             stats_,
                             master_,
                             kRun,
                             [this] { ++unknown_agents_; },
                             [this](const std::string&, uint64_t source) { ++telegraf_, telegraf_source_ = source; },
                             [this](uint64_t, uint8_t used) { epoch_used_ = used; }};
      ShardOptions options;
      options.index = i;
      options.count = count;
      shards_.push_back(std::make_unique<Shard>(options, std::move(context), std::move(*socket)));
      heads_.push_back(std::make_unique<FakeHead>());
      shards_.back()->set_head(*heads_.back());
      all.push_back(shards_.back().get());
    }
    for (auto& shard : shards_) shard->set_peers(all);
    if (!start) return;
    for (auto& shard : shards_) shard->start();
  }
  void enrol(const AgentRecord& record) {
    Shard& shard = *shards_[record.agent_id % shards_.size()];
    ASSERT_TRUE(shard.post([&shard, record] { shard.set_agent(record); }));
  }
  void send(ByteView datagram, size_t shard = 0) { ASSERT_TRUE(client_.send(addresses_[shard], datagram)); }

  // The next datagram that comes to the client; empty after kPatience.
  Bytes receive() {
    ReceiveBatch batch(kDatagramBytesMax);
    if (!comes_true([&] { return !received_.empty() || client_.receive(batch) > 0; })) return {};
    for (size_t i = 0; i < batch.size(); ++i) received_.emplace_back(batch[i].payload.begin(), batch[i].payload.end());
    Bytes first = std::move(received_.front());
    received_.pop_front();
    return first;
  }
  AckBody receive_ack(FakeAgent& agent) {
    const auto body = agent.open(receive());
    EXPECT_TRUE(body.has_value());
    const auto ack = body ? AckBody::decode(*body) : Result<AckBody>(fail(ErrorCode::kTimeout, "no ack"));
    EXPECT_TRUE(ack.has_value());
    return ack.value_or(AckBody{});
  }
  // The frame becomes durable, and everything up to `acked` is acknowledged.
  void store(FakeAgent& agent, const FakeAgent::Frame& frame, uint64_t acked) {
    send(agent.make(frame));
    ASSERT_TRUE(submitted());
    log_.commit();
    EXPECT_EQ(receive_ack(agent).cumulative, acked);
  }
  // No ack was sent, and none waits: a turn of the shard that began after the call has ended.
  void expect_no_ack(size_t shard = 0) {
    const uint64_t before = stats_.acks.value();
    for (int i = 0; i < 2; ++i) {
      std::atomic<bool> ran{false};
      ASSERT_TRUE(shards_[shard]->post([&] { ran = true; }));
      ASSERT_TRUE(comes_true([&] { return ran.load(); }));
    }
    EXPECT_EQ(stats_.acks.value(), before);
  }
  bool submitted(size_t batches = 1) {
    return comes_true([&] { return log_.waiting() == batches; });
  }
  std::vector<Timestamp> now(size_t rows = 1) const {
    std::vector<Timestamp> times;
    for (size_t i = 0; i < rows; ++i) times.push_back(from_unix_ms(unix_ms(clock_.wall()) + static_cast<int64_t>(i)));
    return times;
  }
  uint64_t faults(DatagramFault cause) const { return stats_.faults[static_cast<size_t>(cause)].value(); }
  uint64_t dropped(RowDrop cause) const { return stats_.rows_dropped[static_cast<size_t>(cause)].value(); }

  SystemClock clock_;
  FakeLog log_;
  FakeDirectory directory_;
  ReceiverStats stats_;
  Key256 master_{};
  std::atomic<int> unknown_agents_{0};
  std::atomic<int> epoch_used_{0};
  std::atomic<int> telegraf_{0};
  std::atomic<uint64_t> telegraf_source_{0};
  std::vector<Endpoint> addresses_;
  std::vector<std::unique_ptr<FakeHead>> heads_;
  std::vector<std::unique_ptr<Shard>> shards_;
  UdpSocket client_ = std::move(*UdpSocket::open({*Endpoint::parse("127.0.0.1:0"), 0, false}));
  std::deque<Bytes> received_;
};

}  // namespace dragonfly
