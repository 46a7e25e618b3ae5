#include "store/chunk/coding/numbers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace dragonfly::chunk {
namespace {

double to_double(uint64_t bits) { return std::bit_cast<double>(bits); }
uint64_t to_bits(double value) { return std::bit_cast<uint64_t>(value); }

// Added and taken away, it leaves an integer of less than 2^51, rounded.
constexpr double kRounder = 0x1.8p52;
constexpr double kIntegersBelow = 0x1p51;

int64_t rounded(double value) {
  return static_cast<int64_t>(to_bits(value + kRounder)) - static_cast<int64_t>(to_bits(kRounder));
}

// 10000 n / whole, rounded half upwards, without a 128-bit division.
uint64_t hundredths(uint64_t n, uint64_t whole) {
  auto h = static_cast<int64_t>(static_cast<double>(n) * 10000.0 / static_cast<double>(whole) + 0.5);
  // The estimate may be off by one. 20000 n + whole - 2 h whole lies in [0, 2 whole) when it is right.
  const uint64_t left = 20000 * n + whole - 2 * static_cast<uint64_t>(h) * whole;
  if (static_cast<int64_t>(left) < 0) {
    --h;
  } else if (left >= 2 * whole) {
    ++h;
  }
  return static_cast<uint64_t>(h);
}

uint64_t hundredths_floored(uint64_t n, uint64_t whole) {
  if (n >= whole) return 10000;
  return static_cast<uint64_t>(10000.0 * (static_cast<double>(n) / static_cast<double>(whole)) + 0.5);
}

}  // namespace

std::optional<uint64_t> share_bits(Form form, bool rest, uint64_t n, uint64_t whole) {
  // Shares of more than a hundredfold are no shares, and would overflow.
  if (n >= kShareLimit || whole >= kShareLimit || n / 128 > whole) return std::nullopt;
  if (form == Form::kShare) {
    const double share = whole == 0 ? 0.0 : 100.0 * static_cast<double>(n) / static_cast<double>(whole);
    return to_bits(rest ? 100.0 - share : share);
  }
  uint64_t h = 0;
  if (whole > 0) h = form == Form::kShareHundredths ? hundredths(n, whole) : hundredths_floored(n, whole);
  if (!rest) return to_bits(static_cast<double>(h) / 100.0);
  return to_bits(static_cast<double>(10000 - static_cast<int64_t>(h)) / 100.0);
}

bool divide(std::span<const uint64_t> bits, uint64_t divisor, size_t exceptions_max, std::vector<uint64_t>& integers,
            std::vector<Exception>& exceptions) {
  integers.resize(bits.size());
  exceptions.clear();
  const auto scale = static_cast<double>(divisor);
  uint64_t before = 0;
  for (size_t i = 0; i < bits.size(); ++i) {
    const double scaled = to_double(bits[i]) * scale;
    const int64_t integer = rounded(scaled);
    if (std::fabs(scaled) < kIntegersBelow && to_bits(static_cast<double>(integer) / scale) == bits[i]) [[likely]] {
      before = static_cast<uint64_t>(integer);
    } else {
      if (exceptions.size() == exceptions_max) return false;
      exceptions.push_back({static_cast<uint32_t>(i), bits[i]});
    }
    integers[i] = before;
  }
  return true;
}

void undivide(std::span<uint64_t> integers, uint64_t divisor) {
  const auto scale = static_cast<double>(divisor);
  for (uint64_t& n : integers) n = to_bits(static_cast<double>(static_cast<int64_t>(n)) / scale);
}

std::optional<Fraction> fraction_of(double value, double scale, uint64_t denominator_max) {
  // Continued fractions: the best approximations, in order of their denominators.
  double x = value / scale;
  if (!(x >= 0 && x < 1e9)) return std::nullopt;
  uint64_t p = 1, p_before = 0, q = 0, q_before = 1;
  for (int turn = 0; turn < 24; ++turn) {
    const double whole = std::floor(x);
    if (whole >= 0x1p40) return std::nullopt;
    const auto a = static_cast<uint64_t>(whole);
    if (a > (uint64_t{1} << 50) / std::max<uint64_t>(p, 1) || a > denominator_max / std::max<uint64_t>(q, 1))
      return std::nullopt;
    const uint64_t p_next = a * p + p_before;
    const uint64_t q_next = a * q + q_before;
    if (q_next > denominator_max || p_next >= uint64_t{1} << 50) return std::nullopt;
    p_before = p, p = p_next, q_before = q, q = q_next;
    if (scale * static_cast<double>(p) / static_cast<double>(q) == value) return Fraction{p, q};
    if (x == whole) return std::nullopt;
    x = 1 / (x - whole);
  }
  return std::nullopt;
}

std::optional<uint64_t> common_divisor(std::span<const uint64_t> bits) {
  uint64_t divisor = 1;
  size_t looked_at = 0;
  for (size_t i = 0; i < bits.size() && looked_at < 16; ++i) {
    if (i > 0 && bits[i] == bits[i - 1]) continue;
    ++looked_at;
    const auto fraction = fraction_of(std::fabs(to_double(bits[i])), 1.0, 100'000);
    if (!fraction) return std::nullopt;
    divisor = std::lcm(divisor, fraction->q);
    if (divisor > kDivisorMax) return std::nullopt;
  }
  return divisor;
}

}  // namespace dragonfly::chunk
