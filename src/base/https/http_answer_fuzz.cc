// Heads of answers and addresses of servers: anything may come, an address that is taken reads back as itself.
#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "base/https/http_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto head = dragonfly::parse_answer_head(text)) DF_ASSERT(head->status >= 200 && head->status <= 599);
  if (const auto url = dragonfly::parse_server_url(text)) {
    DF_ASSERT(dragonfly::parse_server_url(url->to_string()).value().to_string() == url->to_string());
  }
  return 0;
}
