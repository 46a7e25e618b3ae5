#include "store/log/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/core/crc32c.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr std::string_view kMagic = "DFLOGSEG";
constexpr std::string_view kSuffix = ".seg";
constexpr size_t kNameDigits = 20;

bool is_mark_at(ByteView content, size_t offset, LogPosition base) {
  LogRecordReader reader(content.subspan(offset, std::min(kLogMarkBytes, content.size() - offset)));
  const auto record = reader.next();
  if (!record || record->type != kLogMark || record->payload.size() != 8) return false;
  return ByteReader(record->payload).u64() == offset_of(base) + offset;
}

// Finds marks going forward only, so that many damaged places cost one pass.
class MarkFinder {
 public:
  MarkFinder(ByteView content, LogPosition base) : content_(content), base_(base) {}
  // Offset of the first mark at or behind `offset`, which never decreases; content.size() where there is none.
  size_t next(size_t offset) {
    static constexpr uint8_t kBegin[] = {8, 0, 0, 0, static_cast<uint8_t>(kLogMark)};
    size_t at = std::max(offset, found_);
    while (at < content_.size()) {
      const auto it = std::search(content_.begin() + static_cast<ptrdiff_t>(at), content_.end(), std::begin(kBegin),
                                  std::end(kBegin));
      at = static_cast<size_t>(it - content_.begin());
      if (at == content_.size() || is_mark_at(content_, at, base_)) break;
      ++at;
    }
    return found_ = at;
  }

 private:
  const ByteView content_;
  const LogPosition base_;
  size_t found_ = 0;
};

// Where reading can go on behind the damaged record at `offset`, not behind `limit`: at the next record by the damaged
// one's length, where a good one stands there, else at `limit`.
size_t resume_at(ByteView content, size_t offset, size_t limit) {
  if (content.size() - offset < kLogRecordHeaderBytes) return limit;
  const uint64_t next = offset + kLogRecordHeaderBytes + ByteReader(content.subspan(offset)).u32();
  if (next >= limit) return limit;
  return LogRecordReader(content.subspan(next)).next() ? next : limit;
}

}  // namespace

std::string segment_name(LogPosition base) { return fmt::format("{:020}{}", offset_of(base), kSuffix); }

std::optional<LogPosition> parse_segment_name(std::string_view name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  const auto base = parse_number<uint64_t>(name.substr(0, kNameDigits));
  if (!base) return std::nullopt;
  return LogPosition{*base};
}

void append_segment_header(Bytes& out, LogPosition base) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.bytes(as_bytes(kMagic));
  writer.u32(kSegmentVersion);
  writer.u64(offset_of(base));
  writer.u32(crc32c(ByteView(out).subspan(start)));
}

SegmentHeader check_segment_header(ByteView file, LogPosition base) {
  if (file.size() < kSegmentHeaderBytes) return SegmentHeader::kMissing;
  ByteReader reader(file);
  const bool magic = as_text(reader.bytes(kMagic.size())) == kMagic;
  const uint32_t version = reader.u32();
  const uint64_t position = reader.u64();
  if (!magic || reader.u32() != crc32c(file.first(kSegmentHeaderBytes - 4))) return SegmentHeader::kDamaged;
  if (version != kSegmentVersion) return SegmentHeader::kForeign;
  return position == offset_of(base) ? SegmentHeader::kGood : SegmentHeader::kDamaged;
}

void append_log_mark(Bytes& out, LogPosition at) {
  append_record(out, kLogMark, [at](Bytes& payload) { ByteWriter(payload).u64(offset_of(at)); });
}

SegmentSummary read_segment(ByteView content, LogPosition base, bool is_last, const LogVisitor& visit) {
  SegmentSummary summary;
  MarkFinder marks(content, base);
  size_t offset = 0;
  for (;;) {
    LogRecordReader reader(content.subspan(offset));
    while (const auto record = reader.next()) {
      if (record->type == kLogMark) continue;
      ++summary.records;
      visit(*record, base + (offset + record->offset));
    }
    offset += reader.offset();
    summary.good_bytes = offset;
    if (offset >= content.size()) return summary;
    const size_t mark = marks.next(offset);
    const size_t next = resume_at(content, offset, mark);
    if (next == content.size() && is_last) {
      summary.torn_bytes = content.size() - offset;
      return summary;
    }
    summary.damaged_bytes += next - offset;
    offset = next;
  }
}

}  // namespace dragonfly
