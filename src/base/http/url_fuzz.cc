#include <cstdint>
#include <cstdlib>

#include "base/http/http_message.h"
#include "base/http/url.h"

// Whatever is accepted must survive encoding and decoding again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto target = dragonfly::parse_target(text)) {
    std::string again;
    for (const auto& segment : target->path) again += "/" + dragonfly::percent_encode(segment);
    if (!target->path.empty() && target->path.back().empty()) again += "/";
    const auto second = dragonfly::parse_target(again.empty() ? "/" : again);
    if (!second || second->path != target->path) std::abort();
    if (target->query.size() > dragonfly::kQueryParametersMax) std::abort();
  }
  (void)dragonfly::parse_query(text);
  (void)dragonfly::host_name(text);
  (void)dragonfly::accepts_gzip(text);
  return 0;
}
