// Chunks to rows and back: what reading and merging have in common.
//
// Units      times in ns.
// Ownership  values.
// Threading  pure.
// Errors     rows_within: kCorruption of a damaged chunk.
// Limits     a chunk lies in one hour, within the codec's limits.
#pragma once

#include <functional>

#include "store/chunk/chunk_codec.h"
#include "store/tsdb/store_keys.h"

namespace dragonfly {

// Rows of one chunk of a series. Where chunks overlap, a field of the larger sequence wins.
struct ChunkRows {
  uint64_t sequence = 0;
  ColumnSet rows;
};

// Takes what lies in [from_ns, to_ns) of a chunk; an empty set where that is nothing.
Result<ColumnSet> rows_within(const ChunkReader& chunk, int64_t from_ns, int64_t to_ns);

// One sorted set, one row a time; empties `parts`. Columns are the catalogue's; of a custom group as many as any part has,
// each with its first type: a value of another type is absent.
ColumnSet merge_chunks(GroupId group, std::vector<ChunkRows>& parts);

// For people.
std::string chunk_text(const ChunkKey& key);

// Where the chunk that begins with row `begin` ends: at the hour, or at the codec's limit.
size_t chunk_end(const ColumnSet& rows, size_t begin);

}  // namespace dragonfly
