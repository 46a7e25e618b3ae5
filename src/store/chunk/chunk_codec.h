// Chunk codec, version 1: rows of one series as independently decodable columns. Drawn in docs/formats/chunk.md.
//
// Units      times in ns; the chunk keeps the coarsest unit that is exact.
// Ownership  encode_chunk appends to the caller's buffer; a ChunkReader borrows the chunk's bytes.
// Threading  pure functions; a ChunkReader is immutable.
// Errors     encoding cannot fail (rows out of limits or of order are our bug and assert). Reading: kCorruption names what
//            is malformed, kUnsupported an unknown version.
// Limits     kChunkRowsMax, kChunkColumnsMax, kChunkCellsMax; checked before anything is allocated.
#pragma once

#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "model/catalogue/catalogue.h"
#include "model/row/column_set.h"

namespace dragonfly {

inline constexpr uint8_t kChunkVersion = 1;
inline constexpr size_t kChunkRowsMax = 65'536;
inline constexpr size_t kChunkColumnsMax = kFieldsMax;
// Rows × columns: a small chunk of constant columns must not decode to gigabytes.
inline constexpr size_t kChunkCellsMax = size_t{1} << 22;

// How many rows of `columns` columns a chunk may have.
constexpr size_t chunk_rows_max(size_t columns) {
  return columns == 0 ? kChunkRowsMax : std::min(kChunkRowsMax, kChunkCellsMax / columns);
}

// Appends rows [begin, end) of `rows` as one chunk; they must be sorted, one a time, at least one. The checksum also covers
// `key`, so that a chunk found under another key is seen as damaged.
void encode_chunk(Bytes& out, ByteView key, GroupId group, const ColumnSet& rows, size_t begin, size_t end);

class ChunkReader {
 public:
  // Checks the checksum, the header and the directory; columns are checked as they are read.
  static Result<ChunkReader> open(ByteView key, ByteView chunk);

  GroupId group() const { return group_; }
  size_t rows() const { return rows_; }
  size_t columns() const { return columns_.size(); }
  ValueType type(size_t column) const { return columns_[column].type; }

  Result<std::vector<int64_t>> times() const;  // Strictly ascending.
  Result<std::vector<uint64_t>> boots() const;
  Result<Column> column(size_t index) const;
  Result<ColumnSet> all() const;

 private:
  struct Entry {
    ValueType type;
    uint8_t encoding;
    bool mixed;  // Present in some rows: the data begin with a bitmap.
    ByteView data;
  };
  GroupId group_{};
  size_t rows_ = 0;
  uint8_t unit_ = 0;
  ByteView times_;
  ByteView boots_;
  std::vector<Entry> columns_;
};

}  // namespace dragonfly
