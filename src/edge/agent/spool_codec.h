// SpoolCodec: the bytes of a segment of the agent's disk spool. Layout, drawn: docs/formats/spool.md.
//
// Units      times in ms (Unix); sizes in bytes.
// Ownership  a reader and what it hands out borrow the segment's bytes.
// Threading  pure.
// Errors     kCorruption, kUnsupported from the header. Records: a reader ends at the first that is damaged, and
//            good_bytes() says where; records of an unknown kind are skipped.
// Limits     a record's payload has at most kSpoolRecordBytesMax bytes, a block at most kSpoolRowsMax rows.
#pragma once

#include <cstdint>
#include <variant>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "model/row/dictionary.h"

namespace dragonfly {

inline constexpr size_t kSpoolHeaderBytes = 28;
inline constexpr size_t kSpoolRecordBytesMax = kDictionaryBytesMax + 1;
inline constexpr uint64_t kSpoolRowsMax = 1 << 16;  // Of one block.

struct SpoolHeader {
  uint64_t agent_id = 0;
  uint64_t spool_id = 0;
  void encode(Bytes& out) const;
  static Result<SpoolHeader> decode(ByteView segment);
};

// The rows behind it in the same segment may refer to it.
struct SpoolDictionary {
  ByteView encoded;
};

struct SpoolRows {
  uint64_t first_sequence = 1;  // Of the first row; from 1, to kSequenceMax.
  uint64_t rows = 1;
  uint64_t lowest_kept = 1;  // When it was written: everything below was acknowledged or dropped.
  int64_t time_ms = 0;       // When it was written.
  DictionaryId dictionary_id = 0;
  ByteView row_block;
  uint64_t last_sequence() const { return first_sequence + rows - 1; }
};

// A clean stop: everything below was acknowledged or dropped.
struct SpoolEnd {
  uint64_t lowest_kept = 1;
};

using SpoolRecord = std::variant<SpoolDictionary, SpoolRows, SpoolEnd>;

// Appends one record to `out`.
void encode_spool_record(const SpoolRecord& record, Bytes& out);

class SpoolReader {
 public:
  // `segment` with its header, which was decoded already.
  explicit SpoolReader(ByteView segment);
  // False at the end or at the first damaged record.
  bool next(SpoolRecord& out);
  size_t good_bytes() const { return at_; }

 private:
  ByteView segment_;
  size_t at_ = kSpoolHeaderBytes;
};

}  // namespace dragonfly
