// Text of /proc and /sys, taken apart in place.
//
// Units      none.
// Ownership  everything borrows the text.
// Threading  pure.
// Errors     nullopt or an empty view; nothing is read past the end.
// Limits     none.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dragonfly::linux_probe {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Takes the next line off `text`, without its end; the last one may lack it.
inline std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// Takes the next word off `line`; empty at its end.
inline std::string_view take_word(std::string_view& line) {
  size_t begin = 0;
  while (begin < line.size() && is_blank(line[begin])) ++begin;
  size_t end = begin;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

// A whole word of digits; nullopt for anything else and for what 64 bits do not hold.
std::optional<uint64_t> parse_u64(std::string_view word);
inline std::optional<uint64_t> take_u64(std::string_view& line) { return parse_u64(take_word(line)); }
// "12.34": the double next to it, up to 15 digits.
std::optional<double> parse_decimal(std::string_view word);

// Removes blanks and line ends on both sides.
std::string_view trim(std::string_view text);

// Calls f(first, last) for each range of a list such as "0-3,8"; false where it is malformed.
template <class F>
bool for_each_range(std::string_view list, F f) {
  list = trim(list);
  if (list.empty()) return false;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view range = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    const size_t dash = range.find('-');
    const auto first = parse_u64(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_u64(range.substr(dash + 1));
    if (!first || !last || *last < *first || *last > 1'000'000) return false;
    f(*first, *last);
  }
  return true;
}

}  // namespace dragonfly::linux_probe
