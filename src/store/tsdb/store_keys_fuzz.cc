// Any bytes as a chunk's key or a partition's name: what is understood has one spelling.
#include "base/core/assert.h"
#include "store/tsdb/store_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto key = decode_chunk_key(text)) DF_ASSERT(encode_chunk_key(*key) == text);
  if (const auto name = parse_partition_name(text)) DF_ASSERT(to_text(*name) == text);
  return 0;
}
