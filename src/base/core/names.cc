#include "base/core/names.h"

#include <cstdint>

namespace dragonfly {

size_t utf8_length(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const uint8_t c = at(0);
  if (text.empty()) return 0;
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf && tail(1)) return 2;
  if (c >= 0xe0 && c <= 0xef && tail(1) && tail(2)) {
    if (c == 0xe0 && at(1) < 0xa0) return 0;  // Overlong.
    if (c == 0xed && at(1) > 0x9f) return 0;  // Surrogate.
    return 3;
  }
  if (c >= 0xf0 && c <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    if (c == 0xf0 && at(1) < 0x90) return 0;
    if (c == 0xf4 && at(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

Result<> check_name(std::string_view parameter, std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) {
    return fail(ErrorCode::kInvalidArgument, "{} has {} bytes; allowed are 1 to {}", parameter, name.size(),
                kNameBytesMax);
  }
  for (std::string_view rest = name; !rest.empty();) {
    const size_t length = utf8_length(rest);
    if (length == 0) return fail(ErrorCode::kInvalidArgument, "{} is not well-formed UTF-8", parameter);
    const auto c = static_cast<uint8_t>(rest.front());
    if (c < 0x20 || c == 0x7f) {
      return fail(ErrorCode::kInvalidArgument, "{} contains the control character {:#04x}; none are allowed", parameter,
                  c);
    }
    rest.remove_prefix(length);
  }
  return {};
}

}  // namespace dragonfly
