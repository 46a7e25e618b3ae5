// Log: the one durable way in. A directory of segments (segment.h), written by one thread.
//
// The committer takes what is queued, in order, as one group: one append, one fdatasync, then the callbacks. Whatever
// is submitted meanwhile is the next group; so the slower the disk, the larger the groups.
//
// When a write fails (disk full, disk budget reached, I/O error) the group is taken back and its callbacks get the
// error; what waits behind it fails at once too. The log is then `refusing` (LogStats) and every later batch is a new
// attempt without waiting for others, so it recovers by itself as soon as one succeeds. A failed fdatasync, and a
// segment that cannot be created for an I/O error, leave unknown what is on disk: `die` is called.
//
// Units      bytes.
// Ownership  borrows FileSystem, Clock and LogStats, which outlive it. The destructor stops it.
// Threading  replay() and start(): one thread, in this order, before anything else. submit(), end(), cut(): any thread.
//            stop(): one thread, not the committer's. A std::mutex guards the queue and the list of segments, for
//            every shard submits and the committer waits on it; it is never held during file operations.
// Errors     open: the directory cannot be made or read. replay: the end of the log cannot be made durable; never for
//            damage, which is in its report.
// Limits     LogOptions. A batch larger than queue_bytes_max is never taken. One group holds at most kGroupBytesMax
//            (or a single batch), so a segment exceeds segment_bytes_max by less than a group.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/core/assert.h"
#include "base/fs/file.h"
#include "base/rt/clock.h"
#include "model/flow/commit_log.h"
#include "store/log/log_stats.h"
#include "store/log/segment.h"

namespace dragonfly {

struct LogOptions {
  Path directory;  // Made where it is absent; nobody else writes into it.
  uint64_t segment_bytes_max = uint64_t{64} << 20;
  uint64_t queue_bytes_max = uint64_t{64} << 20;
  // Nothing is dropped at the budget: the log refuses (kNoSpace) until cut() has made room.
  uint64_t disk_bytes_max = uint64_t{4} << 30;
  Duration sync_interval = 200ms;  // How long a kBatch waits for company.
  std::function<void(std::string_view)> die = die_of_environment;
};

struct RecoveryReport {
  LogPosition begin{};  // Of the oldest segment.
  LogPosition end{};    // Where the log goes on.
  uint64_t segments = 0;
  uint64_t records = 0;            // Visited.
  uint64_t bytes = 0;              // Read.
  uint64_t damaged_bytes = 0;      // Had been acknowledged and are lost.
  uint64_t torn_bytes = 0;         // An unfinished group at the end, never acknowledged, cut off.
  std::vector<std::string> notes;  // One line for each thing that was not as it should be.
};

class Log final : public CommitLog {
 public:
  static constexpr uint64_t kGroupBytesMax = uint64_t{8} << 20;

  static Result<std::unique_ptr<Log>> open(FileSystem& files, const Clock& clock, LogOptions options, LogStats& stats);
  ~Log() override;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Visits every record at `from` or behind it, oldest first. Segments wholly before `from` are not read. A damaged
  // segment is copied to <name>.damaged, once. The log goes on at the end of what it holds, or at `from` where that
  // is later (positions only grow, also when the end was lost).
  Result<RecoveryReport> replay(LogPosition from, const LogVisitor& visit);
  void start();
  // Commits what is queued, then takes nothing more.
  void stop();

  [[nodiscard]] bool submit(Bytes records, Urgency urgency, Done done) override;
  LogPosition end() const override { return LogPosition{position_.load(std::memory_order_acquire)}; }
  // Removes the segments that lie wholly before `position`; the newest one stays until the log was stopped.
  void cut(LogPosition position);

 private:
  struct Batch {
    Bytes records;
    Urgency urgency;
    Done done;
    MonotonicTime queued_at;
  };
  struct Segment {
    LogPosition base;
    uint64_t file_bytes;
  };

  Log(FileSystem& files, const Clock& clock, LogOptions options, LogStats& stats);
  Path path_of(LogPosition base) const { return options_.directory / segment_name(base); }

  // Recovery.
  Result<> list_segments();
  uint64_t bytes_until_next(size_t index) const;
  Result<> replay_segment(size_t index, LogPosition from, const LogVisitor& visit, RecoveryReport& report);
  void set_aside(LogPosition base, ByteView file, RecoveryReport& report);
  Result<> settle_end(Segment& segment, const SegmentSummary& summary, RecoveryReport& report);

  // The committer's thread.
  void run();
  bool take_group(std::vector<Batch>& group);
  bool is_due(Duration& left) const;
  void commit(std::vector<Batch>& group);
  Result<> write(const std::vector<Batch>& group);
  Result<> prepare_segment(uint64_t bytes);
  Result<> append(ByteView bytes);
  Result<> sync(uint64_t good);
  void close();
  void refuse(std::vector<Batch>& group, const Error& error);
  void finish(uint64_t bytes);
  void publish_disk();

  FileSystem& files_;
  const Clock& clock_;
  const LogOptions options_;
  LogStats& stats_;

  std::atomic<uint64_t> position_{0};  // Behind everything that is durable. Written by the committer.
  bool replayed_ = false;

  // The committer's own.
  std::unique_ptr<AppendFile> file_;  // Null: a new segment is due.
  Bytes buffer_;
  bool unmarked_ = false;  // A group was committed and no mark stands behind it yet.
  bool refusing_ = false;
  bool dead_ = false;  // A sync has failed and `die` came back (tests): nothing is acknowledged any more.

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable ready_;
  std::deque<Batch> queue_;
  uint64_t waiting_bytes_ = 0;  // In queue_.
  uint64_t queue_bytes_ = 0;    // In queue_ and in the group being committed.
  size_t urgent_ = 0;           // Batches of queue_ that are kNow.
  bool running_ = false;
  bool stopping_ = false;
  std::deque<Segment> segments_;  // Oldest first.

  std::thread thread_;
};

}  // namespace dragonfly
