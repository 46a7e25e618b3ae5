// Association: an agent's side of the native protocol (docs/formats/frame.md), as a state machine without socket or
// clock. It is fed with ticks, datagrams and timers, and hands datagrams to a sink.
//
// Rows are kept until the server acknowledges them: in memory, and with a spool on disk first. A tick's rows are sent
// at once. What is not acknowledged is sent
// again, sealed anew under a new packet number: after 6 s at first (the server may wait 5 s with its ack), then, asking
// for an ack at once, after 1, 2, 4 … 60 s, each with a quarter of jitter. While the server answers, at most
// kBacklogPerS of these go out a second, beside the live rows; while it does not, only the oldest block does, by the
// same back-off. Rows that are on disk only come back into memory in order, at most kReplayBlocks at a time.
//
// Units      wall time for what the server reads, monotonic time for all waiting; sizes in bytes.
// Ownership  borrows random, sink and spool, which outlive it.
// Threading  one thread.
// Errors     none: what a peer sends wrongly is counted in stats() and changes nothing else.
// Limits     RowBufferLimits; kRequestsMax requests that wait, kAnswersKept blocks of answers for requests that come
//            again. Frames have at most kFrameBytesMax bytes.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/core/time.h"
#include "base/crypto/crypto.h"
#include "base/obs/log.h"
#include "base/rt/random.h"
#include "edge/agent/dictionary_set.h"
#include "edge/agent/identity.h"
#include "edge/agent/row_buffer.h"
#include "edge/agent/row_spool.h"
#include "edge/agent/token_bucket.h"
#include "model/frame/frame.h"
#include "model/frame/replay_window.h"
#include "model/row/row.h"

namespace dragonfly {

struct Moment {
  Timestamp wall;
  MonotonicTime monotonic;
};

class DatagramSink {
 public:
  virtual ~DatagramSink() = default;
  virtual void send(ByteView datagram) = 0;
};

struct AssociationStats {
  uint64_t frames_sent = 0;  // With rows, first time or again.
  uint64_t frames_resent = 0;
  uint64_t rows_acked = 0;                 // Refused ones included.
  uint64_t rows_taken = 0;                 // From probes.
  uint64_t rows_dropped = 0;               // From memory: it was full, or they were too old. The spool counts its own.
  std::array<uint64_t, 8> rows_refused{};  // By RefusalCause; 0 = a cause that is not known here.
  uint64_t acks = 0;
  uint64_t requests = 0;
  uint64_t requests_over = 0;  // Beyond kRequestsMax.
  uint64_t malformed = 0;
  uint64_t foreign = 0;  // For another agent.
  uint64_t forged = 0;   // Did not open under our key, or plain where we have one.
  uint64_t replayed = 0;
  uint64_t sessions = 0;
};

struct SampleRequest {
  uint64_t id = 0;
  std::vector<uint32_t> groups;  // Empty = all.
};

class Association {
 public:
  static constexpr uint32_t kBacklogPerS = 50;
  static constexpr size_t kReplayBlocks = 64;
  static constexpr size_t kRequestsMax = 8;
  static constexpr size_t kAnswersKept = 8;      // Blocks.
  static constexpr Duration kSilentAfter = 10s;  // Rows unanswered for so long: the server is away.
  static constexpr Duration kKeepAlive = 15s;
  static constexpr Duration kPaceHolds = 60s;       // After the last ack that named a pace.
  static constexpr Duration kOtherAgentWait = 60s;  // Between two tries while another agent of the VM is heard.

  // `dictionary` has labels, boot and interval, no devices.
  // Without a spool (nullptr) rows are in memory only.
  Association(const AgentIdentity& identity, const Dictionary& dictionary, RowBufferLimits limits, Random& random,
              DatagramSink& sink, RowSpool* spool, Moment start);

  // Rows of one tick; Row::device counts from 1 into `devices`, which only ever grows.
  void tick(std::span<const Row> rows, std::span<const std::string> devices, Moment now);
  // Other labels for the rows to come. `dictionary` as at the start.
  void set_dictionary(const Dictionary& dictionary);
  // True where the server sealed it.
  bool received(ByteView datagram, Moment now);
  // To be called when next_timer() has come; earlier does no harm.
  void timer(Moment now);
  MonotonicTime next_timer(MonotonicTime now) const;

  // The oldest request that waits for rows.
  std::optional<SampleRequest> next_request();
  // Rows of the VM itself (device 0), perhaps none.
  void answer(uint64_t request_id, std::span<const Row> rows, Moment now);

  // What the last ack with settings told, once each time.
  std::optional<AgentSettings> next_settings() { return std::exchange(settings_, std::nullopt); }
  // What was done with it.
  void report(const ReportBody& body, Moment now);

  // A frame without rows that asks for an ack at once.
  void ask(Moment now);

  // The key that the server gave, once each time; to be used from now on by use_key(), when it is kept.
  std::optional<NextKey> next_key() { return std::exchange(next_key_, std::nullopt); }
  void use_key(const NextKey& key, Moment now);
  uint8_t key_epoch() const { return identity_.key_epoch; }
  // What the server said of this agent last.
  AgentStanding standing() const { return standing_; }

  // Before the end, again and again: sends up to `frames_max` blocks, oldest first, asking for acks at once; those that
  // asked for one just now are left out.
  void flush(size_t frames_max, Moment now);

  const RowBuffer& buffer() const { return buffer_; }
  // That are not acknowledged, wherever they are.
  uint64_t rows_waiting() const;
  uint64_t rows_dropped() const { return stats_.rows_dropped + (spool_ != nullptr ? spool_->stats().rows_dropped : 0); }
  // Everything below was acknowledged or dropped.
  uint64_t lowest_kept() const;
  const AssociationStats& stats() const { return stats_; }
  uint64_t session() const { return session_; }
  uint64_t spool_id() const { return spool_id_; }
  // Whether rows wait without any answer for kSilentAfter (or since the start), and since when.
  bool silent(MonotonicTime now) const;
  std::optional<MonotonicTime> last_ack() const { return last_ack_; }
  std::optional<MonotonicTime> unanswered_since() const { return unanswered_since_; }

 private:
  struct Answer {
    uint64_t request_id = 0;
    uint64_t first_sequence = 0;
    std::shared_ptr<SentDictionary> dictionary;
    Bytes block;
  };

  void start_session(Timestamp wall);
  void pack(std::span<const Row> rows, uint64_t request_id, Moment now);
  void add_block(size_t slice, uint32_t rows, uint64_t request_id, Moment now);
  void send_block(BufferedBlock& block, bool ack_now, Moment now);
  void send_body(FrameType type, const RowsBody& body, bool ack_now, Moment now);
  void seal_and_send(FrameType type, bool ack_now, Moment now);
  RowsBody body_for(const SentDictionary& dictionary, bool inline_dictionary, Timestamp wall) const;
  void send_answer(const Answer& answer, Moment now);
  void send_keep_alive(bool ack_now, Moment now);
  void on_standing(AgentStanding standing, MonotonicTime now);
  void resend_due(Moment now);
  void probe_oldest(Moment now);
  BufferedBlock* oldest();
  void trim(MonotonicTime now);
  void replay(Moment now);
  // Memory before what was read back, so that a backlog of hours does not keep a lost live row waiting.
  template <class Visit>
  void for_each_block(Visit visit) {
    for (BufferedBlock& block : buffer_.blocks()) visit(block);
    for (BufferedBlock& block : replay_.blocks()) visit(block);
  }
  Duration wait_after(uint32_t sends, bool ack_now);
  Duration jittered(Duration wait);
  void count_dropped(uint64_t rows, MonotonicTime now);

  bool open(const FrameHeader& header, ByteView datagram, Moment now);
  void on_ack(const AckBody& ack, Moment now);
  void on_acknowledged(const AckBody& ack, Moment now);
  void on_refused(const AckBody& ack, MonotonicTime now);
  void on_unknown(DictionaryId id, MonotonicTime now);
  void on_pace(uint32_t frames_per_s, MonotonicTime now);
  void renew_session(Moment now);
  bool repeat_answer(uint64_t request_id, Moment now);
  void keep_answer(Answer answer);
  void on_request(const RequestBody& request, Moment now);
  void make_due(BufferedBlock& block, MonotonicTime now);

  AgentIdentity identity_;
  Random& random_;
  DatagramSink& sink_;
  Aes256Gcm cipher_;
  RowSpool* const spool_;
  DictionarySet dictionaries_;
  RowBuffer replay_;  // Older than buffer_, read back from the spool.
  RowBuffer buffer_;
  AssociationStats stats_;
  bool needs_keep_alive_ = false;

  uint64_t spool_id_ = 0;
  uint64_t session_ = 0;
  Key256 session_key_{};
  uint64_t packet_ = 0;
  uint32_t session_jumps_ = 0;  // Sessions in a row that were too old.

  uint64_t run_ = 0;  // Of the server; 0 = not heard in this session.
  Key256 reply_key_{};
  ReplayWindow window_;

  std::optional<MonotonicTime> unanswered_since_;
  std::optional<MonotonicTime> last_ack_;
  MonotonicTime last_sent_{};
  MonotonicTime probe_at_{};
  Duration probe_wait_ = 1s;
  MonotonicTime next_due_ = MonotonicTime::max();  // Not later than the earliest BufferedBlock::due.
  TokenBucket backlog_;
  std::optional<TokenBucket> pace_;
  uint32_t pace_per_s_ = 0;
  MonotonicTime pace_until_{};

  std::deque<SampleRequest> requests_;
  std::deque<Answer> answers_;
  std::optional<AgentSettings> settings_;
  std::optional<NextKey> next_key_;
  AgentStanding standing_ = AgentStanding::kGood;

  uint64_t dropped_told_ = 0;
  RateLimit refused_line_{60s};
  RateLimit dropped_line_{60s};
  RateLimit session_line_{60s};
  RateLimit standing_line_{600s};
  Bytes block_;  // Scratch: a block in the making, a row's fields, a body, a datagram, an opened body.
  Bytes fields_;
  Bytes body_;
  Bytes datagram_;
  Bytes opened_;
};

}  // namespace dragonfly
