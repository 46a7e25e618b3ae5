// RowSpool: rows that wait for the server, on disk (docs/formats/spool.md).
//
// Every block is appended before its first send; so kill -9 loses none. It goes to the page cache, not to the platter:
// what a power cut takes with it is what the kernel has not written yet (30 s by its default). The agent keeps the
// newest blocks in memory too; those that had to leave it wait here, and come back in order by next().
//
// An agent that starts goes on above every sequence that it can have used before: at a multiple of kStartStep above
// the highest that it finds and above what the minutes of the wall clock say. So neither a lost tail nor a disk that
// was set back to an older state makes it use a sequence twice.
//
// Units      row sequences; wall time for the age of rows, monotonic time for waiting; sizes in bytes.
// Ownership  owns the directory (its LOCK) and its files; borrows the file system, which outlives it. What next()
//            hands out dies with the next call.
// Threading  one thread.
// Errors     open(): kUnavailable where another process has the directory, and what the file system says. Later ones
//            are counted in stats(): a block that cannot be written stays in memory only.
// Limits     SpoolLimits: beyond them the oldest segment is dropped. A segment has at most kSegmentBytesMax bytes.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs/file.h"
#include "base/obs/log.h"
#include "base/rt/random.h"
#include "edge/agent/dictionary_set.h"
#include "edge/agent/spool_codec.h"
#include "model/frame/sequence_set.h"

namespace dragonfly {

inline constexpr uint64_t kSpoolBytesMin = 1 << 20;
inline constexpr uint64_t kSpoolBytesMax = uint64_t{1} << 40;

struct SpoolLimits {
  uint64_t bytes_max = 64 << 20;  // kSpoolBytesMin ..= kSpoolBytesMax.
  Duration age_max = 24h;
};

struct SpoolStats {
  uint64_t rows_dropped = 0;    // Over a limit while they waited, or in a segment that could not be read again.
  uint64_t rows_unwritten = 0;  // Kept in memory only, because the disk did not take them.
  uint64_t rows_read = 0;       // Given back by next().
  uint64_t bytes_damaged = 0;   // Behind the last good record of a segment, or of another agent.
  uint64_t errors = 0;
  std::string last_error;
};

struct SpooledBlock {
  SpoolRows rows;
  std::shared_ptr<SentDictionary> dictionary;
};

class RowSpool {
 public:
  static constexpr uint64_t kSegmentBytesMax = 256 << 10;
  static constexpr Duration kSegmentAge = 1h;
  static constexpr Duration kRetryAfter = 5s;  // After the disk refused.
  static constexpr uint64_t kStartStep = uint64_t{1} << 24;

  static Result<std::unique_ptr<RowSpool>> open(FileSystem& files, const Path& directory, uint64_t agent_id,
                                                SpoolLimits limits, Random& random, Timestamp wall);

  uint64_t spool_id() const { return spool_id_; }
  // The first sequence of this start.
  uint64_t first_sequence() const { return first_sequence_; }

  // Before the first send. False: not on disk. Drops what is beyond the limits.
  bool append(const SpoolRows& rows, const SentDictionary& dictionary, MonotonicTime now);
  // A block that was appended has left the memory; in ascending order.
  void left_memory(uint64_t first_sequence, uint64_t rows);
  // What an ack says.
  void acknowledged(uint64_t cumulative, std::span<const SequenceRange> ranges);
  // Removes the segments of which nothing is kept any more.
  void release(uint64_t lowest_kept);
  // A clean stop.
  void close(uint64_t lowest_kept);

  // Whether rows are on disk only; the lowest of them at or above begin.
  bool waiting() const { return begin_ < end_; }
  uint64_t lowest_waiting() const { return begin_; }
  uint64_t rows_waiting() const { return rows_waiting_; }
  // The oldest block that is on disk only; the caller has it from then on. False: none any more.
  bool next(SpooledBlock& out, Timestamp wall);

  uint64_t bytes() const { return bytes_; }
  const SpoolStats& stats() const { return stats_; }
  const Path& directory() const { return directory_; }

 private:
  struct Segment {
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    int64_t newest_ms = 0;
  };
  RowSpool(FileSystem& files, Path directory, SpoolLimits limits, DirectoryLock lock);
  Result<> scan(uint64_t agent_id);
  bool scan_segment(const std::string& name, uint64_t& lowest_kept);
  Path path_of(uint64_t first_sequence) const;
  bool begin_segment(uint64_t first_sequence, MonotonicTime now);
  void drop_front();
  uint64_t count_waiting(const Segment& segment);
  void remove_front();
  bool load(const Segment& segment);
  bool next_of_loaded(SpooledBlock& out, Timestamp wall);
  void unload();
  void note(const Error& error);
  void refused_by_disk(const Error& error, MonotonicTime now);
  void take_off(uint64_t rows) { rows_waiting_ -= std::min(rows, rows_waiting_); }
  std::shared_ptr<SentDictionary> dictionary(DictionaryId id) const;
  void remember(ByteView encoded);

  FileSystem& files_;
  const Path directory_;
  const SpoolLimits limits_;
  const uint64_t segment_bytes_;
  DirectoryLock lock_;
  uint64_t agent_id_ = 0;
  uint64_t spool_id_ = 0;
  uint64_t first_sequence_ = 1;
  SpoolStats stats_;

  std::deque<Segment> segments_;  // Ascending; the last one is active_'s where that is.
  uint64_t bytes_ = 0;
  std::unique_ptr<AppendFile> active_;
  MonotonicTime active_since_{};
  std::vector<DictionaryId> active_dictionaries_;  // Written to the active segment.
  std::optional<MonotonicTime> retry_at_;
  RateLimit refused_line_{300s};
  Bytes record_;  // Scratch.

  uint64_t begin_ = 0;  // [begin_, end_): on disk only, but for what done_ has.
  uint64_t end_ = 0;
  uint64_t rows_waiting_ = 0;
  SequenceSet done_;

  Bytes loaded_;  // The segment that next() reads.
  Segment loaded_segment_;
  std::optional<SpoolReader> reader_;
  std::vector<std::shared_ptr<SentDictionary>> dictionaries_;  // Of loaded segments, while rows wait.
};

}  // namespace dragonfly
