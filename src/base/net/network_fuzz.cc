#include "base/net/network.h"

// Any text is a network or a message; a network of one address holds it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto network = dragonfly::Network::parse(text);
  if (!network) return network.error().message.empty() ? (__builtin_trap(), 0) : 0;
  if (!network->contains(text.substr(0, text.find('/')))) __builtin_trap();
  return 0;
}
