#include "model/flow/series_reader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace dragonfly {
namespace {

bool has_values(const Column& column) { return std::ranges::find(column.present, uint8_t{1}) != column.present.end(); }

// Parts may know different prefixes of the columns (a custom measurement gains fields), and give a column that they do
// not know without values, of any type.
ColumnSet columns_of_all(const std::vector<ColumnSet>& sets) {
  ColumnSet out;
  std::vector<bool> known;
  for (const ColumnSet& set : sets) {
    out.columns.resize(std::max(out.columns.size(), set.columns.size()));
    known.resize(out.columns.size());
    for (size_t i = 0; i < set.columns.size(); ++i) {
      if (known[i]) continue;
      out.columns[i].type = set.columns[i].type;
      known[i] = has_values(set.columns[i]);
    }
  }
  return out;
}

ColumnSet merge(std::vector<ColumnSet>& sets, Timestamp begin) {
  if (sets.size() == 1) return std::move(sets.front());
  ColumnSet out = columns_of_all(sets);
  for (ColumnSet& set : sets) {  // In the order of the parts: the later wins.
    for (size_t i = 0; i < set.columns.size(); ++i) {
      if (set.columns[i].type != out.columns[i].type && !has_values(set.columns[i]))
        set.columns[i].type = out.columns[i].type;
    }
    out.append_all(set);
  }
  out.sort_and_merge();
  out.keep_with_previous({begin, Timestamp::max()}, Duration::max());
  return out;
}

Result<ReadAnswer> merge(std::vector<ReadAnswer>& parts, Timestamp begin, size_t rows_max) {
  ReadAnswer out;
  std::map<std::pair<VmId, std::string>, std::vector<ColumnSet>> series;
  for (ReadAnswer& part : parts) {
    for (SeriesRows& rows : part.series) {
      series[{rows.vm, std::move(rows.device)}].push_back(std::move(rows.rows));
    }
    std::ranges::move(part.missing_parts, std::back_inserter(out.missing_parts));
  }
  size_t rows = 0;
  for (auto& [key, sets] : series) {
    out.series.push_back({key.first, key.second, merge(sets, begin)});
    rows += out.series.back().rows.rows();
    if (rows > rows_max) return fail(ErrorCode::kResourceExhausted, "more than {} rows; ask for less", rows_max);
  }
  return out;
}

// One question for rows on its way from part to part, the last first: a row that moves meanwhile, from a later part to an
// earlier one, is met twice rather than never.
class RowChain : public std::enable_shared_from_this<RowChain> {
 public:
  RowChain(const std::vector<SeriesReader*>& parts, ReadRequest request, SeriesReader::Done done)
      : parts_(parts),
        left_(parts.size()),
        request_(std::move(request)),
        done_(std::move(done)),
        answers_(parts.size()) {}

  void ask_next() {
    if (left_ == 0) return done_(merge(answers_, request_.range.begin, request_.rows_max));
    parts_[--left_]->read(request_, [self = shared_from_this()](Result<ReadAnswer> answer) {
      if (!answer) return self->done_(fail(std::move(answer).error()));
      self->answers_[self->left_] = std::move(*answer);
      self->ask_next();
    });
  }

 private:
  const std::vector<SeriesReader*> parts_;
  size_t left_;  // Parts that were not asked yet.
  const ReadRequest request_;
  const SeriesReader::Done done_;
  std::vector<ReadAnswer> answers_;
};

using RangesOf = std::map<VmId, std::vector<TimeRange>>;

// True where it told something new.
bool unite(RangesOf& to, const std::vector<VmRanges>& from) {
  bool grew = false;
  for (const VmRanges& vm : from) {
    auto& ranges = to[vm.vm];
    const auto before = ranges;
    unite(ranges, vm.ranges);
    grew |= !std::ranges::equal(ranges, before,
                                [](TimeRange a, TimeRange b) { return a.begin == b.begin && a.end == b.end; });
  }
  return grew;
}

std::vector<VmRanges> listed(const RangesOf& ranges) {
  std::vector<VmRanges> out;
  for (const auto& [vm, of_vm] : ranges) {
    if (!of_vm.empty()) out.push_back({vm, of_vm});
  }
  return out;
}

// One question for rollups on its way from part to part, the last first.
class RollupChain : public std::enable_shared_from_this<RollupChain> {
 public:
  RollupChain(const std::vector<SeriesReader*>& parts, RollupRequest request, SeriesReader::RollupDone done)
      : parts_(parts), left_(parts.size()), request_(std::move(request)), done_(std::move(done)) {
    unite(excluded_, request_.excluded);
  }

  void ask_next() {
    if (left_ == 0) return finish();
    RollupRequest request = request_;
    request.excluded = listed(excluded_);
    parts_[--left_]->read_rollups(std::move(request), [self = shared_from_this()](Result<RollupAnswer> answer) {
      self->take(std::move(answer));
    });
  }

 private:
  using Key = std::pair<VmId, std::string>;

  void take(Result<RollupAnswer> answer) {
    if (!answer) return done_(fail(std::move(answer).error()));
    unite(uncovered_, answer->uncovered);
    if (unite(excluded_, answer->uncovered) && !series_.empty()) return start_again();
    for (SeriesRollups& one : answer->series) {
      rows_ += one.rows.rows();
      series_.try_emplace(Key{one.vm, std::move(one.device)}, std::move(one.rows));
    }
    std::ranges::move(answer->missing_parts, std::back_inserter(missing_parts_));
    if (rows_ > request_.rows_max)
      return done_(fail(ErrorCode::kResourceExhausted, "more than {} rollups; ask for less", request_.rows_max));
    ask_next();
  }

  // What an earlier one gave may reach into an hour of which this one has newer rows.
  void start_again() {
    series_.clear();
    missing_parts_.clear();
    rows_ = 0;
    left_ = parts_.size();
    ask_next();
  }

  void finish() {
    RollupAnswer out;
    for (auto& [key, rows] : series_) out.series.push_back({key.first, key.second, std::move(rows)});
    out.uncovered = listed(uncovered_);
    out.missing_parts = std::move(missing_parts_);
    done_(std::move(out));
  }

  const std::vector<SeriesReader*> parts_;
  size_t left_;  // Parts that were not asked yet.
  const RollupRequest request_;
  const SeriesReader::RollupDone done_;
  RangesOf excluded_;
  RangesOf uncovered_;
  std::map<Key, ColumnSet> series_;
  std::vector<std::string> missing_parts_;
  size_t rows_ = 0;
};

// Outlives a waiter that gave up, because the reader still holds it.
template <class Answer>
class Rendezvous {
 public:
  void take(Result<Answer> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    changed_.notify_one();
  }
  bool add(const std::function<void()>& work) {
    const std::lock_guard lock(mutex_);
    if (left_) return false;
    work_.push_back(work);
    changed_.notify_one();
    return true;
  }
  // What there is to do meanwhile is done here.
  Result<Answer> wait(Duration timeout, const Cancellation& cancellation) {
    std::unique_lock lock(mutex_);
    while (!answer_) {
      const bool something = changed_.wait_for(lock, timeout, [&] { return answer_ || !work_.empty(); });
      if (!something) return give_up(lock, timeout, cancellation);
      do_work(lock);
    }
    left_ = true;
    return std::move(*answer_);
  }

 private:
  using Lock = std::unique_lock<std::mutex>;  // Of mutex_.

  void do_work(Lock& lock) {
    while (!work_.empty()) {
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }
  // What is cancelled takes no time any more.
  Result<Answer> give_up(Lock& lock, Duration timeout, const Cancellation& cancellation) {
    cancellation.cancel();
    left_ = true;
    do_work(lock);
    return fail(ErrorCode::kTimeout, "no answer from the stores within {}", format_duration(timeout));
  }

  std::mutex mutex_;  // The answer and the work come on threads of the reader's.
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool left_ = false;  // Nobody waits.
  std::optional<Result<Answer>> answer_;
};

// `ask` hands the request and the callback to the reader.
template <class Answer, class Request, class Ask>
Result<Answer> wait_for(Request request, Duration timeout, Waiting waiting, Ask&& ask) {
  if (!request.cancellation.can_cancel()) request.cancellation = Cancellation::make();
  const Cancellation cancellation = request.cancellation;
  const auto rendezvous = std::make_shared<Rendezvous<Answer>>();
  if (waiting == Waiting::kHelps)
    request.helper = [rendezvous](const std::function<void()>& work) { return rendezvous->add(work); };
  ask(std::move(request), [rendezvous](Result<Answer> answer) { rendezvous->take(std::move(answer)); });
  return rendezvous->wait(timeout, cancellation);
}

}  // namespace

void SeriesReader::read_rollups(RollupRequest request, RollupDone done) {
  RollupAnswer out;
  out.uncovered = all_uncovered(request.vms, request.range);
  done(std::move(out));
}

void unite(std::vector<TimeRange>& to, const std::vector<TimeRange>& from) {
  to.insert(to.end(), from.begin(), from.end());
  std::ranges::sort(to, {}, &TimeRange::begin);
  size_t last = 0;
  for (size_t i = 1; i < to.size(); ++i) {
    if (to[i].begin <= to[last].end)
      to[last].end = std::max(to[last].end, to[i].end);
    else
      to[++last] = to[i];
  }
  if (!to.empty()) to.resize(last + 1);
}

std::vector<VmRanges> all_uncovered(const std::vector<VmId>& vms, TimeRange range) {
  std::vector<VmRanges> out;
  if (range.begin >= range.end) return out;
  for (const VmId vm : vms) out.push_back({vm, {range}});
  std::ranges::sort(out, {}, &VmRanges::vm);
  return out;
}

void MergedReader::read(ReadRequest request, Done done) {
  if (parts_.empty()) return done(ReadAnswer{});
  if (parts_.size() == 1) return parts_.front()->read(std::move(request), std::move(done));
  std::make_shared<RowChain>(parts_, std::move(request), std::move(done))->ask_next();
}

void MergedReader::read_rollups(RollupRequest request, RollupDone done) {
  std::make_shared<RollupChain>(parts_, std::move(request), std::move(done))->ask_next();
}

Result<ReadAnswer> read_and_wait(SeriesReader& reader, ReadRequest request, Duration timeout, Waiting waiting) {
  return wait_for<ReadAnswer>(std::move(request), timeout, waiting, [&](ReadRequest asked, SeriesReader::Done done) {
    reader.read(std::move(asked), std::move(done));
  });
}

Result<RollupAnswer> read_rollups_and_wait(SeriesReader& reader, RollupRequest request, Duration timeout,
                                           Waiting waiting) {
  return wait_for<RollupAnswer>(std::move(request), timeout, waiting,
                                [&](RollupRequest asked, SeriesReader::RollupDone done) {
                                  reader.read_rollups(std::move(asked), std::move(done));
                                });
}

}  // namespace dragonfly
