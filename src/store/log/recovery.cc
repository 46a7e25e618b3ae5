// Log: what happens before start().
#include <algorithm>

#include "base/obs/log.h"
#include "store/log/log.h"

namespace dragonfly {
namespace {

// A segment of ours is smaller; what is larger was not written by the log.
constexpr uint64_t kSegmentReadMax = uint64_t{1} << 30;
constexpr int kReadAttempts = 3;

// An error that passes must not cost a segment.
Result<Bytes> read_patiently(FileSystem& files, const Path& path) {
  Result<Bytes> file = files.read_file(path, kSegmentReadMax);
  for (int i = 1; i < kReadAttempts && !file.has_value(); ++i) file = files.read_file(path, kSegmentReadMax);
  return file;
}

}  // namespace

Result<> Log::list_segments() {
  auto names = files_.list(options_.directory);
  if (!names.has_value()) return fail(names.error());
  for (const std::string& name : *names)  // Sorted by name, which is by position.
    if (const auto base = parse_segment_name(name)) segments_.push_back({*base, 0});
  return {};
}

Result<RecoveryReport> Log::replay(LogPosition from, const LogVisitor& visit) {
  DF_ASSERT(!running_);
  RecoveryReport report;
  report.end = from;
  report.segments = segments_.size();
  if (!segments_.empty()) report.begin = segments_.front().base;
  for (size_t i = 0; i < segments_.size(); ++i) {
    // A segment wholly before `from` is not read; its size is only needed for the disk budget.
    if (i + 1 < segments_.size() && segments_[i + 1].base <= from)
      segments_[i].file_bytes = kSegmentHeaderBytes + bytes_until_next(i);
    else
      DF_TRY(replay_segment(i, from, visit, report));
  }
  position_.store(offset_of(report.end), std::memory_order_release);
  stats_.damaged_bytes.add(report.damaged_bytes);
  publish_disk();
  for (const std::string& note : report.notes) log_warning("log", "{}", note);
  replayed_ = true;
  return report;
}

uint64_t Log::bytes_until_next(size_t index) const {
  return offset_of(segments_[index + 1].base) - offset_of(segments_[index].base);
}

Result<> Log::replay_segment(size_t index, LogPosition from, const LogVisitor& visit, RecoveryReport& report) {
  Segment& segment = segments_[index];
  const bool is_last = index + 1 == segments_.size();
  const std::string name = segment_name(segment.base);
  Result<Bytes> file = read_patiently(files_, path_of(segment.base));
  if (!file.has_value()) {
    report.notes.push_back("not read: " + file.error().message);
    if (!is_last) report.damaged_bytes += bytes_until_next(index);
    // It may hold anything that a segment can: the log goes on behind that, in a file of its own.
    report.end = std::max(report.end, segment.base + (options_.segment_bytes_max + kGroupBytesMax));
    return {};
  }
  segment.file_bytes = file->size();
  report.bytes += file->size();
  const SegmentHeader header = check_segment_header(*file, segment.base);
  ByteView content = ByteView(*file).subspan(std::min(kSegmentHeaderBytes, file->size()));
  // The next segment's position bounds this one: behind it lies at most the rest of a failed write.
  if (!is_last) content = content.first(std::min<uint64_t>(content.size(), bytes_until_next(index)));
  SegmentSummary summary;
  if (header == SegmentHeader::kForeign) {
    summary.good_bytes = summary.damaged_bytes = content.size();
    report.notes.push_back(name + ": of a later version, not read");
  } else {
    summary = read_segment(content, segment.base, is_last, [&](const LogRecordReader::Record& record, LogPosition at) {
      if (at < from) return;
      ++report.records;
      visit(record, at);
    });
    if (summary.damaged_bytes > 0)
      report.notes.push_back(fmt::format("{}: {} bytes are damaged and lost", name, summary.damaged_bytes));
    if (header == SegmentHeader::kDamaged)
      report.notes.push_back(name + ": its header is damaged; its records were read");
    if (header == SegmentHeader::kDamaged || summary.damaged_bytes > 0) set_aside(segment.base, *file, report);
  }
  if (!is_last && content.size() < bytes_until_next(index)) {
    const uint64_t missing = bytes_until_next(index) - content.size();
    summary.damaged_bytes += missing;
    report.notes.push_back(fmt::format("{}: {} bytes are missing at its end", name, missing));
  }
  report.damaged_bytes += summary.damaged_bytes;
  report.torn_bytes += summary.torn_bytes;
  report.end = std::max(report.end, segment.base + (content.size() - summary.torn_bytes));
  if (is_last && !content.empty()) return settle_end(segment, summary, report);
  return {};
}

void Log::set_aside(LogPosition base, ByteView file, RecoveryReport& report) {
  const std::string copy = segment_name(base) + ".damaged";
  const auto names = files_.list(options_.directory);
  if (names.has_value() && std::binary_search(names->begin(), names->end(), copy)) return;
  if (const Result<> done = files_.replace_file(options_.directory / copy, file); !done.has_value())
    report.notes.push_back("no copy of the damaged segment: " + done.error().message);
  else
    report.notes.push_back(copy + " is a copy of the damaged segment");
}

// What the last group left may be in memory only, when it was the process that died: it has been replayed, so it will
// be acknowledged when it comes again, and must be durable before.
Result<> Log::settle_end(Segment& segment, const SegmentSummary& summary, RecoveryReport& report) {
  auto file = files_.open_append(path_of(segment.base), false);
  if (!file.has_value()) return fail(file.error());
  if (summary.torn_bytes > 0) {
    // For tidiness: the next segment's position says the same.
    const uint64_t good = kSegmentHeaderBytes + summary.good_bytes;
    if (const Result<> done = (*file)->truncate(good); done.has_value())
      segment.file_bytes = good;
    else
      report.notes.push_back("the torn end stays: " + done.error().message);
  }
  return (*file)->sync();
}

}  // namespace dragonfly
