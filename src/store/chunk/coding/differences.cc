#include "store/chunk/coding/differences.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "base/core/bytes.h"
#include "store/chunk/coding/entropy.h"

namespace dragonfly::chunk {
namespace {

int64_t as_signed(uint64_t value) { return static_cast<int64_t>(value); }

// How often numbers of each width occur.
struct Widths {
  std::array<uint32_t, 65> counts{};
  void add(uint64_t number) { ++counts[static_cast<size_t>(std::bit_width(number))]; }
  float bits(size_t numbers) const {
    const float all = rough_log2(static_cast<float>(numbers));
    float out = 0;
    for (size_t width = 0; width < counts.size(); ++width) {
      if (counts[width] == 0) continue;
      const auto count = static_cast<float>(counts[width]);
      out += count * (all - rough_log2(count) + static_cast<float>(width > 1 ? width - 1 : 0));
    }
    return out;
  }
};

uint64_t smallest(std::span<const uint64_t> values) {
  int64_t out = as_signed(values[0]);
  for (const uint64_t value : values) out = std::min(out, as_signed(value));
  return static_cast<uint64_t>(out);
}

OrderChoice by_entropy(std::span<const uint64_t> values, bool xors) {
  const uint64_t base = smallest(values);
  Widths bases, steps, ups, changes, sets;
  bool falls = false;
  bases.add(values[0] - base);
  uint64_t step = values.size() > 1 ? values[1] - values[0] : 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const uint64_t change = values[i] - values[i - 1];
    bases.add(values[i] - base);
    ups.add(change);
    changes.add(zigzag(as_signed(change)));
    steps.add(zigzag(as_signed(change - step)));
    falls |= as_signed(change) < 0;
    step = change;
  }
  if (xors) {
    for (size_t i = 1; i < values.size(); ++i) sets.add(values[i] ^ values[i - 1]);
  }
  const size_t count = values.size();
  OrderChoice best{Order::kValue, (falls ? changes : ups).bits(count), base};
  const auto consider = [&](Order order, float bits) {
    if (bits < best.bits) best = {order, bits, base};
  };
  consider(Order::kBase, bases.bits(count));
  // Two neighbours' noise is in a step: it must be better by more than chance.
  consider(Order::kStep, steps.bits(count) + 8);
  if (xors) consider(Order::kXor, sets.bits(count));
  return best;
}

OrderChoice by_width(std::span<const uint64_t> values, bool xors) {
  int64_t lowest = as_signed(values[0]);
  int64_t highest = lowest;
  uint64_t changes = 0, steps = 0, sets = 0;
  size_t changed = 0;
  uint64_t step = values.size() > 1 ? values[1] - values[0] : 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const uint64_t change = values[i] - values[i - 1];
    lowest = std::min(lowest, as_signed(values[i]));
    highest = std::max(highest, as_signed(values[i]));
    changes |= zigzag(as_signed(change));
    steps |= zigzag(as_signed(change - step));
    sets |= values[i] ^ values[i - 1];
    changed += change != 0 ? 1 : 0;
    step = change;
  }
  const auto base = static_cast<uint64_t>(lowest);
  const auto cost = [&](uint64_t any, size_t count) {
    return static_cast<float>(std::bit_width(any)) * static_cast<float>(count);
  };
  const float changes_masked = cost(changes, changed) + static_cast<float>(values.size());
  OrderChoice best{Order::kValue, std::min(cost(changes, values.size()), changes_masked), base};
  if (const float bits = cost(static_cast<uint64_t>(highest) - base, values.size()); bits < best.bits)
    best = {Order::kBase, bits, base};
  if (const float bits = cost(steps, values.size()); bits < best.bits) best = {Order::kStep, bits, base};
  if (const float bits = cost(sets, values.size()); xors && bits < best.bits) best = {Order::kXor, bits, base};
  return best;
}

// The largest number that divides all residuals; where not `small` only its power of two, which costs less to find.
uint64_t common_unit(std::span<const uint64_t> residuals, bool is_signed, bool small) {
  uint64_t any = 0;
  for (const uint64_t residual : residuals) any |= residual;
  if (any == 0) return 1;
  const int zeros = std::countr_zero(any);
  // Unsigned residuals of 2^63 and more would need care that they do not repay.
  if (!small || (!is_signed && any >> 63 != 0)) return uint64_t{1} << zeros;
  uint64_t odd = 0;
  for (size_t i = 0; odd != 1 && i < residuals.size(); ++i) {
    const int64_t value = as_signed(residuals[i]) >> zeros;
    if (value != 0) odd = std::gcd(odd, value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
  }
  if (odd >= (uint64_t{1} << 32) >> std::min(zeros, 31)) odd = 1;
  return odd << zeros;
}

void divide_residuals(Differences& d, bool small) {
  bool negative = false;
  for (const uint64_t residual : d.residuals) negative |= as_signed(residual) < 0;
  d.is_signed = negative && d.order != Order::kBase && d.order != Order::kXor;
  d.unit = common_unit(d.residuals, d.is_signed, small);
  const bool power = std::has_single_bit(d.unit);
  const int shift = std::countr_zero(d.unit);
  for (uint64_t& residual : d.residuals) {
    if (residual == 0) continue;
    if (d.is_signed) {
      const int64_t value = as_signed(residual);
      residual = zigzag(power ? value >> shift : value / as_signed(d.unit));
    } else {
      residual = power ? residual >> shift : residual / d.unit;
    }
  }
}

void multiply_residuals(const Differences& how, std::span<const uint64_t> in, std::span<uint64_t> out) {
  if (how.is_signed) {
    for (size_t i = 0; i < in.size(); ++i) out[i] = static_cast<uint64_t>(unzigzag(in[i])) * how.unit;
  } else {
    for (size_t i = 0; i < in.size(); ++i) out[i] = in[i] * how.unit;
  }
}

}  // namespace

OrderChoice choose_order(std::span<const uint64_t> values, bool small, bool xors) {
  return small ? by_entropy(values, xors) : by_width(values, xors);
}

void make_differences(std::span<const uint64_t> values, const OrderChoice& choice, bool small, Differences& out) {
  out.order = choice.order;
  out.residuals.resize(values.size());
  std::span<uint64_t> residuals = out.residuals;
  out.base = choice.order == Order::kBase ? choice.base : values[0];
  out.step = choice.order == Order::kStep && values.size() > 1 ? values[1] - values[0] : 0;
  residuals[0] = values[0] - out.base;
  uint64_t step = out.step;
  for (size_t i = 1; i < values.size(); ++i) {
    switch (choice.order) {
      case Order::kBase: residuals[i] = values[i] - out.base; break;
      case Order::kValue: residuals[i] = values[i] - values[i - 1]; break;
      case Order::kXor: residuals[i] = values[i] ^ values[i - 1]; break;
      case Order::kStep: {
        const uint64_t change = values[i] - values[i - 1];
        residuals[i] = change - step;
        step = change;
        break;
      }
    }
  }
  divide_residuals(out, small);
}

void undo_differences(const Differences& how, std::span<const uint64_t> residuals, std::span<uint64_t> values) {
  multiply_residuals(how, residuals, values);
  uint64_t value = how.base;
  uint64_t step = how.step;
  switch (how.order) {
    case Order::kBase:
      for (uint64_t& out : values) out += how.base;
      break;
    case Order::kValue:
      for (uint64_t& out : values) out = value += out;
      break;
    case Order::kXor:
      for (uint64_t& out : values) out = value ^= out;
      break;
    case Order::kStep:
      if (!values.empty()) values[0] = value;
      for (size_t i = 1; i < values.size(); ++i) {
        step += values[i];
        values[i] = value += step;
      }
      break;
  }
}

}  // namespace dragonfly::chunk
