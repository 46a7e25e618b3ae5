#include "store/log/log.h"

#include <algorithm>
#include <utility>

#include "base/obs/log.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

constexpr std::string_view kModule = "log";

}  // namespace

Log::Log(FileSystem& files, const Clock& clock, LogOptions options, LogStats& stats)
    : files_(files), clock_(clock), options_(std::move(options)), stats_(stats) {}

Log::~Log() { stop(); }

Result<std::unique_ptr<Log>> Log::open(FileSystem& files, const Clock& clock, LogOptions options, LogStats& stats) {
  DF_TRY(files.make_directories(options.directory));
  std::unique_ptr<Log> log(new Log(files, clock, std::move(options), stats));
  DF_TRY(log->list_segments());
  return log;
}

void Log::start() {
  DF_ASSERT(replayed_);
  const std::lock_guard lock(mutex_);
  DF_ASSERT(!running_ && !stopping_);
  running_ = true;
  thread_ = std::thread([this] { run(); });
}

void Log::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Log::submit(Bytes records, Urgency urgency, Done done) {
  const MonotonicTime now = clock_.monotonic();
  {
    const std::lock_guard lock(mutex_);
    if (!running_ || stopping_ || records.size() > options_.queue_bytes_max - queue_bytes_) {
      stats_.refused.add();
      return false;
    }
    queue_bytes_ += records.size();
    waiting_bytes_ += records.size();
    stats_.queue_bytes.set(static_cast<int64_t>(queue_bytes_));
    if (urgency == Urgency::kNow) ++urgent_;
    queue_.push_back({std::move(records), urgency, std::move(done), now});
    // The committer sleeps until the first batch is due: wake it for the first, and where it need not wait any more.
    if (queue_.size() > 1 && urgency == Urgency::kBatch && waiting_bytes_ < kGroupBytesMax) return true;
  }
  ready_.notify_one();
  return true;
}

void Log::cut(LogPosition position) {
  std::vector<LogPosition> removed;
  {
    const std::lock_guard lock(mutex_);
    while (segments_.size() > 1 && segments_[1].base <= position) {
      removed.push_back(segments_.front().base);
      segments_.pop_front();
    }
    // Nobody writes into the newest one any more.
    if (stopping_ && segments_.size() == 1 && end() <= position) {
      removed.push_back(segments_.front().base);
      segments_.clear();
    }
    if (removed.empty()) return;
    publish_disk();
  }
  for (const LogPosition base : removed) {
    // A segment that stays is found again by the next start.
    if (const Result<> done = files_.remove(path_of(base)); !done.has_value())
      log_warning(kModule, "{}", done.error().message);
  }
}

void Log::publish_disk() {
  uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.file_bytes;
  stats_.disk_bytes.set(static_cast<int64_t>(bytes));
  stats_.segments.set(static_cast<int64_t>(segments_.size()));
}

void Log::run() {
  name_this_thread("log");
  std::vector<Batch> group;
  while (take_group(group)) {
    commit(group);
    group.clear();
  }
  close();
}

// Under mutex_, with a non-empty queue.
bool Log::is_due(Duration& left) const {
  if (stopping_ || urgent_ > 0 || refusing_ || waiting_bytes_ >= kGroupBytesMax) return true;
  left = queue_.front().queued_at + options_.sync_interval - clock_.monotonic();
  return left <= Duration(0);
}

bool Log::take_group(std::vector<Batch>& group) {
  std::unique_lock lock(mutex_);
  for (Duration left{};;) {
    if (queue_.empty()) {
      if (stopping_) return false;
      ready_.wait(lock);
    } else if (is_due(left)) {
      break;
    } else {
      ready_.wait_for(lock, left);
    }
  }
  uint64_t bytes = 0;
  do {
    Batch& batch = queue_.front();
    bytes += batch.records.size();
    if (batch.urgency == Urgency::kNow) --urgent_;
    group.push_back(std::move(batch));
    queue_.pop_front();
    // While the log refuses, one batch is the attempt.
  } while (!queue_.empty() && !refusing_ && bytes + queue_.front().records.size() <= kGroupBytesMax);
  waiting_bytes_ -= bytes;
  return true;
}

void Log::commit(std::vector<Batch>& group) {
  const Result<> written =
      dead_ ? fail(ErrorCode::kIo, "the log has failed to sync and takes nothing more") : write(group);
  if (!written.has_value()) return refuse(group, written.error());
  if (refusing_) log_info(kModule, "writes again");
  refusing_ = false;
  stats_.refusing.set(0);
  stats_.groups.add();
  stats_.batches.add(group.size());
  stats_.bytes.add(buffer_.size());
  LogPosition begin = end() + kLogMarkBytes;
  position_.store(offset_of(end()) + buffer_.size(), std::memory_order_release);
  uint64_t bytes = 0;
  for (const Batch& batch : group) bytes += batch.records.size();
  finish(bytes);
  for (Batch& batch : group) {
    const LogPosition at = begin;
    begin = begin + batch.records.size();
    batch.done(Committed{std::move(batch.records), at});
  }
}

// The group's bytes leave the queue.
void Log::finish(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  queue_bytes_ -= bytes;
  stats_.queue_bytes.set(static_cast<int64_t>(queue_bytes_));
  if (file_ != nullptr) segments_.back().file_bytes = file_->size();
  publish_disk();
}

// What waits behind a failed group fails with it: none of it would have fared better, and senders should know soon.
void Log::refuse(std::vector<Batch>& group, const Error& error) {
  if (!refusing_) log_error(kModule, "refuses rows: {}", error.message);
  refusing_ = true;
  stats_.refusing.set(1);
  {
    const std::lock_guard lock(mutex_);
    for (Batch& batch : queue_) group.push_back(std::move(batch));
    queue_.clear();
    waiting_bytes_ = 0;
    urgent_ = 0;
  }
  uint64_t bytes = 0;
  for (const Batch& batch : group) bytes += batch.records.size();
  stats_.failed.add(group.size());
  finish(bytes);
  for (Batch& batch : group) batch.done(fail(error));
}

Result<> Log::write(const std::vector<Batch>& group) {
  buffer_.clear();
  append_log_mark(buffer_, end());
  for (const Batch& batch : group) buffer_.insert(buffer_.end(), batch.records.begin(), batch.records.end());
  DF_TRY(prepare_segment(buffer_.size()));
  const uint64_t good = file_->size();
  DF_TRY(append(buffer_));
  Result<> synced = sync(good);
  if (!synced.has_value()) options_.die(synced.error().message);
  unmarked_ = true;
  return synced;
}

Result<> Log::prepare_segment(uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    uint64_t used = bytes + kSegmentHeaderBytes;
    for (const Segment& segment : segments_) used += segment.file_bytes;
    if (used > options_.disk_bytes_max)
      return fail(ErrorCode::kNoSpace, "the log {} is at its disk budget of {} bytes", options_.directory.native(),
                  options_.disk_bytes_max);
  }
  if (file_ != nullptr && file_->size() < options_.segment_bytes_max) return {};
  file_.reset();
  auto file = files_.open_append(path_of(end()), true);
  if (!file.has_value()) {
    if (file.error().code == ErrorCode::kIo) {
      // Among the causes is a failed sync of the directory: the file could vanish with what is acknowledged in it.
      dead_ = true;
      options_.die(file.error().message);
    }
    return fail(file.error());
  }
  // Left behind by an attempt that failed, or by a run that wrote nothing.
  if ((*file)->size() > 0) DF_TRY((*file)->truncate(0));
  Bytes header;
  append_segment_header(header, end());
  DF_TRY((*file)->append(header));
  file_ = std::move(*file);
  const std::lock_guard lock(mutex_);
  if (segments_.empty() || segments_.back().base != end()) segments_.push_back({end(), 0});
  segments_.back().file_bytes = file_->size();
  return {};
}

Result<> Log::append(ByteView bytes) {
  const uint64_t good = file_->size();
  Result<> done = file_->append(bytes);
  // Where the torn tail cannot be removed the log goes on in a new segment, whose position tells readers that the rest
  // of this one does not count.
  if (!done.has_value() && !file_->truncate(good).has_value()) file_.reset();
  return done;
}

// What could not be synced must not be found by the next process, whose own sync would then succeed without having
// written anything: so it is cut off again.
Result<> Log::sync(uint64_t good) {
  const MonotonicTime begin = clock_.monotonic();
  Result<> done = file_->sync();
  stats_.sync_s.observe(seconds(clock_.monotonic() - begin));
  if (!done.has_value()) {
    (void)file_->truncate(good);
    dead_ = true;
  }
  return done;
}

// A last mark tells the next start that all of this was durable. Where it cannot be written nothing is lost.
void Log::close() {
  if (!unmarked_ || dead_ || file_ == nullptr) return;
  buffer_.clear();
  append_log_mark(buffer_, end());
  const uint64_t good = file_->size();
  if (!append(buffer_).has_value() || !sync(good).has_value()) return;
  position_.store(offset_of(end()) + buffer_.size(), std::memory_order_release);
  unmarked_ = false;
}

}  // namespace dragonfly
