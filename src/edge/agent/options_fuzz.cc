#include "edge/agent/options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dragonfly::AgentOptions options;
  (void)dragonfly::apply_agent_config(dragonfly::as_text({data, size}), options);
  return 0;
}
