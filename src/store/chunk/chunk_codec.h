// Chunk codec, version 2: rows of one series as compressed columns, each of which is read alone. Drawn in
// docs/formats/chunk.md.
//
// Units      times in ns; the chunk keeps the coarsest unit that is exact.
// Ownership  encoding appends to the caller's buffer; a ChunkReader borrows the chunk's bytes. ChunkEncoder, ChunkReader
//            and ChunkScratch keep their memory between chunks: who encodes or scans many keeps one of each.
// Threading  encode_chunk is pure; the const functions of a ChunkReader may be called by many threads, each with its own
//            ChunkScratch; ChunkEncoder and ChunkScratch: one thread.
// Errors     encoding cannot fail (rows out of limits or of order are our bug and assert). Reading: kCorruption names what
//            is malformed, kUnsupported an unknown version.
// Limits     kChunkRowsMax, kChunkColumnsMax, kChunkCellsMax; checked before anything is allocated.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "model/catalogue/catalogue.h"
#include "model/row/column_set.h"

namespace dragonfly {

inline constexpr uint8_t kChunkVersion = 2;
inline constexpr size_t kChunkRowsMax = 65'536;
// Rollups have up to six columns a field.
inline constexpr size_t kChunkColumnsMax = 6 * kFieldsMax;
// Rows × columns: a small chunk of constant columns must not decode to gigabytes.
inline constexpr size_t kChunkCellsMax = size_t{1} << 22;

// How many rows of `columns` columns a chunk may have.
constexpr size_t chunk_rows_max(size_t columns) {
  return columns == 0 ? kChunkRowsMax : std::min(kChunkRowsMax, kChunkCellsMax / columns);
}

enum class ChunkEffort {
  kFast,   // Fresh chunks of some rows, which will be merged: packed bits only.
  kSmall,  // Merged chunks: every prediction is tried, and what is left is entropy-coded.
};

class ChunkEncoder {
 public:
  ChunkEncoder();
  ChunkEncoder(ChunkEncoder&&) noexcept;
  ~ChunkEncoder();
  // Appends rows [begin, end) of `rows` as one chunk; they must be sorted, one a time, at least one. The checksum also
  // covers `key`, so that a chunk found under another key is seen as damaged.
  void encode(Bytes& out, ByteView key, GroupId group, const ColumnSet& rows, size_t begin, size_t end,
              ChunkEffort effort);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The same by an encoder of its own.
void encode_chunk(Bytes& out, ByteView key, GroupId group, const ColumnSet& rows, size_t begin, size_t end,
                  ChunkEffort effort = ChunkEffort::kSmall);

// What decoding needs besides its output.
class ChunkScratch {
 public:
  ChunkScratch();
  ChunkScratch(ChunkScratch&&) noexcept;
  ~ChunkScratch();

 private:
  friend class ChunkReader;
  struct State;
  std::unique_ptr<State> state_;
};

class ChunkReader {
 public:
  // Checks the checksum, the header and the directory; columns are checked as they are read.
  static Result<ChunkReader> open(ByteView key, ByteView chunk);
  // The same for a reader that is there: its memory is used again. After an error it must not be read from.
  Result<> reopen(ByteView key, ByteView chunk);

  GroupId group() const { return group_; }
  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }  // Without hidden ones.
  ValueType type(size_t column) const { return entries_[column].type; }

  Result<> times_into(std::vector<int64_t>& out) const;  // Strictly ascending.
  Result<> boots_into(std::vector<uint64_t>& out) const;
  // Decodes the column, and no other but those that it is predicted from.
  Result<> column_into(size_t index, ChunkScratch& scratch, Column& out) const;
  // Several, where what they are predicted from is decoded once. out[i] is column wanted[i].
  Result<> columns_into(std::span<const size_t> wanted, ChunkScratch& scratch, std::span<Column> out) const;

  Result<std::vector<int64_t>> times() const;
  Result<std::vector<uint64_t>> boots() const;
  Result<Column> column(size_t index) const;
  Result<ColumnSet> all() const;

 private:
  struct Entry {
    ValueType type;
    uint8_t kind;
    uint32_t presence;  // 0 = present in every row; else 1 + the index of its bitmap.
    ByteView data;
  };
  class Decoder;
  Result<> read_directory(ByteReader& in, uint64_t times_bytes, uint64_t boots_bytes, uint64_t bitmaps);

  GroupId group_{};
  size_t rows_ = 0;
  size_t columns_ = 0;
  uint8_t unit_ = 0;
  ByteView times_;
  ByteView boots_;
  std::vector<Entry> entries_;  // Columns, then hidden ones.
  std::vector<ByteView> bitmaps_;
};

}  // namespace dragonfly
