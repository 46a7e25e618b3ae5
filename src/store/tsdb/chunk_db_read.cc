// The reading half of ChunkDb.
#include <algorithm>
#include <set>

#include "store/tsdb/chunk_db.h"

namespace dragonfly {
namespace {

// Rows that a series may hold before its chunks are merged, beyond what the question may still return: late chunks
// repeat times, so the exact count is known only afterwards.
constexpr size_t kUnmergedRowsMax = 1'000'000;

int64_t minus(int64_t a, int64_t b) {
  int64_t out;
  return __builtin_sub_overflow(a, b, &out) ? INT64_MIN : out;
}

// Of the rows before the range only the last stays.
void keep_one_before(ColumnSet& rows, TimeRange range) {
  const auto at = std::ranges::lower_bound(rows.times_ns, unix_ns(range.begin));
  if (at - rows.times_ns.begin() > 1) rows.keep({from_unix_ns(*(at - 1)), range.end});
}

}  // namespace

// One question on its way through the executor. Whatever becomes of the task, `done` is called once.
class ChunkDb::ReadTask {
 public:
  ReadTask(ChunkDb& db, ReadRequest request, SeriesReader::Done done)
      : db_(db), request_(std::move(request)), done_(std::move(done)) {}
  ReadTask(const ReadTask&) = delete;
  ReadTask& operator=(const ReadTask&) = delete;
  ~ReadTask() {
    if (!answered_)
      finish(fail(ErrorCode::kUnavailable, "the store takes no questions now (too many wait, or it stops)"));
    const std::lock_guard lock(db_.reads_mutex_);
    --db_.reads_running_;
    db_.reads_changed_.notify_all();
  }
  void run() {
    {
      const std::lock_guard lock(db_.reads_mutex_);
      if (db_.reads_closed_) return;
    }
    finish(db_.answer(request_));
  }

 private:
  void finish(Result<ReadAnswer> answer) {
    answered_ = true;
    (answer ? db_.core_.stats.reads : db_.core_.stats.reads_failed).add();
    done_(std::move(answer));
  }
  ChunkDb& db_;
  ReadRequest request_;
  SeriesReader::Done done_;
  bool answered_ = false;
};

void ChunkDb::read(ReadRequest request, SeriesReader::Done done) {
  {
    const std::lock_guard lock(reads_mutex_);
    ++reads_running_;
  }
  auto task = std::make_shared<ReadTask>(*this, std::move(request), std::move(done));
  // Where it is refused the task dies with this function and answers so.
  const bool taken = readers_.post([task] { task->run(); });
  (void)taken;
}

struct ChunkDb::Found {
  std::map<std::string, std::vector<ChunkRows>> series;  // By device.
  size_t rows = 0;
};

Result<ReadAnswer> ChunkDb::answer(const ReadRequest& request) {
  ReadAnswer out;
  if (request.range.begin >= request.range.end) return out;
  ScanSelection selection;
  selection.group = request.group;
  selection.all_devices = request.devices == ReadRequest::Devices::kAll;
  selection.devices = request.device_names;
  if (request.devices == ReadRequest::Devices::kVmOnly) selection.devices = {""};
  std::ranges::sort(selection.devices);
  selection.devices.erase(std::unique(selection.devices.begin(), selection.devices.end()), selection.devices.end());
  const int64_t rows_from = minus(unix_ns(request.range.begin), request.previous_within.count());
  selection.from_ns = minus(rows_from, kHourNs - 1);
  selection.to_ns = unix_ns(request.range.end);

  std::vector<PartitionScan> scans;
  for (auto& partition : core_.partitions.rows_between(selection.from_ns, selection.to_ns))
    scans.emplace_back(std::move(partition));
  const std::set<VmId> vms(request.vms.begin(), request.vms.end());
  size_t rows_left = request.rows_max;
  for (const VmId vm : vms) DF_TRY(read_vm(scans, selection, request, vm, rows_left, out));
  for (const PartitionScan& scan : scans) {
    for (const auto& text : scan.damage()) {
      core_.stats.chunks_damaged.add();
      core_.damage.tell(text, &out.missing_parts);
    }
  }
  return out;
}

Result<> ChunkDb::read_vm(std::vector<PartitionScan>& scans, const ScanSelection& selection, const ReadRequest& request,
                          VmId vm, size_t& rows_left, ReadAnswer& out) {
  Found found;
  const int64_t from_ns = minus(unix_ns(request.range.begin), request.previous_within.count());
  bool too_many = false;
  const auto visit = [&](const ChunkKey& key, std::string_view key_bytes, std::string_view value) {
    if (too_many) return;
    auto chunk = ChunkReader::open(as_bytes(key_bytes), as_bytes(value));
    auto rows = chunk ? rows_within(*chunk, from_ns, selection.to_ns) : Result<ColumnSet>(fail(chunk.error()));
    if (!rows) {
      core_.stats.chunks_damaged.add();
      core_.damage.tell(chunk_text(key) + ": " + rows.error().message, &out.missing_parts);
      return;
    }
    if (rows->empty()) return;
    found.rows += rows->rows();
    too_many = found.rows > kUnmergedRowsMax && found.rows - kUnmergedRowsMax > rows_left;
    found.series[key.device].push_back({key.sequence, std::move(*rows)});
  };
  for (PartitionScan& scan : scans) scan.scan(selection, vm, visit);
  for (auto& [device, parts] : found.series) {
    if (too_many) break;
    SeriesRows series{vm, device, merge_chunks(request.group, parts)};
    keep_one_before(series.rows, request.range);
    too_many = series.rows.rows() > rows_left;
    if (too_many) break;
    rows_left -= series.rows.rows();
    out.series.push_back(std::move(series));
  }
  if (too_many)
    return fail(ErrorCode::kResourceExhausted,
                "the answer has more than {} rows; ask for a shorter range, fewer VMs or fewer devices",
                request.rows_max);
  return {};
}

}  // namespace dragonfly
