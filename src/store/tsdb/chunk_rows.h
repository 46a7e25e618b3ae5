// Chunks to rows and back: what reading and merging have in common.
//
// Units      times in ns.
// Ownership  values.
// Threading  pure.
// Errors     rows_within: kCorruption of a damaged chunk.
// Limits     a chunk lies in one hour, within the codec's limits.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "store/chunk/chunk_codec.h"
#include "store/tsdb/store_keys.h"

namespace dragonfly {

// Rows of one chunk of a series. Where chunks overlap, a field of the larger sequence wins.
struct ChunkRows {
  uint64_t sequence = 0;
  ColumnSet rows;
};

// Columns of a chunk by their numbers (strictly ascending): column i is columns[i], without values where the chunk does not
// have it. All of them where nothing is named.
using ColumnNumbers = std::span<const size_t>;

// Takes what lies in [from_ns, to_ns) of a chunk; an empty set where that is nothing. Other columns are not decoded.
Result<ColumnSet> rows_within(const ChunkReader& chunk, ColumnNumbers columns, int64_t from_ns, int64_t to_ns);

// One sorted set, one row a time; empties `parts`. Columns have the catalogue's types; of a custom group the first with
// which a part has values: a value of another type is absent. All parts were read with these `columns`.
ColumnSet merge_chunks(GroupId group, ColumnNumbers columns, std::vector<ChunkRows>& parts);

// For people.
std::string chunk_text(const ChunkKey& key);

// Where the chunk that begins with row `begin` ends: at the hour, or at the codec's limit.
size_t chunk_end(const ColumnSet& rows, size_t begin);

}  // namespace dragonfly
