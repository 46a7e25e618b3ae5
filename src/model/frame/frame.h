// Frame: the native datagram, sealed or plain. Layout, drawn: docs/formats/frame.md.
//
//   header (32 bytes, clear, authenticated): version u8 · type u8 · key epoch u8 · flags u8 · 4 reserved (0) ·
//     agent id u64 · session u64 · packet number u64; all little-endian
//   body: AES-256-GCM under the direction's key, nonce = 4 zero bytes · packet number, clear header as additional data;
//     16 bytes of tag at the end. A plain frame (flag kPlain) carries the body as it is.
//
// Two numbers: the packet number is new for every datagram, also for a re-send: nonce and replay window, nothing else.
// The row sequence lies inside the seal, counts rows per (agent, spool id) and is unchanged by a re-send.
//
// Units      times in ms; sizes in bytes.
// Ownership  decoded bodies borrow the buffer that they were decoded from.
// Threading  pure.
// Errors     kCorruption for malformed bytes, naming the field; kUnsupported for another version or type.
// Limits     kFrameBytesMax a frame, kSequenceMax a row sequence, kAckRangesMax ranges, kAckItemsMax refusals, unknown
//            dictionaries and settings an ack, kAckItemsMax outcomes a report, kRequestGroupsMax groups a request.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "base/core/time.h"
#include "base/crypto/crypto.h"
#include "model/row/dictionary.h"

namespace dragonfly {

inline constexpr uint8_t kFrameVersion = 1;  // Never printable ASCII: '{' opens a telegraf datagram.
inline constexpr size_t kFrameHeaderBytes = 32;
inline constexpr size_t kFrameBytesMax = 1200;
// What a sealed frame has room for; a plain one is held to the same.
inline constexpr size_t kFrameBodyBytesMax = kFrameBytesMax - kFrameHeaderBytes - kSealTagBytes;

enum class FrameType : uint8_t { kRows = 1, kKeepAlive = 2, kAck = 3, kRequest = 4, kReport = 5 };

struct FrameHeader {
  static constexpr uint8_t kPlain = 1;   // Body in clear. Loopback only, or by ingest.allow_plaintext.
  static constexpr uint8_t kAckNow = 2;  // First of a session, buffer half full, backfill, answer.
  static constexpr uint8_t kKnownFlags = kPlain | kAckNow;

  FrameType type = FrameType::kRows;
  uint8_t key_epoch = 0;
  uint8_t flags = 0;
  uint64_t agent_id = 0;
  uint64_t session = 0;  // 48 bits Unix ms at the sender's start, 16 random. The server's datagrams carry its own run.
  uint64_t packet = 0;   // From 1.

  bool plain() const { return (flags & kPlain) != 0; }
  bool ack_now() const { return (flags & kAckNow) != 0; }
  void encode(std::span<uint8_t, kFrameHeaderBytes> out) const;
  static Result<FrameHeader> decode(ByteView datagram);
};

uint64_t make_session(Timestamp start, uint16_t random);

// HKDF-SHA256 without salt; info = "dragonfly agent 1", "dragonfly session 1" or "dragonfly reply 1", then the numbers
// little-endian: what is derived for one use can never be the key of another.
// agent key = HKDF-SHA256(fleet master key, agent id ‖ key epoch)
Key256 derive_agent_key(const Key256& master, uint64_t agent_id, uint8_t key_epoch);
// agent → server
Key256 derive_session_key(const Key256& agent_key, uint64_t session);
// server → agent
Key256 derive_reply_key(const Key256& agent_key, uint64_t session, uint64_t run);

// Seals `body` under `key` into a whole datagram; plain by the header's flag, then `key` is not looked at. `out` is
// cleared first. body.size() <= kFrameBodyBytesMax is the caller's duty and asserted, header.packet >= 1 likewise.
void seal_frame(Aes256Gcm& cipher, const Key256& key, const FrameHeader& header, ByteView body, Bytes& out);
// Opens a datagram whose header was decoded. False: not authentic. `body` is resized. Plain frames are copied: whether
// they are allowed is for the caller to say.
[[nodiscard]] bool open_frame(Aes256Gcm& cipher, const Key256& key, const FrameHeader& header, ByteView datagram,
                              Bytes& body);

// Every body's encode() appends to `out`; every decode() takes the whole input or fails.

// Row sequences end here, so that first sequence + rows of a frame never wraps.
inline constexpr uint64_t kSequenceMax = uint64_t{1} << 62;

// Body of kRows and kKeepAlive (a keep-alive has no rows).
//   spool id u64 · sent at svarint ms (sender's wall clock) · first sequence varint · lowest kept sequence varint ·
//   request id varint (0 = none) · dictionary id u64 · varint length · dictionary bytes (0 where the receiver has it) ·
//   row block to the end (row.h); the i-th row has sequence first + i
struct RowsBody {
  uint64_t spool_id = 0;
  int64_t sent_at_ms = 0;
  uint64_t first_sequence = 1;  // From 1, to kSequenceMax.
  uint64_t lowest_kept = 1;     // Everything below was acknowledged or dropped by the agent.
  uint64_t request_id = 0;      // Of the request that these rows answer.
  DictionaryId dictionary_id = 0;
  ByteView dictionary;  // Inline, or empty. Whether it has dictionary_id is not checked here.
  ByteView row_block;

  void encode(Bytes& out) const;
  static Result<RowsBody> decode(ByteView body);
};

enum class RefusalCause : uint8_t { kTooOld = 1, kFuture = 2, kLimit = 3, kUnknownGroup = 4, kNotAllowed = 5 };
std::string_view to_string(RefusalCause cause);

// [first, last], both included.
struct SequenceRange {
  uint64_t first = 0;
  uint64_t last = 0;
  bool operator==(const SequenceRange&) const = default;
};

inline constexpr size_t kAckRangesMax = 16;
inline constexpr size_t kAckItemsMax = 16;
inline constexpr size_t kRequestGroupsMax = 64;

// varint count · (gap varint · length varint)…: gap = sequences missing below the range, counted from the one before
// it or from `cumulative`; length = sequences in it; both at least 1.
void encode_ranges(ByteWriter& out, uint64_t cumulative, std::span<const SequenceRange> ranges);
// False where malformed or more than `ranges_max`; `ranges` is refilled.
[[nodiscard]] bool decode_ranges(ByteReader& in, uint64_t cumulative, size_t ranges_max,
                                 std::vector<SequenceRange>& ranges);

// What the server tells agents to do. The version stands for the values and nothing else (settings_version()), so that a
// server that starts anew, or another one, tells nobody what is in force already.
//   varint version · varint count · (text key · text value)…
struct AgentSettings {
  uint64_t version = 0;  // 0 = none.
  std::vector<std::pair<std::string, std::string>> values;

  void encode(ByteWriter& out) const;  // The first kAckItemsMax values.
  // Reads as far as the settings go.
  static Result<AgentSettings> decode(ByteReader& in);
  bool operator==(const AgentSettings&) const = default;
};
// 32 bits of the SHA-256 of the values as they are encoded, never 0.
uint64_t settings_version(std::span<const std::pair<std::string, std::string>> values);

// Why an agent's rows are not taken, whatever it sends.
enum class AgentStanding : uint8_t {
  kGood = 0,
  kRevoked = 1,     // Its key is good for nothing any more; it should send nothing.
  kOtherAgent = 2,  // Another agent of the same VM is heard; rows wait until it has been silent for ten minutes.
};

// The agent's key from now on.
struct NextKey {
  uint8_t epoch = 0;
  Key256 key{};
  bool operator==(const NextKey&) const = default;
};

// Body of kAck: sections varint tag · varint length · payload; ascending tags; unknown tags are skipped.
//   1 acknowledged   spool id u64 · cumulative varint (every sequence <= it) · ranges (encode_ranges)
//   2 refused        varint count · (cause u8 · rows varint)…       final: the agent counts and drops them
//   3 dictionaries   varint count · id u64…                          unknown here: send again with the dictionary
//   4 pace           varint frames per second, at most
//   5 session        u8 1 = session too old: start a larger one
//   6 settings       AgentSettings
//   7 key            u8 epoch · 32 bytes: the agent's key from now on
//   8 standing       u8 AgentStanding, not 0
struct AckBody {
  uint64_t spool_id = 0;
  uint64_t cumulative = 0;
  std::vector<SequenceRange> ranges;  // Above cumulative, ascending, disjoint, not adjacent.
  struct Refused {
    RefusalCause cause;
    uint64_t rows;
    bool operator==(const Refused&) const = default;
  };
  std::vector<Refused> refused;
  std::vector<DictionaryId> unknown_dictionaries;
  std::optional<uint32_t> frames_per_s_max;
  bool session_too_old = false;
  AgentSettings settings;  // Version 0: none in this ack.
  std::optional<NextKey> next_key;
  AgentStanding standing = AgentStanding::kGood;

  // An ack always fits into a frame: of ranges and items the first 16 are written (what is left out comes again), and
  // settings that have no room beside the rest are left out whole.
  void encode(Bytes& out) const;
  static Result<AckBody> decode(ByteView body);
};

// Body of kRequest: request id varint · kind u8 · varint number of groups · group varint…
struct RequestBody {
  enum class Kind : uint8_t { kSampleNow = 1 };
  uint64_t request_id = 0;  // From 1.
  Kind kind = Kind::kSampleNow;
  std::vector<uint32_t> groups;  // Empty = all; the first kRequestGroupsMax are written.

  void encode(Bytes& out) const;
  static Result<RequestBody> decode(ByteView body);
};

// What an agent did with one setting.
enum class SettingOutcome : uint8_t {
  kApplied = 1,
  kPinned = 2,   // Its command line says otherwise, and stays.
  kRefused = 3,  // Out of range, or not readable: what was in force stays.
  kUnknown = 4,  // No such setting in this release.
};
std::string_view to_string(SettingOutcome outcome);

// Body of kReport, the agent's answer to settings; it has no ack: settings come again until their report has come.
//   settings version varint, from 1 · interval ms varint · varint count · (text key · outcome u8)…
struct ReportBody {
  uint64_t settings_version = 0;
  uint32_t interval_ms = 0;  // In force, at least 1.
  std::vector<std::pair<std::string, SettingOutcome>> outcomes;

  void encode(Bytes& out) const;  // The first kAckItemsMax outcomes.
  static Result<ReportBody> decode(ByteView body);
  bool operator==(const ReportBody&) const = default;
};

}  // namespace dragonfly
