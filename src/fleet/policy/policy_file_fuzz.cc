// Whatever stands in the file of changes: what is taken from it is written and read as the same.
#include "base/core/assert.h"
#include "fleet/policy/policy_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const auto file = parse_policy_file({reinterpret_cast<const char*>(data), size});
  if (!file) return 0;
  const auto again = parse_policy_file(format_policy_file(*file));
  DF_ASSERT(again && *again == *file);
  return 0;
}
