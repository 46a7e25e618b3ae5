// NativeAgent: the agent of one VM of a data set, as it would send what it kept: frames of one tick or of as many as fit,
// a window of them unacknowledged, again what is not acknowledged in time.
//
// Units      see model/frame.
// Ownership  borrows its key and what all agents share.
// Threading  one thread.
// Errors     none: what does not open or read is counted.
// Limits     the window's frames are kept until they are acknowledged.
#pragma once

#include <deque>
#include <optional>

#include "base/crypto/crypto.h"
#include "bench/dataset/dataset.h"
#include "bench/store/load_report.h"
#include "model/frame/frame.h"
#include "model/frame/key_file.h"

namespace dragonfly::bench {

struct Moment {
  Timestamp wall;
  MonotonicTime monotonic;
};

// What is alike for all agents, and scratch space.
struct NativeShared {
  uint64_t ticks_per_frame = 1;  // 0 = as many as fit.
  size_t window = 6;             // Frames of one agent that wait for an ack.
  uint64_t malformed = 0;        // Answers that did not open or read.
  LoadReport report;
  Aes256Gcm cipher;
  TickRows rows;
  Bytes body;
  Bytes encoded;
};

class NativeAgent {
 public:
  static constexpr Duration kFirstAgain = 2s;  // Then twice as long each time.
  static constexpr Duration kAgainMax = 30s;

  NativeAgent(const AgentKey& key, const Dataset& data, uint64_t number, uint64_t session, uint64_t spool_id);
  uint64_t agent_id() const { return key_->agent_id; }
  bool done() const { return ticks_left_ == 0 && !held_ && pending_.empty(); }
  size_t pending() const { return pending_.size(); }
  // Whether send() has something for the server.
  bool ready(const NativeShared& shared) const;
  // The next frame; the dictionary by itself before the first.
  void send(Moment now, NativeShared& shared, Bytes& out);
  // The oldest that is due again; false where there is none.
  bool again(Moment now, NativeShared& shared, Bytes& out);
  void take(const FrameHeader& header, ByteView datagram, Moment now, NativeShared& shared);

 private:
  struct Frame {
    uint64_t first;
    uint64_t rows;
    Bytes block;
    MonotonicTime due;
    uint8_t sendings;
    uint64_t last() const { return first + rows - 1; }
  };

  void next_tick(NativeShared& shared);
  Bytes make_block(NativeShared& shared, uint64_t& rows);
  void send_dictionary(Moment now, NativeShared& shared, Bytes& out);
  void send_frame(Frame& frame, bool ask, Moment now, NativeShared& shared, Bytes& out);
  void seal(FrameType type, bool ask, RowsBody& body, Moment now, NativeShared& shared, Bytes& out);
  void acknowledge(const AckBody& ack, Moment now, NativeShared& shared);

  const AgentKey* key_;
  VmSource source_;
  uint64_t ticks_left_;
  uint64_t session_;
  uint64_t spool_id_;
  Key256 session_key_;
  Key256 reply_key_{};
  uint64_t run_ = 0;  // The server's, for which reply_key_ is.
  uint64_t packet_ = 0;
  uint64_t next_sequence_ = 1;
  Bytes dictionary_;
  DictionaryId dictionary_id_;
  bool dictionary_known_ = false;
  std::optional<MonotonicTime> dictionary_due_;  // When it goes again.
  // The tick that was made and not sent: its rows' encoded fields, one after the other.
  struct Held {
    Timestamp time;
    std::array<Bytes, kRowsPerTick> fields;
  };
  Held next_;
  bool held_ = false;
  std::deque<Frame> pending_;  // Oldest first.
};

}  // namespace dragonfly::bench
