#include "edge/agent/row_spool.h"

#include <algorithm>
#include <utility>

#include "base/core/assert.h"
#include "base/core/number.h"
#include "edge/agent/row_buffer.h"

namespace dragonfly {
namespace {

constexpr std::string_view kModule = "agent";
constexpr std::string_view kSuffix = ".spool";
constexpr size_t kNameDigits = 16;
constexpr size_t kDictionariesKept = 16;

// The sequence in a segment's name; nullopt: a file that is none of ours.
std::optional<uint64_t> sequence_of(std::string_view name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  return parse_number<uint64_t>(name.substr(0, kNameDigits), 16);
}

uint64_t start_above(uint64_t highest, Timestamp wall) {
  const auto minutes = static_cast<uint64_t>(std::max<int64_t>(unix_ms(wall), 0)) / 60'000;
  const uint64_t step = std::max(highest / RowSpool::kStartStep + 1, minutes);
  return std::min(step * RowSpool::kStartStep, kSequenceMax / 2);
}

}  // namespace

RowSpool::RowSpool(FileSystem& files, Path directory, SpoolLimits limits, DirectoryLock lock)
    : files_(files),
      directory_(std::move(directory)),
      limits_(limits),
      segment_bytes_(std::min(limits.bytes_max / 16, kSegmentBytesMax)),
      lock_(std::move(lock)) {}

Result<std::unique_ptr<RowSpool>> RowSpool::open(FileSystem& files, const Path& directory, uint64_t agent_id,
                                                 SpoolLimits limits, Random& random, Timestamp wall) {
  DF_ASSERT(limits.bytes_max >= kSpoolBytesMin && limits.bytes_max <= kSpoolBytesMax);
  DF_TRY(files.make_directories(directory));
  auto lock = DirectoryLock::acquire(directory);
  if (!lock) return fail(lock.error());
  std::unique_ptr<RowSpool> out(new RowSpool(files, directory, limits, std::move(*lock)));
  DF_TRY(out->scan(agent_id));
  if (out->segments_.empty()) {
    out->spool_id_ = random.next();
  } else {
    out->first_sequence_ = start_above(out->segments_.back().last, wall);
  }
  return out;
}

Result<> RowSpool::scan(uint64_t agent_id) {
  agent_id_ = agent_id;
  const auto names = files_.list(directory_);
  if (!names) return fail(names.error());
  uint64_t lowest_kept = 0;
  for (const std::string& name : *names) {
    if (!sequence_of(name) || scan_segment(name, lowest_kept)) continue;
    if (const auto removed = files_.remove(directory_ / name); !removed) note(removed.error());
  }
  if (stats_.bytes_damaged > 0) {
    log_warning(kModule, "spool {}: {} bytes are damaged or another agent's and were left out", directory_.native(),
                stats_.bytes_damaged);
  }
  if (segments_.empty()) return {};
  end_ = segments_.back().last + 1;
  begin_ = std::min(end_, std::max(lowest_kept, segments_.front().first));
  done_.pass(begin_);
  for (const Segment& segment : segments_) {
    if (segment.last >= begin_) rows_waiting_ += segment.first >= begin_ ? segment.rows : count_waiting(segment);
  }
  return {};
}

// False: nothing in it is of use.
bool RowSpool::scan_segment(const std::string& name, uint64_t& lowest_kept) {
  const auto bytes = files_.read_file(directory_ / name, 2 * kSegmentBytesMax);
  if (!bytes) return note(bytes.error()), false;
  const auto header = SpoolHeader::decode(*bytes);
  const bool ours = header && header->agent_id == agent_id_ && (segments_.empty() || header->spool_id == spool_id_);
  if (!ours) return stats_.bytes_damaged += bytes->size(), false;
  Segment segment{.bytes = bytes->size()};
  SpoolReader reader(*bytes);
  SpoolRecord record;
  while (reader.next(record)) {
    if (const auto* const end = std::get_if<SpoolEnd>(&record)) lowest_kept = std::max(lowest_kept, end->lowest_kept);
    const auto* const rows = std::get_if<SpoolRows>(&record);
    if (rows == nullptr) continue;
    if (segment.rows == 0) segment.first = rows->first_sequence;
    segment.last = rows->last_sequence();
    segment.rows += rows->rows;
    segment.newest_ms = std::max(segment.newest_ms, rows->time_ms);
    lowest_kept = std::max(lowest_kept, rows->lowest_kept);
  }
  stats_.bytes_damaged += bytes->size() - reader.good_bytes();
  // The name says where it is found again; a segment without rows need not be.
  if (segment.rows == 0 || segment.first != sequence_of(name)) return false;
  spool_id_ = header->spool_id;
  bytes_ += segment.bytes;
  segments_.push_back(segment);
  return true;
}

Path RowSpool::path_of(uint64_t first_sequence) const {
  return directory_ / fmt::format("{:016x}{}", first_sequence, kSuffix);
}

void RowSpool::note(const Error& error) {
  ++stats_.errors;
  stats_.last_error = error.message;
}

void RowSpool::refused_by_disk(const Error& error, MonotonicTime now) {
  note(error);
  retry_at_ = now + kRetryAfter;
  if (uint64_t held_back = 0; refused_line_.allow(now, held_back)) {
    log_warning(kModule, "spool: {}; new rows are kept in memory only", error.message);
  }
}

bool RowSpool::begin_segment(uint64_t first_sequence, MonotonicTime now) {
  active_.reset();
  while (!segments_.empty() && bytes_ + segment_bytes_ > limits_.bytes_max) drop_front();
  const Path path = path_of(first_sequence);
  (void)files_.remove(path);  // Of a try that failed.
  auto opened = files_.open_append(path, true);
  record_.clear();
  SpoolHeader{agent_id_, spool_id_}.encode(record_);
  Result<> done;
  if (!opened) {
    done = fail(opened.error());
  } else {
    done = (*opened)->append(record_);
  }
  if (!done) {
    (void)files_.remove(path);
    refused_by_disk(done.error(), now);
    return false;
  }
  active_ = std::move(*opened);
  active_since_ = now;
  active_dictionaries_.clear();
  segments_.push_back({first_sequence, first_sequence - 1, 0, record_.size(), 0});
  bytes_ += record_.size();
  return true;
}

bool RowSpool::append(const SpoolRows& rows, const SentDictionary& dictionary, MonotonicTime now) {
  const int64_t oldest_ms = rows.time_ms - limits_.age_max / 1ms;
  while (segments_.size() > 1 && segments_.front().newest_ms < oldest_ms) drop_front();
  const auto refused = [&] { return stats_.rows_unwritten += rows.rows, false; };
  if (retry_at_ && now < *retry_at_) return refused();
  retry_at_.reset();
  const bool full = active_ && (active_->size() >= segment_bytes_ || now - active_since_ >= kSegmentAge);
  if ((!active_ || full) && !begin_segment(rows.first_sequence, now)) return refused();

  record_.clear();
  const bool has_dictionary =
      std::find(active_dictionaries_.begin(), active_dictionaries_.end(), dictionary.id) != active_dictionaries_.end();
  if (!has_dictionary) encode_spool_record(SpoolDictionary{dictionary.encoded}, record_);
  encode_spool_record(rows, record_);
  const uint64_t size = active_->size();
  if (const auto written = active_->append(record_); !written) {
    refused_by_disk(written.error(), now);
    if (!active_->truncate(size)) active_.reset();  // Nothing is appended behind a torn record.
    return refused();
  }
  if (!has_dictionary) active_dictionaries_.push_back(dictionary.id);
  Segment& segment = segments_.back();
  segment.last = rows.last_sequence();
  segment.rows += rows.rows;
  segment.bytes += record_.size();
  segment.newest_ms = rows.time_ms;
  bytes_ += record_.size();
  return true;
}

void RowSpool::left_memory(uint64_t first_sequence, uint64_t rows) {
  if (!waiting()) begin_ = first_sequence;
  end_ = first_sequence + rows;
  rows_waiting_ += rows;
}

void RowSpool::acknowledged(uint64_t cumulative, std::span<const SequenceRange> ranges) {
  done_.pass(cumulative + 1);
  // Where there are too many ranges, rows come again and the server knows them.
  for (const SequenceRange& range : ranges) (void)done_.add(range.first, range.last);
}

void RowSpool::release(uint64_t lowest_kept) {
  while (segments_.size() > 1 && segments_.front().last < lowest_kept) remove_front();
}

void RowSpool::close(uint64_t lowest_kept) {
  if (!active_) return;
  record_.clear();
  encode_spool_record(SpoolEnd{lowest_kept}, record_);
  if (const auto written = active_->append(record_); !written) note(written.error());
}

void RowSpool::remove_front() {
  if (segments_.size() == 1) active_.reset();
  if (const auto removed = files_.remove(path_of(segments_.front().first)); !removed) note(removed.error());
  bytes_ -= segments_.front().bytes;
  segments_.pop_front();
}

void RowSpool::drop_front() {
  const Segment segment = segments_.front();
  if (waiting() && segment.last >= begin_) {
    const uint64_t rows = count_waiting(segment);
    stats_.rows_dropped += rows;
    take_off(rows);
    begin_ = std::min(end_, segment.last + 1);
    unload();
  }
  remove_front();
}

// How many rows of the segment are on disk only.
uint64_t RowSpool::count_waiting(const Segment& segment) {
  const auto bytes = files_.read_file(path_of(segment.first), 2 * kSegmentBytesMax);
  if (!bytes || !SpoolHeader::decode(*bytes)) return segment.rows;
  uint64_t out = 0;
  SpoolReader reader(*bytes);
  SpoolRecord record;
  while (reader.next(record)) {
    const auto* const rows = std::get_if<SpoolRows>(&record);
    if (rows == nullptr || rows->last_sequence() < begin_ || rows->first_sequence >= end_) continue;
    if (!done_.contains(rows->first_sequence, rows->last_sequence())) out += rows->rows;
  }
  return out;
}

bool RowSpool::load(const Segment& segment) {
  auto bytes = files_.read_file(path_of(segment.first), 2 * kSegmentBytesMax);
  Result<> usable;
  if (!bytes) {
    usable = fail(bytes.error());
  } else if (const auto header = SpoolHeader::decode(*bytes); !header) {
    usable = fail(header.error());
  }
  if (!usable) {
    note(usable.error());
    return false;
  }
  if (dictionaries_.size() > kDictionariesKept) dictionaries_.clear();
  loaded_ = std::move(*bytes);
  loaded_segment_ = segment;
  reader_.emplace(loaded_);
  return true;
}

void RowSpool::unload() {
  reader_.reset();
  Bytes().swap(loaded_);
}

bool RowSpool::next(SpooledBlock& out, Timestamp wall) {
  while (waiting()) {
    if (!reader_) {
      const auto at =
          std::find_if(segments_.begin(), segments_.end(), [&](const Segment& s) { return s.last >= begin_; });
      if (at == segments_.end() || at->first >= end_) break;
      if (std::next(at) == segments_.end()) active_.reset();  // What is read does not grow.
      const Segment segment = *at;
      if (!load(segment)) {
        begin_ = std::min(end_, segment.last + 1);
        continue;
      }
    }
    if (next_of_loaded(out, wall)) return true;
  }
  unload();
  begin_ = end_;
  stats_.rows_dropped += std::exchange(rows_waiting_, 0);  // Behind damage that came after the start.
  dictionaries_.clear();
  return false;
}

// False: the segment has no more; begin_ is behind it.
bool RowSpool::next_of_loaded(SpooledBlock& out, Timestamp wall) {
  const int64_t oldest_ms = unix_ms(wall) - limits_.age_max / 1ms;
  SpoolRecord record;
  while (reader_->next(record)) {
    if (const auto* const dictionary = std::get_if<SpoolDictionary>(&record)) remember(dictionary->encoded);
    const auto* const rows = std::get_if<SpoolRows>(&record);
    if (rows == nullptr || rows->last_sequence() < begin_) continue;
    if (rows->first_sequence >= end_) break;
    begin_ = rows->last_sequence() + 1;
    take_off(rows->rows);
    if (done_.contains(rows->first_sequence, rows->last_sequence())) continue;
    auto known = dictionary(rows->dictionary_id);
    const bool fits = known && kRowsOverheadMax + known->encoded.size() + rows->row_block.size() <= kFrameBodyBytesMax;
    if (rows->time_ms < oldest_ms || !fits) {
      stats_.rows_dropped += rows->rows;
      continue;
    }
    stats_.rows_read += rows->rows;
    out = {*rows, std::move(known)};
    return true;
  }
  begin_ = std::max(begin_, std::min(end_, loaded_segment_.last + 1));
  unload();
  return false;
}

std::shared_ptr<SentDictionary> RowSpool::dictionary(DictionaryId id) const {
  for (const auto& known : dictionaries_) {
    if (known->id == id) return known;
  }
  return nullptr;
}

void RowSpool::remember(ByteView encoded) {
  const DictionaryId id = dictionary_id(encoded);
  if (dictionary(id) != nullptr) return;
  auto made = std::make_shared<SentDictionary>();
  made->id = id;
  made->encoded.assign(encoded.begin(), encoded.end());
  dictionaries_.push_back(std::move(made));
}

}  // namespace dragonfly
