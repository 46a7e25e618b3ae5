// OpenBatch: log records of one shard on their way to the commit, with what is to be done when they are durable.
//
// Units      monotonic ns.
// Ownership  owns the bytes until they are submitted; gets them back with the commit.
// Threading  the shard's thread.
// Errors     none.
// Limits     the shard submits at kBatchBytes.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "ingest/receiver/agent_session.h"
#include "model/flow/commit_log.h"

namespace dragonfly {

// Of one RowsRecord in the batch.
struct RowsRef {
  VmEntry* vm;
  std::shared_ptr<const KnownDictionary> dictionary;
  std::shared_ptr<const Measurement> measurement;  // Null for catalogue groups.
  AgentSession* agent;                             // Null for dialects.
  size_t record_offset;                            // Of the record, in the batch.
  size_t payload_offset;
  size_t payload_bytes;
  uint64_t rows;
  bool ack_now;
};

// Waits until every part of a request is durable; then calls `done` once with the first error, if any.
class WriteTicket {
 public:
  using Done = std::function<void(const Result<>&)>;
  WriteTicket(size_t parts, Done done) : left_(parts), done_(std::move(done)) {}
  void finish_part(const Result<>& result) {
    if (!result && !failed_.exchange(true)) error_ = result.error();
    if (left_.fetch_sub(1) == 1) done_(failed_ ? Result<>(fail(error_)) : Result<>());
  }

 private:
  std::atomic<size_t> left_;
  std::atomic<bool> failed_{false};
  Error error_{ErrorCode::kUnavailable, {}};
  const Done done_;
};

struct OpenBatch {
  Bytes records;
  std::vector<RowsRef> rows;
  std::vector<std::shared_ptr<WriteTicket>> tickets;
  uint64_t row_count = 0;
  uint64_t frames = 0;
  bool urgent = false;
  MonotonicTime begun{};
  LogPosition not_before{};  // Lower bound of its position, once submitted.
};

}  // namespace dragonfly
