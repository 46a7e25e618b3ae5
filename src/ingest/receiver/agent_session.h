// AgentSession: the server's side of one agent's association: who it is, what was replayed, what is acknowledged.
//
// Units      monotonic ns.
// Ownership  holds the session's keys and wipes them.
// Threading  the shard that owns the agent id.
// Errors     open(): a verdict; the session is unchanged unless it is kOpened.
// Limits     one session at a time; SequenceSet::kRangesMax ranges.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/net/endpoint.h"
#include "model/flow/agent_record.h"
#include "model/flow/directory.h"
#include "model/flow/frame_door.h"
#include "model/frame/frame.h"
#include "model/frame/replay_window.h"
#include "model/frame/sequence_set.h"

namespace dragonfly {

class AgentSession {
 public:
  // A plain agent has no key; its record's VM is filled in from its first dictionary.
  explicit AgentSession(const AgentRecord& record, bool plain) : record_(record), plain_(plain) {}
  ~AgentSession();
  AgentSession(const AgentSession&) = delete;
  AgentSession& operator=(const AgentSession&) = delete;

  // Of one agent id: so many changes of session between sources within this time are those of several machines.
  static constexpr int kSourceChangesMax = 3;
  static constexpr Duration kSourceChangesWithin = 5min;
  static constexpr Duration kKeyAgain = 5s;  // Between two acks that tell the next key.
  static constexpr Duration kSettingsAgain = 5s;
  static constexpr Duration kSettingsAgainMax = 5min;

  enum class Verdict { kOpened, kNotAuthentic, kReplayed, kSessionTooOld };
  // Whether its key of that epoch is good: the one in force, or the one before until the agent has used that.
  bool takes_epoch(uint8_t epoch) const {
    return epoch == record_.epoch || (record_.older_epoch != 0 && epoch == record_.older_epoch);
  }
  // Opens a frame of this agent: `header` was decoded from `datagram`, its epoch and plain flag were compared already.
  // kSessionTooOld is given only for what authenticates, so that it may be answered.
  Verdict open(Aes256Gcm& cipher, const Key256& master, const FrameHeader& header, ByteView datagram, Bytes& body);
  // True when the last opened packet is the newest: its source is where acks go.
  bool newest_opened() const { return newest_opened_; }

  // Rows [first, last] are done (durable, or refused for good). False where they must come again (too many gaps).
  // Without effect for a spool that is not the current one.
  bool done(uint64_t spool_id, uint64_t first, uint64_t last);
  // Whether all of them are done already.
  bool is_done(uint64_t spool_id, uint64_t first, uint64_t last) const;
  // Makes `spool_id` the current one; what lies below `lowest_kept` never comes.
  void pass_below(uint64_t spool_id, uint64_t lowest_kept);

  void refuse(RefusalCause cause, uint64_t rows);
  void miss_dictionary(DictionaryId id);

  // Settings are told until the agent reports on their version: at once, then again after kSettingsAgain, twice that, …
  // at most kSettingsAgainMax, for an agent of an earlier release never reports.
  bool needs_settings(const AgentSettings& settings, MonotonicTime now) const;
  void settings_reported(uint64_t version) { settings_reported_ = version; }

  // An acknowledgement of everything so far, with `settings` where they are due; takes along and forgets refusals and
  // missing dictionaries.
  void make_ack(Aes256Gcm& cipher, uint64_t run, const Key256& master, const AgentSettings& settings, MonotonicTime now,
                Bytes& out, std::optional<uint32_t> frames_per_s_max = std::nullopt);
  // Answers a frame of a revoked agent, sealed for its session. Empty where the frame is not authentic, or shorter than the
  // answer.
  void make_revoked(Aes256Gcm& cipher, uint64_t run, const Key256& master, const FrameHeader& header, ByteView datagram,
                    Bytes& out);
  // The older key is good no more. True the first time after the agent has used the one in force.
  bool closes_older_epoch();
  struct Source {
    uint64_t address = 0;  // A hash.
    uint16_t port = 0;
    bool operator==(const Source&) const = default;
  };
  // Notes where a session that has just begun comes from. True where the id is heard from several machines.
  bool is_duplicate(Source from, MonotonicTime now);
  // Answers a frame of an older session, sealed for that session.
  void make_session_too_old(Aes256Gcm& cipher, uint64_t run, const Key256& master, const FrameHeader& header,
                            Bytes& out);
  void make_request(Aes256Gcm& cipher, uint64_t run, const Key256& master, const RequestBody& request, Bytes& out);

  // What survives a restart: u64 session · u64 highest packet · u64 spool id · sequence set.
  void encode(Bytes& out) const;
  // After a restart everything up to `packet` counts as seen.
  void restore(uint64_t session, uint64_t packet);
  bool restore(ByteView encoded);

  const AgentRecord& record() const { return record_; }
  void set_record(const AgentRecord& record) { record_ = record; }
  bool plain() const { return plain_; }
  uint64_t session() const { return session_; }

  // The shard's own notes.
  VmEntry* vm = nullptr;
  std::shared_ptr<const KnownDictionary> dictionary;
  std::optional<Endpoint> source;  // Of the newest packet that opened.
  bool by_https = false;           // It came by HTTPS.
  struct Exchange {
    FrameDoor::Done done;
    MonotonicTime deadline;
  };
  std::unique_ptr<Exchange> exchange;  // That waits for its answer.
  std::vector<Bytes> https_waiting;    // For the next one.
  uint64_t frames_opened = 0;
  AgentStanding standing = AgentStanding::kGood;
  MonotonicTime last_revoked_answer{};
  uint32_t frames_unacked = 0;
  bool ack_queued = false;
  bool deadline_queued = false;
  bool changed = false;  // Since the last checkpoint.
  MonotonicTime last_too_old_answer{};
  double frames_left = -1;  // Of its budget, as of budget_at; < 0: it has sent nothing yet.
  MonotonicTime budget_at{};
  bool must_slow_down = false;   // Its next ack names the pace.
  uint64_t newest_sequence = 0;  // Of the frames of `newest_spool`: what came again tells nothing about now.
  uint64_t newest_spool = 0;

 private:
  void reply(Aes256Gcm& cipher, uint64_t run, const Key256& master, FrameType type, ByteView body, Bytes& out);
  // Under the keys of another session than the current one, or of another epoch.
  void reply_to(Aes256Gcm& cipher, uint64_t run, const Key256& master, const FrameHeader& header, ByteView body,
                Bytes& out);
  std::optional<NextKey> due_key(const Key256& master, MonotonicTime now);
  AgentRecord record_;
  const bool plain_;
  uint64_t session_ = 0;
  uint8_t epoch_ = 0;  // Of the session.
  MonotonicTime key_again_at_{};
  struct Begun {
    Source source;
    MonotonicTime at;
    bool changed;
  };
  std::vector<Begun> begun_;  // Sessions within kSourceChangesWithin, at most kBegunMax.
  Key256 session_key_{};
  uint64_t reply_run_ = 0;  // For which reply_key_ was derived.
  Key256 reply_key_{};
  uint64_t reply_packet_ = 0;
  ReplayWindow window_;
  bool newest_opened_ = false;
  bool keys_ready_ = false;
  uint64_t spool_id_ = 0;
  SequenceSet acknowledged_;
  std::vector<AckBody::Refused> refused_;
  std::vector<DictionaryId> missing_;
  uint64_t settings_reported_ = 0;  // All of them: of this session; 0 = none.
  uint64_t settings_told_ = 0;
  MonotonicTime settings_again_at_{};
  Duration settings_wait_ = kSettingsAgain;
};

}  // namespace dragonfly
