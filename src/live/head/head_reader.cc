// Reads no foreign bytes: rows were checked at the door.
#include "live/head/head_reader.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace dragonfly {
namespace {

SeriesRows decode(Directory& directory, const ReadRequest& request, const Head::CopiedSeries& copy) {
  SeriesRows series{copy.vm, copy.device, columns_for(directory, request.group)};
  ByteReader in(copy.entries);
  while (in.remaining() > 0) {
    const uint16_t length = in.u16();
    const uint64_t boot = in.u64();
    const auto time = static_cast<int64_t>(in.u64());
    series.rows.append_row(from_unix_ns(time), boot, in.bytes(length));
  }
  series.rows.sort_and_merge();
  if (!request.fields.empty()) series.rows.select(request.fields);
  series.rows.keep_with_previous(request.range, request.previous_within);
  return series;
}

// Of each entry only its time.
void add_times(const Head::CopiedSeries& copy, const RollupRequest& request, bool has_counters,
               std::vector<TimeRange>& out) {
  constexpr Duration kHour = std::chrono::hours(1);
  std::vector<TimeRange> hours;
  ByteReader in(copy.entries);
  while (in.remaining() > 0) {
    const uint16_t length = in.u16();
    in.u64();
    const Timestamp time = from_unix_ns(static_cast<int64_t>(in.u64()));
    in.bytes(length);
    TimeRange touched{floor_to(time, kHour), floor_to(has_counters ? time + kCounterGapMax : time, kHour) + kHour};
    touched = {std::max(touched.begin, request.range.begin), std::min(touched.end, request.range.end)};
    if (touched.begin >= touched.end) continue;
    if (hours.empty() || hours.back().begin != touched.begin || hours.back().end != touched.end)
      hours.push_back(touched);
  }
  unite(out, hours);
}

}  // namespace

// One read that waits for several shards.
struct HeadReader::Gathering {
  ReadRequest request;
  std::function<void(const ReadRequest&, Result<Copies>)> done;
  std::mutex mutex;  // Shards answer on their own threads.
  Copies copies;
  size_t rows = 0;
  bool refused = false;
  size_t waiting = 0;

  void answer() {
    if (request.cancellation.cancelled())
      return done(request, fail(ErrorCode::kUnavailable, "nobody waits for the answer any more"));
    if (refused)
      return done(request, fail(ErrorCode::kUnavailable, "the server is too busy to read its newest rows; try again"));
    if (rows > request.rows_max)
      return done(request,
                  fail(ErrorCode::kResourceExhausted,
                       "the question reads more than {} rows; ask for less time or fewer VMs", request.rows_max));
    done(request, std::move(copies));
  }
};

void HeadReader::gather(ReadRequest request, VmRows::Part part,
                        std::function<void(const ReadRequest&, Result<Copies>)> done) {
  std::vector<std::vector<VmId>> by_shard(shards_.size());
  for (const VmId vm : request.vms) {
    const VmEntry* entry = directory_.find_vm(vm);
    const uint32_t shard = entry == nullptr ? ~uint32_t{0} : entry->shard.load();
    if (shard < shards_.size()) by_shard[shard].push_back(vm);
  }
  auto gathering = std::make_shared<Gathering>();
  gathering->request = std::move(request);
  gathering->done = std::move(done);
  gathering->waiting = 1;  // This function itself, so that no early answer ends the gathering.

  const auto finished = [gathering, this](std::vector<Head::CopiedSeries> copies, size_t rows, bool refused) {
    {
      const std::lock_guard lock(gathering->mutex);
      std::ranges::move(copies, std::back_inserter(gathering->copies));
      gathering->rows += rows;
      gathering->refused |= refused;
      if (--gathering->waiting > 0) return;
    }
    const auto others = [this](const std::function<void()>& work) { return workers_.post(work); };
    if (!hand_over(
            gathering->request, [gathering] { gathering->answer(); }, others)) {
      gathering->done(gathering->request,
                      fail(ErrorCode::kUnavailable, "the server answers as many questions as it can; try again"));
    }
  };
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (by_shard[i].empty()) continue;
    {
      const std::lock_guard lock(gathering->mutex);
      ++gathering->waiting;
    }
    const auto copy = [gathering, finished, part, head = shards_[i].head, vms = by_shard[i]] {
      size_t rows = 0;
      auto copies = head->copy(gathering->request, vms, part, rows);
      finished(std::move(copies), rows, false);
    };
    if (!shards_[i].executor->post(copy)) finished({}, 0, true);
  }
  finished({}, 0, false);
}

void HeadReader::read(ReadRequest request, Done done) {
  gather(std::move(request), VmRows::Part::kAll,
         [&directory = directory_, done = std::move(done)](const ReadRequest& asked, Result<Copies> copies) {
           if (!copies) return done(fail(std::move(copies).error()));
           ReadAnswer result;
           for (const auto& copy : *copies) {
             SeriesRows series = decode(directory, asked, copy);
             if (!series.rows.empty()) result.series.push_back(std::move(series));
           }
           std::ranges::sort(result.series, [](const SeriesRows& a, const SeriesRows& b) {
             return std::tie(a.vm, a.device) < std::tie(b.vm, b.device);
           });
           done(std::move(result));
         });
}

void HeadReader::read_rollups(RollupRequest request, RollupDone done) {
  const bool has_counters = std::ranges::count(kinds_of(request.group, request.fields), MetricKind::kCounter) > 0;
  ReadRequest rows;
  static_cast<SeriesSelection&>(rows) = request;
  rows.range = request.range;
  if (has_counters) rows.previous_within = kCounterGapMax;  // A late row before the range changes its first rates.
  rows.rows_max = request.rows_max;
  rows.cancellation = request.cancellation;
  gather(
      std::move(rows), VmRows::Part::kNotStored,
      [request = std::move(request), done = std::move(done), has_counters](const ReadRequest&, Result<Copies> copies) {
        if (!copies) return done(fail(std::move(copies).error()));
        std::map<VmId, std::vector<TimeRange>> uncovered;
        for (const auto& copy : *copies) add_times(copy, request, has_counters, uncovered[copy.vm]);
        RollupAnswer result;
        for (auto& [vm, ranges] : uncovered) {
          if (!ranges.empty()) result.uncovered.push_back({vm, std::move(ranges)});
        }
        done(std::move(result));
      });
}

}  // namespace dragonfly
