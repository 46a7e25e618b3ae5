// Tokens of agents: what is accepted reads back as itself.
#include "base/core/assert.h"
#include "model/frame/agent_token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view text = as_text({data, size});
  const auto token = parse_agent_token(text);
  DF_ASSERT(!token || token->text() == text);
  return 0;
}
