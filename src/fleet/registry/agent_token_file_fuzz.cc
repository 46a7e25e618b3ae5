// Whatever stands in the file of agent tokens: what is taken from it is written and read as the same.
#include "base/core/assert.h"
#include "fleet/registry/agent_token_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const auto file = parse_agent_token_file({reinterpret_cast<const char*>(data), size});
  if (!file) return 0;
  const auto again = parse_agent_token_file(format_agent_token_file(file->tokens));
  DF_ASSERT(again && again->tokens == file->tokens && again->damaged_lines == 0);
  return 0;
}
