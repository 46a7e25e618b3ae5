#include "store/chunk/coding/plan.h"

#include <algorithm>
#include <bit>

namespace dragonfly::chunk {
namespace {

// A prediction must repay what naming it and reading another column costs.
constexpr float kTermsBits = 24;
// So many rows tell whether a set of terms is worth a closer look.
constexpr size_t kSampleRows = 64;
// A gate must spare at least so many residuals.
constexpr uint32_t kGateSparesMin = 16;

uint8_t constant_bytes(ValueType type, uint64_t bits) {
  if (bits == 0) return 0;
  // Doubles have their zeros at the low end.
  const int zeros = type == ValueType::kFloat64 ? std::countr_zero(bits) : std::countl_zero(bits);
  return static_cast<uint8_t>(8 - zeros / 8);
}

}  // namespace

void Plan::reset(ValueType new_type) {
  type = new_type;
  presence = 0;
  kind = kAbsent;
  values = {};
  form = Form::kBits;
  rest = false;
  divisor = 1;
  whole = kNoColumn;
  integers.clear();
  exceptions.clear();
  terms.clear();
  predicted = false;
  gate = kNoColumn;
  changes = 0;
  level = 0;
  referred = false;
}

void take_values(Plan& plan, std::span<const uint64_t> bits, std::span<const uint8_t> present, uint32_t presence) {
  plan.presence = presence;
  plan.values = bits;
  if (presence > 0) {
    plan.dense.clear();
    for (size_t row = 0; row < bits.size(); ++row) {
      if (present[row] != 0) plan.dense.push_back(bits[row]);
    }
    plan.values = plan.dense;
  }
  settle_kind(plan);
}

void settle_kind(Plan& plan) {
  const uint64_t first = plan.values[0];
  uint64_t differing = 0;
  for (const uint64_t bits : plan.values) differing |= bits ^ first;
  plan.kind = differing == 0 ? static_cast<uint8_t>(kConstant + constant_bytes(plan.type, first)) : kIntegers;
}

void choose_form(Plan& plan, bool small) {
  const size_t most = exceptions_max(plan.values.size());
  if (plan.type == ValueType::kFloat64) {
    constexpr uint64_t kDivisors[] = {100, 1, 1'000, 1'000'000};
    for (const uint64_t divisor : kDivisors) {
      plan.divisor = divisor;
      plan.form = Form::kDivided;
      if (divide(plan.values, divisor, most, plan.integers, plan.exceptions)) return;
    }
    if (const auto divisor = small ? common_divisor(plan.values) : std::nullopt) {
      plan.divisor = *divisor;
      if (divide(plan.values, *divisor, most, plan.integers, plan.exceptions)) return;
    }
  }
  plan.form = Form::kBits;
  plan.exceptions.clear();
  plan.integers.assign(plan.values.begin(), plan.values.end());
}

bool become_share(Plan& plan, Form form, bool rest, uint32_t whole, std::span<const Plan> plans,
                  std::vector<uint64_t>& integers) {
  std::vector<Exception> exceptions;
  const size_t most = exceptions_max(plan.values.size());
  for (size_t row = 0; row < plan.values.size(); ++row) {
    const uint64_t all = plans[whole].integer(row);
    const auto bits = share_bits(form, rest, rest ? all - integers[row] : integers[row], all);
    if (bits && *bits == plan.values[row]) continue;
    if (exceptions.size() == most || !bits) return false;
    exceptions.push_back({static_cast<uint32_t>(row), plan.values[row]});
  }
  plan.form = form;
  plan.rest = rest;
  plan.whole = whole;
  plan.integers.swap(integers);
  plan.exceptions = std::move(exceptions);
  return true;
}

bool same_scale(const Plan& a, const Plan& b) {
  if (a.presence != b.presence) return false;
  const Form of_a = a.is_constant() ? Form::kBits : a.form;
  const Form of_b = b.is_constant() ? Form::kBits : b.form;
  if (is_share(of_a) || is_share(of_b)) return is_share(of_a) && is_share(of_b) && a.whole == b.whole;
  // A double's bits are no number.
  if (of_a == Form::kBits) return of_b == Form::kBits && a.type != ValueType::kFloat64 && b.type != ValueType::kFloat64;
  return of_a == of_b && a.divisor == b.divisor;
}

void Predictor::begin(uint32_t column) {
  const Plan& plan = plans_[column];
  const bool xors = plan.form == Form::kBits && plan.type == ValueType::kFloat64;
  best_ = choose_order(plan.integers, small_, xors);
  best_terms_.clear();
}

uint32_t Predictor::level_of(const Plan& plan, std::span<const Term> terms) const {
  uint32_t out = plan.whole == kNoColumn ? 0 : plans_[plan.whole].level + 1;
  for (const Term& term : terms) out = std::max(out, plans_[term.column].level + 1);
  return out;
}

void Predictor::subtract(uint32_t column, std::span<const Term> terms, size_t rows) {
  const Plan& plan = plans_[column];
  left_.assign(plan.integers.begin(), plan.integers.begin() + static_cast<ptrdiff_t>(rows));
  for (const Term& term : terms) {
    const Plan& other = plans_[term.column];
    if (other.is_constant()) {
      for (uint64_t& value : left_) value = term.negative ? value + other.values[0] : value - other.values[0];
    } else if (term.negative) {
      for (size_t row = 0; row < rows; ++row) left_[row] += other.integers[row];
    } else {
      for (size_t row = 0; row < rows; ++row) left_[row] -= other.integers[row];
    }
  }
}

void Predictor::offer(uint32_t column, std::span<const Term> terms) {
  if (level_of(plans_[column], terms) >= kLevelsMax) return;
  const size_t rows = plans_[column].integers.size();
  const size_t sample = std::min(rows, kSampleRows);
  const float bound = best_.bits * static_cast<float>(sample) / static_cast<float>(rows);
  subtract(column, terms, sample);
  OrderChoice choice = choose_order(left_, small_, false);
  if (sample < rows) {
    if (choice.bits > bound * 0.95f + 8) return;
    subtract(column, terms, rows);
    choice = choose_order(left_, small_, false);
  }
  if (choice.bits + kTermsBits >= best_.bits) return;
  best_ = choice;
  best_.bits += kTermsBits;
  best_terms_.assign(terms.begin(), terms.end());
}

void Predictor::settle(uint32_t column) {
  Plan& plan = plans_[column];
  plan.terms = best_terms_;
  std::span<const uint64_t> left = plan.integers;
  if (!best_terms_.empty()) {
    subtract(column, best_terms_, plan.integers.size());
    left = left_;
  }
  make_differences(left, best_, small_, plan.differences);
  plan.predicted = true;
  plan.level = level_of(plan, plan.terms);
  plan.changed.assign((left.size() + 63) / 64, 0);
  for (size_t row = 0; row < left.size(); ++row) {
    plan.changed[row / 64] |= static_cast<uint64_t>(plan.differences.residuals[row] != 0) << (row % 64);
  }
  plan.changes = 0;
  for (const uint64_t word : plan.changed) plan.changes += static_cast<uint32_t>(std::popcount(word));
}

void choose_gates(std::vector<Plan>& plans, std::span<const uint32_t> order) {
  const auto covers = [](const Plan& gate, const Plan& plan) {
    for (size_t i = 0; i < plan.changed.size(); ++i) {
      if ((plan.changed[i] & ~gate.changed[i]) != 0) return false;
    }
    return true;
  };
  for (size_t i = 0; i < order.size(); ++i) {
    Plan& plan = plans[order[i]];
    if (plan.changes == 0) continue;
    // What is left out must be more than what a short list of changes would spare.
    uint32_t fewest = static_cast<uint32_t>(plan.integers.size()) -
                      std::min<uint32_t>(kGateSparesMin, static_cast<uint32_t>(plan.integers.size()));
    for (size_t k = 0; k < i; ++k) {
      const Plan& gate = plans[order[k]];
      if (gate.presence != plan.presence || gate.changes >= fewest || gate.changes < plan.changes) continue;
      if (gate.level + 1 >= kLevelsMax) continue;
      if (!covers(gate, plan)) continue;
      fewest = gate.changes;
      plan.gate = order[k];
    }
    if (plan.gate != kNoColumn) plan.level = std::max(plan.level, plans[plan.gate].level + 1);
  }
}

}  // namespace dragonfly::chunk
