#include "base/core/number.h"

#include <cmath>
#include <cstdint>

namespace dragonfly {
namespace {

constexpr int kFewDigits = 4;  // After the point.
constexpr double kScale = 1e4;
constexpr double kMax = 1e11;  // Of the number: 15 digits in all.

}  // namespace

// Most values have few digits after the point. Where number x 10^4 is whole and exact, its digits are the fewest that say
// it: decimals of up to 15 digits each have a double of their own.
char* write_fixed(char* to, double number) {
  const auto otherwise = [&] {
    return std::to_chars(to, to + kFixedCharactersMax, number, std::chars_format::fixed).ptr;
  };
  if (!(std::fabs(number) < kMax)) return otherwise();
  const auto scaled = static_cast<int64_t>(number * kScale + std::copysign(0.5, number));
  if (static_cast<double>(scaled) / kScale != number || (scaled == 0 && std::signbit(number))) return otherwise();
  if (scaled < 0) *to++ = '-';
  const auto digits = static_cast<uint64_t>(scaled < 0 ? -scaled : scaled);
  const auto whole = digits / 10'000;
  to = std::to_chars(to, to + 24, whole).ptr;
  auto rest = static_cast<uint32_t>(digits % 10'000);
  if (rest == 0) return to;
  *to++ = '.';
  char* end = to;
  for (int i = kFewDigits; i-- > 0; rest /= 10) {
    to[i] = static_cast<char>('0' + rest % 10);
    if (end == to && to[i] != '0') end = to + i + 1;
  }
  return end;
}

}  // namespace dragonfly
