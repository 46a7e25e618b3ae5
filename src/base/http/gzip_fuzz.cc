// Any bytes as gzip stay within the limits; any text packs to what unpacks to it.
#include "base/core/assert.h"
#include "base/http/gzip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  GunzipLimits limits;
  limits.bytes_max = 1 << 20;
  limits.ratio_free_bytes = 64 << 10;
  if (const auto plain = gunzip(text, limits)) DF_ASSERT(plain->size() <= limits.bytes_max);
  const auto again = gunzip(gzip(text), {});
  DF_ASSERT(again && *again == text);
  return 0;
}
