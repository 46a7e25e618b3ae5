// Plan: how one column will be written, from its values to the residuals that are left to code. Internal to store/chunk.
#pragma once

#include <span>
#include <vector>

#include "model/row/column_set.h"
#include "store/chunk/coding/differences.h"
#include "store/chunk/coding/layout.h"
#include "store/chunk/coding/numbers.h"

namespace dragonfly::chunk {

inline constexpr uint32_t kNoColumn = UINT32_MAX;

struct Plan {
  ValueType type = ValueType::kUint64;
  uint32_t presence = 0;  // 0 = every row; else 1 + the index of its bitmap.
  uint8_t kind = kAbsent;
  std::span<const uint64_t> values;  // Of the rows where it is present.
  std::vector<uint64_t> dense;       // What `values` shows, where it is not a part of the caller's column.

  Form form = Form::kBits;
  bool rest = false;
  uint64_t divisor = 1;
  uint32_t whole = kNoColumn;
  std::vector<uint64_t> integers;  // Empty until a form is chosen.
  std::vector<Exception> exceptions;

  std::vector<Term> terms;
  Differences differences;
  bool predicted = false;  // `differences` are made: others may refer to it.
  uint32_t gate = kNoColumn;
  std::vector<uint64_t> changed;  // A bit a row: its residual is not 0.
  uint32_t changes = 0;
  uint32_t level = 0;     // How many columns deep a reader must go for it.
  bool referred = false;  // Others need its integers.

  void reset(ValueType new_type);
  bool is_constant() const { return kind >= kConstant; }
  // Whether others may be predicted from it: integers, or a constant that needs no form.
  bool may_be_referred_to() const {
    return is_constant() ? type != ValueType::kFloat64 : kind == kIntegers && predicted;
  }
  uint64_t integer(size_t row) const { return is_constant() ? values[0] : integers[row]; }
};

// Takes the present rows of a column; finds absent and constant ones.
void take_values(Plan& plan, std::span<const uint64_t> bits, std::span<const uint8_t> present, uint32_t presence);
void settle_kind(Plan& plan);

// How many rows may be exceptions in a column of `rows`.
constexpr size_t exceptions_max(size_t rows) { return rows / 16; }

// Chooses form and integers, from the values alone.
void choose_form(Plan& plan, bool small);
// Makes `plan` a share of column `whole`, with `integers` as given; false, and unchanged, where too many rows differ.
bool become_share(Plan& plan, Form form, bool rest, uint32_t whole, std::span<const Plan> plans,
                  std::vector<uint64_t>& integers);
// Whether integers of the two mean the same and can be added up.
bool same_scale(const Plan& a, const Plan& b);

// Predicts from the terms that promise the fewest bits, of the sets offered and of none.
class Predictor {
 public:
  Predictor(std::vector<Plan>& plans, bool small) : plans_(plans), small_(small) {}
  // Considers a set of terms; those that cannot be referred to are left out where constant, else the whole set is.
  void offer(uint32_t column, std::span<const Term> terms);
  // Settles the column with the best set offered since begin().
  void begin(uint32_t column);
  void settle(uint32_t column);

 private:
  uint32_t level_of(const Plan& plan, std::span<const Term> terms) const;
  void subtract(uint32_t column, std::span<const Term> terms, size_t rows);
  std::vector<Plan>& plans_;
  bool small_;
  OrderChoice best_{};
  std::vector<Term> best_terms_;
  std::vector<uint64_t> left_;  // Integers less the terms.
};

// Lets columns leave out residuals where an earlier one of `order` did not change.
void choose_gates(std::vector<Plan>& plans, std::span<const uint32_t> order);

}  // namespace dragonfly::chunk
