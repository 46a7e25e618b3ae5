// Segment: one file of the log, as bytes. Layout, drawn: docs/formats/log.md.
//
//   file   := header (24 bytes): magic "DFLOGSEG" · u32 version · u64 position · u32 CRC32C of what precedes
//             then groups to the end
//   group  := mark · records          one append and one sync
//   mark   := a record of type 255 whose payload is its own position, u64
//
// A mark is written only after everything before it is durable. So a reader can tell the unfinished end of a log that
// lost its power (nothing was acknowledged: cut it) from damage to what had been acknowledged (a mark or another
// segment follows: skip the smallest part that it can, and report it).
//
// Units      sizes and positions in bytes; headers have no positions, marks have.
// Ownership  records borrow the file's bytes.
// Threading  pure.
// Errors     none: whatever the bytes are, what is readable is read and the rest is counted.
// Limits     a record as model/flow/log_record.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/bytes.h"
#include "model/flow/log_record.h"

namespace dragonfly {

inline constexpr size_t kSegmentHeaderBytes = 24;
inline constexpr uint32_t kSegmentVersion = 1;
inline constexpr LogRecordType kLogMark{255};
inline constexpr size_t kLogMarkBytes = kLogRecordHeaderBytes + 8;

// "00000000000000000042.seg"
std::string segment_name(LogPosition base);
std::optional<LogPosition> parse_segment_name(std::string_view name);

void append_segment_header(Bytes& out, LogPosition base);
enum class SegmentHeader {
  kGood,
  kMissing,  // The file is shorter: a crash at its creation.
  kDamaged,  // The records may be good all the same; the file's name tells their position.
  kForeign,  // Of a later version: nothing of the file can be read.
};
SegmentHeader check_segment_header(ByteView file, LogPosition base);

void append_log_mark(Bytes& out, LogPosition at);

using LogVisitor = std::function<void(const LogRecordReader::Record&, LogPosition)>;

struct SegmentSummary {
  uint64_t records = 0;
  uint64_t good_bytes = 0;     // Offset in `content` behind the last readable record.
  uint64_t damaged_bytes = 0;  // Lost although they had been durable.
  uint64_t torn_bytes = 0;     // Behind good_bytes, never acknowledged; only where `is_last`.
};

// Visits the records, without the marks, of `content`: a segment's bytes behind its header.
SegmentSummary read_segment(ByteView content, LogPosition base, bool is_last, const LogVisitor& visit);

}  // namespace dragonfly
