// VirtualAgent: one agent's side of the native protocol, as small as 100,000 of them in one process ask for. It keeps
// no rows: what is not acknowledged is known by its number and made again (values.h).
//
// As a real agent it lets the server wait with its ack (up to 5 s): what asked for none goes again after kPatience, what
// did after kFirstAgain, then twice as long each time. The first frame of a session, every kAskEvery-th and every one
// that goes again ask.
//
// It ticks on a grid of its interval at a phase of its own, and follows the interval that the server tells unless the
// command line gives one.
//
// Units      wall time for what the server reads, monotonic time for all waiting.
// Ownership  borrows its AgentKey and VmPlace; methods borrow the Workshop that all agents share.
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

// Where a VM is said to be. Empty: not said.
struct VmPlace {
  std::string csp;
  std::string region;
};

// What is alike for all agents, and scratch space.
struct Workshop {
  bool sealed = false;
  Duration interval = 2s;  // At the start.
  bool interval_pinned = false;
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
  static Result<VirtualAgent> make(const AgentKey& key, const VmPlace& place, uint64_t spool_id, uint64_t session,
                                   const Workshop& shop);

  const AgentKey& key() const { return *key_; }
  const VmPlace& place() const { return *place_; }
  Duration interval() const { return std::chrono::milliseconds(interval_ms_); }
  size_t pending() const { return pending_.size(); }

  // Ticks from now on, first in the earliest slot of its grid that is not before `earliest`.
  void wake(Timestamp earliest);
  void sleep() { slot_ms_ = kAsleep; }
  bool asleep() const { return slot_ms_ == kAsleep; }
  // When the next tick is due; asleep: far away.
  Timestamp slot() const { return from_unix_ms(slot_ms_); }

  // What the VM measures in its slot, which is over then: the next one is an interval later.
  void measure(Workshop& shop);
  // The frame of the next tick; likewise.
  void tick(Moment now, Workshop& shop, Bytes& out);
  // The oldest frame that is due again; false where there is none.
  bool again(Moment now, Workshop& shop, Bytes& out);
  // At the end: everything that waits is due at `at` at the latest, and then every kHurry.
  void hurry(MonotonicTime at);
  // Asks for an ack without rows, once, `quiet` after the last frame; false where that is not due or nothing waits.
  bool ask(Moment now, Duration quiet, Workshop& shop, Bytes& out);
  // The report on settings that came, once; false where none is due.
  bool report(Moment now, Workshop& shop, Bytes& out);
  bool has_report() const { return report_due_; }
  // A datagram for this agent; the next slot may be another one then. `random` for a session that may have to be started.
  void take(const FrameHeader& header, ByteView datagram, Moment now, uint16_t random, Workshop& shop);

 private:
  struct Pending {
    uint64_t tick;
    int64_t time_ms;
    uint32_t interval_ms;
    MonotonicTime first_sent;
    MonotonicTime due;
    uint8_t sendings;
    bool asked;                // Its first sending did.
    uint32_t with_dictionary;  // Its last sending: which one; 0 = none.
    uint64_t first() const { return tick * kRowsPerTick + 1; }
    uint64_t last() const { return first() + kRowsPerTick - 1; }
  };

  static constexpr int64_t kAsleep = INT64_MAX / 2'000'000;

  VirtualAgent(const AgentKey& key, const VmPlace& place, uint64_t spool_id)
      : key_(&key), place_(&place), spool_id_(spool_id) {}
  void set_interval(uint32_t interval_ms, const Workshop& shop);
  Pending next_tick(MonotonicTime now);
  void fill(const Pending& frame, Workshop& shop) const;
  void take_settings(const AgentSettings& settings, Moment now, const Workshop& shop);
  void start_session(uint64_t session, const Workshop& shop);
  Bytes dictionary(const Workshop& shop) const;
  void send(Pending& frame, bool ask, Moment now, Workshop& shop, Bytes& out);
  void seal_rows(FrameType type, bool ask, RowsBody& body, Moment now, Workshop& shop, Bytes& out);
  void seal(FrameType type, bool ask, Workshop& shop, Bytes& out);
  bool open(const FrameHeader& header, ByteView datagram, Workshop& shop);
  void acknowledge(const AckBody& ack, Moment now, Workshop& shop);

  const AgentKey* key_;
  const VmPlace* place_;
  int64_t slot_ms_ = kAsleep;
  int64_t begin_ms_ = 0;  // Of tick 0.
  uint32_t interval_ms_ = 0;
  uint64_t spool_id_;
  uint64_t session_ = 0;
  uint64_t packet_ = 0;
  uint64_t run_ = 0;  // The server's, for which reply_key_ is.
  uint64_t next_tick_ = 0;
  DictionaryId dictionary_id_ = 0;
  uint32_t dictionary_number_ = 0;  // From 1.
  bool dictionary_known_ = false;
  bool report_due_ = false;
  uint64_t settings_version_ = 0;
  SettingOutcome outcome_ = SettingOutcome::kApplied;
  bool first_of_session_ = true;
  bool has_asked_ = false;  // ask() did.
  bool hurried_ = false;
  Key256 session_key_{};
  Key256 reply_key_{};
  std::vector<Pending> pending_;  // Oldest first.
};

}  // namespace dragonfly
