// Numbers: what turns a column's 64-bit values into integers that can be predicted, and back bit for bit.
// Internal to store/chunk.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/core/bytes.h"

namespace dragonfly::chunk {

// How an integer n becomes a value. On disk; never renumbered.
enum class Form : uint8_t {
  kBits = 0,     // The value's 64 bits are n: integers; doubles that nothing else fits.
  kDivided = 1,  // float64: n / divisor.
  // Shares of a whole N, which is another column; 0 where N is 0. k and N below kShareLimit.
  kShare = 2,            // float64: 100.0 * n / N.
  kShareHundredths = 3,  // float64: h / 100, h = 10000 n / N rounded to the nearest integer, half upwards.
  kShareFloored = 4,     // float64: h / 100, h = floor(10000.0 * (n / N) + 0.5) in doubles, at most 10000.
};
inline constexpr uint8_t kFormsEnd = 5;

constexpr bool is_share(Form form) { return form >= Form::kShare; }
inline constexpr uint64_t kShareLimit = uint64_t{1} << 48;
inline constexpr uint64_t kDivisorMax = 10'000'000;

// A row whose value its form does not give.
struct Exception {
  uint32_t row;
  uint64_t bits;
};

// The share as it is stored; `rest` = 100 less the share. nullopt where n or N is too large.
std::optional<uint64_t> share_bits(Form form, bool rest, uint64_t n, uint64_t whole);

// Integers of doubles n / divisor. Rows that are not exact become exceptions; false where there are more of them than
// `exceptions_max`.
bool divide(std::span<const uint64_t> bits, uint64_t divisor, size_t exceptions_max, std::vector<uint64_t>& integers,
            std::vector<Exception>& exceptions);
void undivide(std::span<uint64_t> integers, uint64_t divisor);

// The fraction p / q with the smallest q up to `denominator_max` that makes exactly this double when `scale` is
// multiplied with p (in doubles) and divided by q.
struct Fraction {
  uint64_t p, q;
};
std::optional<Fraction> fraction_of(double value, double scale, uint64_t denominator_max);

// A divisor that fits doubles which are fractions with a common denominator; nullopt where the first few have none.
std::optional<uint64_t> common_divisor(std::span<const uint64_t> bits);

}  // namespace dragonfly::chunk
