// Whatever is read as a manifest is written again as it was.
#include "base/core/assert.h"
#include "store/backup/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto manifest = dragonfly::BackupManifest::decode({reinterpret_cast<const char*>(data), size});
  if (!manifest) return 0;
  const auto again = dragonfly::BackupManifest::decode(manifest->encode());
  DF_ASSERT(again.has_value() && *again == *manifest);
  return 0;
}
