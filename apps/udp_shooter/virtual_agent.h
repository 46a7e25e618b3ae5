// VirtualAgent: one agent's side of the native protocol, as small as 100,000 of them in one process ask for. It keeps
// no rows: what is not acknowledged is known by its number and made again (values.h).
//
// As a real agent it lets the server wait with its ack (up to 5 s): what asked for none goes again after kPatience, what
// did after kFirstAgain, then twice as long each time. The first frame of a session, every kAskEvery-th and every one
// that goes again ask.
//
// Units      wall time for what the server reads, monotonic time for all waiting.
// Ownership  borrows its AgentKey; methods borrow the Workshop that all agents share.
// Threading  one thread.
// Errors     none: what does not open or read is counted.
// Limits     kPendingMax frames wait for an ack; the oldest is then given up and counted as lost.
#pragma once

#include <vector>

#include "base/crypto/crypto.h"
#include "model/frame/frame.h"
#include "model/frame/key_file.h"
#include "report.h"
#include "values.h"

namespace dragonfly {

struct Moment {
  Timestamp wall;
  MonotonicTime monotonic;
};

// What is alike for all agents, and scratch space.
struct Workshop {
  bool sealed = false;
  Duration interval = 2s;
  std::string boot;  // Of this run: new counters are a new boot.
  ShooterReport report;

  Aes256Gcm cipher;
  TickRows rows;
  Bytes block;
  Bytes body;
};

class VirtualAgent {
 public:
  static constexpr Duration kPatience = 6s;
  static constexpr Duration kFirstAgain = 1s;
  static constexpr Duration kAgainMax = 60s;
  static constexpr Duration kHurry = 500ms;  // Between sendings, at the end.
  static constexpr uint64_t kAskEvery = 16;
  static constexpr size_t kPendingMax = 256;
  // What a frame has room for beside five rows.
  static constexpr size_t kDictionaryRoom = 560;

  // kInvalidArgument: the names are too long for one frame.
  static Result<VirtualAgent> make(const AgentKey& key, Timestamp first_tick, uint64_t spool_id, uint64_t session,
                                   const Workshop& shop);

  Timestamp first_tick() const { return from_unix_ms(first_tick_ms_); }
  size_t pending() const { return pending_.size(); }

  // The frame of the next tick.
  void tick(Moment now, Workshop& shop, Bytes& out);
  // The oldest frame that is due again; false where there is none.
  bool again(Moment now, Workshop& shop, Bytes& out);
  // At the end: everything that waits is due at `at` at the latest, and then every kHurry.
  void hurry(MonotonicTime at);
  // Asks for an ack without rows, once, `quiet` after the last frame; false where that is not due or nothing waits.
  bool ask(Moment now, Duration quiet, Workshop& shop, Bytes& out);
  // A datagram for this agent; `random` for a session that may have to be started.
  void take(const FrameHeader& header, ByteView datagram, Moment now, uint16_t random, Workshop& shop);

 private:
  struct Pending {
    uint64_t tick;
    MonotonicTime first_sent;
    MonotonicTime due;
    uint8_t sendings;
    bool asked;            // Its first sending did.
    bool with_dictionary;  // Its last sending.
    uint64_t first() const { return tick * kRowsPerTick + 1; }
    uint64_t last() const { return first() + kRowsPerTick - 1; }
  };

  VirtualAgent(const AgentKey& key, Timestamp first_tick, uint64_t spool_id)
      : key_(&key), first_tick_ms_(unix_ms(first_tick)), spool_id_(spool_id) {}
  void start_session(uint64_t session, const Workshop& shop);
  Bytes dictionary(const Workshop& shop) const;
  void send(Pending& frame, bool ask, Moment now, Workshop& shop, Bytes& out);
  void seal(FrameType type, bool ask, RowsBody& body, Moment now, Workshop& shop, Bytes& out);
  bool open(const FrameHeader& header, ByteView datagram, Workshop& shop);
  void acknowledge(const AckBody& ack, Moment now, Workshop& shop);

  const AgentKey* key_;
  int64_t first_tick_ms_;
  uint64_t spool_id_;
  uint64_t session_ = 0;
  uint64_t packet_ = 0;
  uint64_t run_ = 0;  // The server's, for which reply_key_ is.
  uint64_t next_tick_ = 0;
  DictionaryId dictionary_id_ = 0;
  bool dictionary_known_ = false;
  bool first_of_session_ = true;
  bool has_asked_ = false;  // ask() did.
  bool hurried_ = false;
  Key256 session_key_{};
  Key256 reply_key_{};
  std::vector<Pending> pending_;  // Oldest first.
};

}  // namespace dragonfly
