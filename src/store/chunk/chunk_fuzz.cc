// Any bytes as a chunk; the checksum is put right, so that the columns are reached.
#include "base/core/assert.h"
#include "base/core/crc32c.h"
#include "store/chunk/chunk_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const ByteView input(data, size);
  Bytes chunk(input.begin(), input.end());
  ByteWriter(chunk).u32(crc32c(input, crc32c({})));
  const auto reader = ChunkReader::open({}, chunk);
  if (!reader) return 0;
  const auto rows = reader->all();
  if (!rows) return 0;
  Bytes again;
  encode_chunk(again, {}, reader->group(), *rows, 0, rows->rows());
  const auto back = ChunkReader::open({}, again);
  DF_ASSERT(back.has_value());
  const auto same = back->all();
  DF_ASSERT(same.has_value() && *same == *rows);
  return 0;
}
