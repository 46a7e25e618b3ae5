// Key files: what is accepted must come back the same.
#include "base/core/assert.h"
#include "model/frame/key_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const auto keys = parse_key_file(as_text({data, size}));
  if (!keys) return 0;
  std::string again;
  for (const AgentKey& key : *keys) again += format_agent_key(key);
  const auto second = parse_key_file(again);
  DF_ASSERT(second && second->size() == keys->size());
  std::string third;
  for (const AgentKey& key : *second) third += format_agent_key(key);
  DF_ASSERT(third == again);
  return 0;
}
