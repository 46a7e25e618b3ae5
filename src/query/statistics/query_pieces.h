// QueryPieces: the answer of one query, part after part, so that an answer of any length needs the memory of one part.
//
// Units      as questions.h.
// Ownership  owns the query; borrows the questions.
// Threading  one thread at a time; next() blocks for the time of a question.
// Errors     those of Questions::query, each part with its own timeout.
// Limits     a part has about kPartCellsMax values where the answer can be divided: by=vm without top, by VMs, and by time
//            where a VM has one series. Else it is one part, with the limits of Questions::query.
#pragma once

#include <optional>

#include "query/statistics/questions.h"

namespace dragonfly {

class QueryPieces {
 public:
  static constexpr size_t kPartCellsMax = 50'000;
  static constexpr size_t kPartVmsMax = 4096;

  QueryPieces(const Questions& questions, Query query, size_t part_cells = kPartCellsMax);
  // In the order of Questions::query. A series may be divided: then the next part begins with the same labels. nullopt:
  // that was all. `tier` is that of the part.
  Result<std::optional<QueryAnswer>> next();

 private:
  struct Part {
    size_t vms = 0;
    Timestamp end{};
  };
  Part next_part() const;
  Result<QueryAnswer> read(const Part& part) const;
  Timestamp cut_after(Duration length) const;
  void learn(const QueryAnswer& answer, const Part& part);

  const Questions& questions_;
  const Query query_;
  const bool by_vm_;    // Divided by VMs …
  const bool by_time_;  // … and by time.
  const size_t part_cells_;
  size_t at_ = 0;  // The first VM that is not done, which is done up to
  Timestamp from_;
  double vm_seconds_;  // How much of the VMs' time a part should have.
};

}  // namespace dragonfly
