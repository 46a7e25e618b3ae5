// RowList: fills a caller's vector of rows without giving back the memory of those that are not used this time.
//
// Units      none.
// Ownership  borrows the vector from begin() to end(); keeps spare rows.
// Threading  one object, one thread.
// Errors     none.
// Limits     none.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "model/row/row.h"

namespace dragonfly::linux_probe {

class RowList {
 public:
  void begin(std::vector<Row>& rows) {
    rows_ = &rows;
    used_ = 0;
  }
  // The next row, reset. The reference dies at the next call.
  Row& add(GroupId group, Timestamp now, size_t fields) {
    if (used_ == rows_->size()) {
      if (spare_.empty()) {
        rows_->emplace_back();
      } else {
        rows_->push_back(std::move(spare_.back()));
        spare_.pop_back();
      }
    }
    Row& row = (*rows_)[used_++];
    row.reset(group, now, fields);
    return row;
  }
  // Takes the last row back where no field of it is present.
  void drop_if_empty() {
    const Row& last = (*rows_)[used_ - 1];
    const bool empty =
        std::none_of(last.values.begin(), last.values.end(), [](const auto& v) { return v.has_value(); });
    if (empty) --used_;
  }
  void end() {
    while (rows_->size() > used_) {
      spare_.push_back(std::move(rows_->back()));
      rows_->pop_back();
    }
    rows_ = nullptr;
  }

 private:
  std::vector<Row>* rows_ = nullptr;
  size_t used_ = 0;
  std::vector<Row> spare_;
};

}  // namespace dragonfly::linux_probe
