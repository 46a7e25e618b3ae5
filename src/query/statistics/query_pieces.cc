#include "query/statistics/query_pieces.h"

#include <cmath>
#include <tuple>

namespace dragonfly {
namespace {

Query in_order(Query query) {
  std::ranges::sort(query.vms, {}, [](const QueryVm& vm) { return std::tie(vm.ns, vm.mcis, vm.vm); });
  return query;
}

// What one series has in a second.
double likely_rows_per_s(const Query& query) {
  const Duration one = query.step > Duration::zero() ? query.step : query.interval;
  return 1 / (one > Duration::zero() ? seconds(one) : 1);
}

// Without overflow: a range over all times does not fit a Duration.
double seconds_within(Timestamp begin, Timestamp end) {
  return (static_cast<double>(unix_ns(end)) - static_cast<double>(unix_ns(begin))) / 1e9;
}

size_t cells_of(const QueryAnswer& answer) {
  size_t cells = 0;
  for (const QuerySeries& series : answer.series)
    cells += series.rows.empty() ? 0 : series.rows.size() * series.rows.front().fields.size();
  return cells;
}

}  // namespace

QueryPieces::QueryPieces(const Questions& questions, Query query, size_t part_cells)
    : questions_(questions),
      query_(in_order(std::move(query))),
      by_vm_(query_.by == GroupBy::kVm && query_.top == 0),
      by_time_(by_vm_ && (query_.devices == ReadRequest::Devices::kVmOnly ||
                          (query_.devices == ReadRequest::Devices::kNamed && query_.device_names.size() == 1))),
      part_cells_(part_cells),
      from_(query_.range.begin),
      vm_seconds_(static_cast<double>(part_cells) /
                  (likely_rows_per_s(query_) * static_cast<double>(std::max<size_t>(query_.fields.size(), 1)))) {}

Result<std::optional<QueryAnswer>> QueryPieces::next() {
  if (at_ == 0 && from_ == query_.range.begin) DF_TRY(Questions::check(query_));
  while (at_ < query_.vms.size()) {
    const Part part = next_part();
    auto answer = read(part);
    if (!answer && answer.error().code == ErrorCode::kResourceExhausted && by_time_ && cut_after(0s) < part.end) {
      vm_seconds_ /= 2;  // More rows than their tick made likely.
      continue;
    }
    if (!answer) return fail(std::move(answer).error());
    learn(*answer, part);
    const bool done = part.end == query_.range.end;
    if (done) at_ += part.vms;
    from_ = done ? query_.range.begin : part.end;
    if (!answer->series.empty() || !answer->missing_parts.empty()) return std::optional(std::move(*answer));
  }
  return std::optional<QueryAnswer>();
}

QueryPieces::Part QueryPieces::next_part() const {
  const size_t left = query_.vms.size() - at_;
  if (!by_vm_) return {left, query_.range.end};
  const double length_s = seconds_within(query_.range.begin, query_.range.end);
  if (from_ == query_.range.begin && (!by_time_ || vm_seconds_ >= length_s)) {
    const auto vms = static_cast<size_t>(std::clamp(vm_seconds_ / length_s, 1.0, double{kPartVmsMax}));
    return {std::min(left, vms), query_.range.end};
  }
  constexpr double kLongest_s = 1e9;
  return {1, cut_after(Duration(static_cast<int64_t>(std::min(vm_seconds_, kLongest_s) * 1e9)))};
}

// Where steps end, and about where hours do; always after from_.
Timestamp QueryPieces::cut_after(Duration length) const {
  constexpr Duration kHour = std::chrono::hours(1);
  const Duration step = std::max(query_.step, Duration(1));
  const Duration unit = step * ((kHour + step - Duration(1)) / step);
  if (seconds(std::max(length, unit)) >= seconds_within(from_, query_.range.end)) return query_.range.end;
  return std::min(floor_to(from_ + std::max(length, unit), unit), query_.range.end);
}

Result<QueryAnswer> QueryPieces::read(const Part& part) const {
  Query query = query_;
  const auto begin = query_.vms.begin() + static_cast<std::ptrdiff_t>(at_);
  query.vms.assign(begin, begin + static_cast<std::ptrdiff_t>(part.vms));
  query.range = {from_, part.end};
  return questions_.query(query);
}

void QueryPieces::learn(const QueryAnswer& answer, const Part& part) {
  const size_t cells = cells_of(answer);
  if (cells > 2 * part_cells_) {
    vm_seconds_ /= 2;
  } else if (cells < part_cells_ / 4) {
    // From what was read on, where there was less of it than a part may have.
    const double read_s = static_cast<double>(part.vms) * seconds_within(from_, part.end);
    vm_seconds_ = std::max(vm_seconds_, 2 * read_s);
  }
}

}  // namespace dragonfly
