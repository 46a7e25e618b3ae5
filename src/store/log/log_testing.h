// For the log's tests: a log, opened, replayed and started, whose batches are texts.
//
// Units      none.
// Ownership  LogRun owns its Log and LogStats and borrows the file system and clock.
// Threading  the test's thread; outcomes arrive from the committer's under a mutex.
// Errors     an assertion where a test misuses it.
// Limits     none.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fs/file.h"
#include "store/log/log.h"

namespace dragonfly {

inline Bytes batch_of(const std::vector<std::string>& payloads) {
  Bytes out;
  for (const std::string& payload : payloads) append_record(out, LogRecordType::kRows, as_bytes(payload));
  return out;
}

// What came of the batches, by their text.
class LogOutcomes {
 public:
  struct Outcome {
    std::optional<ErrorCode> error;
    LogPosition begin{};
  };
  CommitLog::Done expect(const std::string& text) {
    return [this, text](Result<Committed> done) {
      const std::lock_guard lock(mutex_);
      if (done.has_value())
        outcomes_[text] = {std::nullopt, done->begin};
      else
        outcomes_[text] = {done.error().code, {}};
      order_.push_back(text);
      changed_.notify_all();
    };
  }
  Outcome wait(const std::string& text) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcomes_.contains(text); });
    return outcomes_[text];
  }
  std::map<std::string, Outcome> all() {
    const std::lock_guard lock(mutex_);
    return outcomes_;
  }
  std::vector<std::string> order() {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Outcome> outcomes_;
  std::vector<std::string> order_;
};

struct LogRun {
  LogRun(FileSystem& files, const Clock& clock, LogOptions options) : log_(Log::open(files, clock, options, stats)) {}

  bool opened() const { return log_.has_value(); }
  Log& log() { return **log_; }
  // Texts with their positions.
  bool replay(LogPosition from = {}) {
    const auto done = log().replay(from, [this](const LogRecordReader::Record& record, LogPosition at) {
      replayed.emplace_back(std::string(as_text(record.payload)), at);
    });
    if (done.has_value()) report = *done;
    return done.has_value();
  }
  bool submit(const std::string& text, CommitLog::Urgency urgency = CommitLog::Urgency::kNow) {
    return log().submit(batch_of({text}), urgency, outcomes.expect(text));
  }
  // Submits and waits.
  LogOutcomes::Outcome commit(const std::string& text) {
    DF_ASSERT(submit(text));
    return outcomes.wait(text);
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const auto& [text, at] : replayed) out.push_back(text);
    return out;
  }

  LogStats stats;
  LogOutcomes outcomes;
  std::vector<std::pair<std::string, LogPosition>> replayed;
  RecoveryReport report;

 private:
  Result<std::unique_ptr<Log>> log_;  // Last: stopped before what its callbacks use.
};

}  // namespace dragonfly
