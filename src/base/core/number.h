// Numbers in text.
//
// Units      none.
// Ownership  none.
// Threading  pure.
// Errors     nullopt: not a number, out of T's range, or something beside it, also a space or a plus.
// Limits     T's.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

namespace dragonfly {

// The whole of `text` as a whole number; hexadecimal digits of either case in base 16, without a prefix.
template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// The longest finite double in fixed notation has 309 digits before the point or 325 after it.
inline constexpr size_t kFixedCharactersMax = 400;

// The fewest digits that come back as the same finite double, in fixed notation; returns where they end. `to` has room for
// kFixedCharactersMax.
char* write_fixed(char* to, double number);

}  // namespace dragonfly
