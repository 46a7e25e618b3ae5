// Whatever stands in the file of agents' metadata: what is taken from it is written and read as the same.
#include "base/core/assert.h"
#include "fleet/registry/agent_notes_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const auto file = parse_agent_notes({reinterpret_cast<const char*>(data), size});
  if (!file) return 0;
  const auto again = parse_agent_notes(format_agent_notes(file->agents));
  DF_ASSERT(again && again->agents == file->agents && again->damaged_lines == 0);
  return 0;
}
