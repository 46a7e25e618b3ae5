#include "surface/api/multipart.h"

// Any bytes end in named parts or in a message; the first line is the content type.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  const auto parts = dragonfly::parse_multipart(text.substr(0, line), text.substr(std::min(line + 1, size)));
  if (!parts) return parts.error().message.empty() ? (__builtin_trap(), 0) : 0;
  for (const auto& [name, value] : *parts) {
    if (name.empty() || value.size() > size) __builtin_trap();
  }
  return 0;
}
