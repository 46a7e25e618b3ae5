#include "model/flow/series_reader.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace dragonfly {
namespace {

// Of the rows before `begin` only the newest: each part gave its own.
void keep_one_previous(ColumnSet& rows, Timestamp begin) {
  const auto first = std::lower_bound(rows.times_ns.begin(), rows.times_ns.end(), unix_ns(begin));
  if (first - rows.times_ns.begin() <= 1) return;
  rows.keep({from_unix_ns(*(first - 1)), Timestamp::max()});
}

// Parts may know different prefixes of the columns: a custom measurement gains fields.
ColumnSet widest(const std::vector<ColumnSet>& sets) {
  const auto set = std::max_element(sets.begin(), sets.end(), [](const ColumnSet& a, const ColumnSet& b) {
    return a.columns.size() < b.columns.size();
  });
  ColumnSet out;
  for (const Column& column : set->columns) out.columns.push_back({column.type, {}, {}});
  return out;
}

ColumnSet merge(std::vector<ColumnSet>& sets, Timestamp begin) {
  if (sets.size() == 1) return std::move(sets.front());
  ColumnSet out = widest(sets);
  for (const ColumnSet& set : sets) out.append_all(set);  // In the order of the parts: the later wins.
  out.sort_and_merge();
  keep_one_previous(out, begin);
  return out;
}

Result<ReadAnswer> merge(std::vector<std::optional<Result<ReadAnswer>>>& parts, Timestamp begin, size_t rows_max) {
  ReadAnswer out;
  std::map<std::pair<VmId, std::string>, std::vector<ColumnSet>> series;
  for (auto& part : parts) {
    if (!part->has_value()) return fail(std::move(*part).error());
    for (SeriesRows& rows : (*part)->series) {
      series[{rows.vm, std::move(rows.device)}].push_back(std::move(rows.rows));
    }
    auto& missing = (*part)->missing_parts;
    std::move(missing.begin(), missing.end(), std::back_inserter(out.missing_parts));
  }
  size_t rows = 0;
  for (auto& [key, sets] : series) {
    out.series.push_back({key.first, key.second, merge(sets, begin)});
    rows += out.series.back().rows.rows();
    if (rows > rows_max) return fail(ErrorCode::kResourceExhausted, "more than {} rows; ask for less", rows_max);
  }
  return out;
}

// What the parts of one read share. Each writes its own slot; the last to finish merges, so that no lock is needed.
struct Gathering {
  Gathering(size_t size, Timestamp range_begin, size_t limit, SeriesReader::Done when_done)
      : parts(size), missing(size), begin(range_begin), rows_max(limit), done(std::move(when_done)) {}
  std::vector<std::optional<Result<ReadAnswer>>> parts;
  std::atomic<size_t> missing;
  const Timestamp begin;
  const size_t rows_max;
  const SeriesReader::Done done;

  void take(size_t part, Result<ReadAnswer> answer) {
    parts[part] = std::move(answer);
    if (missing.fetch_sub(1, std::memory_order_acq_rel) == 1) done(merge(parts, begin, rows_max));
  }
};

// Outlives a waiter that gave up, because the reader still holds it.
struct Waiting {
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<Result<ReadAnswer>> answer;
};

}  // namespace

void MergedReader::read(ReadRequest request, Done done) {
  if (parts_.empty()) return done(ReadAnswer{});
  if (parts_.size() == 1) return parts_.front()->read(std::move(request), std::move(done));
  const auto gathering =
      std::make_shared<Gathering>(parts_.size(), request.range.begin, request.rows_max, std::move(done));
  for (size_t part = 0; part < parts_.size(); ++part) {
    parts_[part]->read(request,
                       [gathering, part](Result<ReadAnswer> answer) { gathering->take(part, std::move(answer)); });
  }
}

Result<ReadAnswer> read_and_wait(SeriesReader& reader, ReadRequest request, Duration timeout) {
  const auto waiting = std::make_shared<Waiting>();
  reader.read(std::move(request), [waiting](Result<ReadAnswer> answer) {
    const std::lock_guard lock(waiting->mutex);
    waiting->answer = std::move(answer);
    waiting->ready.notify_one();
  });
  std::unique_lock lock(waiting->mutex);
  if (!waiting->ready.wait_for(lock, timeout, [&] { return waiting->answer.has_value(); })) {
    return fail(ErrorCode::kTimeout, "no answer from the stores within {}", format_duration(timeout));
  }
  return std::move(*waiting->answer);
}

}  // namespace dragonfly
