#include "edge/probe/linux/text.h"

namespace dragonfly::linux_probe {

std::optional<uint64_t> parse_u64(std::string_view word) {
  if (word.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : word) {
    if (!is_digit(c)) return std::nullopt;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<double> parse_decimal(std::string_view word) {
  // Up to 15 digits over a power of ten are exact, so that one division rounds as it should.
  uint64_t digits = 0;
  double scale = 1;
  size_t count = 0;
  bool point = false;
  for (const char c : word) {
    if (c == '.' && !point) {
      point = true;
    } else if (is_digit(c)) {
      if (++count > 15) return std::nullopt;
      digits = digits * 10 + static_cast<uint64_t>(c - '0');
      if (point) scale *= 10;
    } else {
      return std::nullopt;
    }
  }
  if (count == 0) return std::nullopt;
  return static_cast<double>(digits) / scale;
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return is_blank(c) || c == '\n' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace dragonfly::linux_probe
