// ReceiverStats: what the receivers count; one object for all shards (relaxed atomics). Names as in docs/limits.md.
//
// Units      in the metrics' names.
// Ownership  owned by the wiring; outlives what counts in it.
// Threading  any thread: relaxed atomics.
// Errors     none.
// Limits     none.
#pragma once

#include <array>

#include "base/obs/metrics.h"
#include "model/frame/frame.h"

namespace dragonfly {

// Why a datagram was refused as a whole. It changed nothing but this counter.
enum class DatagramFault : uint8_t {
  kEmpty,
  kTruncated,     // Longer than a frame may be.
  kHeader,        // Wrong version, type, flags or length.
  kPlaintext,     // In clear, from a source that may not.
  kUnknownAgent,  // No such agent id in the registry.
  kRevoked,
  kWrongEpoch,
  kNotAuthentic,    // The seal does not open.
  kOverFailBudget,  // Its source sent too many that did not open.
  kReplayed,
  kSessionTooOld,
  kBody,     // Opened, but malformed.
  kNoVm,     // A plain frame or a telegraf metric that names no VM.
  kDialect,  // Telegraf JSON that does not parse.
  kCount
};
inline constexpr std::array<std::string_view, static_cast<size_t>(DatagramFault::kCount)> kDatagramFaultNames = {
    "empty",         "truncated",   "header",   "plaintext",       "unknown_agent", "revoked", "wrong_epoch",
    "not_authentic", "fail_budget", "replayed", "session_too_old", "body",          "no_vm",   "dialect"};

enum class RowDrop : uint8_t {
  kOverload,
  kDiskFull,
  kUnknownDictionary,
  kLimit,
  kOtherAgent,  // Another agent of the VM is heard. They wait with theirs.
  kCount
};
inline constexpr std::array<std::string_view, static_cast<size_t>(RowDrop::kCount)> kRowDropNames = {
    "overload", "disk_full", "unknown_dictionary", "limit", "other_agent"};

enum class RowRefusal : uint8_t { kTooOld, kFuture, kUnknownGroup, kCount };
inline constexpr std::array<std::string_view, static_cast<size_t>(RowRefusal::kCount)> kRowRefusalNames = {
    "too_old", "future", "unknown_group"};

struct ReceiverStats {
  Counter datagrams;
  Counter datagrams_https;         // Of frames that came by HTTPS.
  Counter frames;                  // Native frames that opened.
  Counter frames_handed_over;      // Came in on another shard's socket.
  Counter frames_dropped_full;     // The owning shard's mailbox was full.
  Counter frames_dropped_pace;     // Their agent sends more than its share.
  Counter datagrams_dropped_door;  // Of dialects: too many waited.
  Counter acks;
  Counter requests;
  std::array<Counter, static_cast<size_t>(DatagramFault::kCount)> faults;
  Counter rows_received;
  Counter rows_duplicate;  // Whole frames that had been acknowledged before.
  Gauge rows_in_flight;    // On their way to the log.
  std::array<Counter, static_cast<size_t>(RowDrop::kCount)> rows_dropped;
  std::array<Counter, static_cast<size_t>(RowRefusal::kCount)> rows_refused;
  std::array<Counter, 5> settings_reported;  // By SettingOutcome; 0 = one that is not known here.
  Counter sessions_duplicate;                // Begun by several machines under one agent's key.
  Counter labels_forged;                     // Identity labels that differ from the key's: ignored.
  Counter kernel_drops;                      // Datagrams lost because the socket's buffer was full.
  Histogram durable;                         // Seconds from receive to commit.
  Histogram turn;                            // Seconds of a shard's turn.

  void fault(DatagramFault cause) { faults[static_cast<size_t>(cause)].add(); }
  void drop(RowDrop cause, uint64_t rows) { rows_dropped[static_cast<size_t>(cause)].add(rows); }
  void refuse(RowRefusal cause, uint64_t rows) { rows_refused[static_cast<size_t>(cause)].add(rows); }
  void setting(SettingOutcome outcome) {
    const auto index = static_cast<size_t>(outcome);
    settings_reported[index < settings_reported.size() ? index : 0].add();
  }
  void write(MetricsText& text) const;
};

}  // namespace dragonfly
