// What parses is printed and parses again to the same endpoint.
#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "base/net/endpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dragonfly::Endpoint;
  const auto endpoint = Endpoint::parse(dragonfly::as_text({data, size}));
  if (!endpoint.has_value()) return 0;
  const auto again = Endpoint::parse(endpoint->to_string());
  DF_ASSERT(again.has_value() && *again == *endpoint);
  DF_ASSERT(!endpoint->host().empty());
  return 0;
}
