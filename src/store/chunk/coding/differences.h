// Differences: a sequence of integers as base, step and residuals, by the order that promises the fewest bits.
// All arithmetic is modulo 2^64. Internal to store/chunk.
#pragma once

#include <span>
#include <vector>

#include "store/chunk/coding/layout.h"

namespace dragonfly::chunk {

struct Differences {
  Order order = Order::kValue;
  bool is_signed = false;
  uint64_t unit = 1;  // Every residual is a multiple of it; kept divided by it.
  uint64_t base = 0;
  uint64_t step = 0;
  std::vector<uint64_t> residuals;  // As they are coded: divided, and zigzag where signed.
};

// Bits that the residuals of the best order would take, for comparing one prediction with another. `xors`: consider
// Order::kXor, too.
struct OrderChoice {
  Order order;
  float bits;
  uint64_t base;  // Of Order::kBase.
};
// `small`: by entropy; else by width.
OrderChoice choose_order(std::span<const uint64_t> values, bool small, bool xors);
void make_differences(std::span<const uint64_t> values, const OrderChoice& choice, bool small, Differences& out);
// Turns residuals, as they are coded, into values.
void undo_differences(const Differences& how, std::span<const uint64_t> residuals, std::span<uint64_t> values);

}  // namespace dragonfly::chunk
