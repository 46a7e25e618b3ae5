// The reading half of ChunkDb.
#include <algorithm>
#include <set>

#include "store/tsdb/chunk_db.h"
#include "store/tsdb/rollup_read.h"

namespace dragonfly {
namespace {

// Rows that a series may hold before its chunks are merged, beyond what the question may still return: late chunks
// repeat times, so the exact count is known only afterwards.
constexpr size_t kUnmergedRowsMax = 1'000'000;

int64_t minus(int64_t a, int64_t b) {
  int64_t out;
  return __builtin_sub_overflow(a, b, &out) ? INT64_MIN : out;
}

ScanSelection selection_of(const SeriesSelection& asked) {
  ScanSelection out;
  out.group = asked.group;
  out.all_devices = asked.devices == SeriesSelection::Devices::kAll;
  out.devices = asked.device_names;
  if (asked.devices == SeriesSelection::Devices::kVmOnly) out.devices = {""};
  std::ranges::sort(out.devices);
  out.devices.erase(std::unique(out.devices.begin(), out.devices.end()), out.devices.end());
  return out;
}

// Whether a counter has no value before the range.
bool lacks_previous(const ColumnSet& rows, std::span<const MetricKind> kinds, int64_t begin_ns) {
  const auto begin = std::ranges::lower_bound(rows.times_ns, begin_ns) - rows.times_ns.begin();
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const auto& present = rows.columns[i].present;
    const auto end = present.begin() + begin;
    if (kinds[i] == MetricKind::kCounter && std::find(present.begin(), end, uint8_t{1}) == end) return true;
  }
  return false;
}

}  // namespace

// One question on its way through the executor. Whatever becomes of the task, `done` is called once.
template <class Request, class Answer>
class ChunkDb::ReadTask {
 public:
  using Done = std::function<void(Result<Answer>)>;
  ReadTask(ChunkDb& db, Request request, Done done) : db_(db), request_(std::move(request)), done_(std::move(done)) {}
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
  void finish(Result<Answer> answer) {
    answered_ = true;
    (answer ? db_.core_.stats.reads : db_.core_.stats.reads_failed).add();
    done_(std::move(answer));
  }
  ChunkDb& db_;
  Request request_;
  Done done_;
  bool answered_ = false;
};

template <class Request, class Answer>
void ChunkDb::post(Request request, std::function<void(Result<Answer>)> done) {
  {
    const std::lock_guard lock(reads_mutex_);
    ++reads_running_;
  }
  SeriesSelection selection;  // Of who waits; the rest is the task's.
  selection.helper = request.helper;
  auto task = std::make_shared<ReadTask<Request, Answer>>(*this, std::move(request), std::move(done));
  // Where it is refused the task dies with this function and answers so.
  const auto others = [this](const std::function<void()>& work) { return readers_.post(work); };
  const bool taken = hand_over(
      selection, [task] { task->run(); }, others);
  (void)taken;
}

void ChunkDb::read(ReadRequest request, SeriesReader::Done done) {
  post<ReadRequest, ReadAnswer>(std::move(request), std::move(done));
}

void ChunkDb::read_rollups(RollupRequest request, SeriesReader::RollupDone done) {
  post<RollupRequest, RollupAnswer>(std::move(request), std::move(done));
}

Result<RollupAnswer> ChunkDb::answer(const RollupRequest& request) {
  return RollupRead(core_, request, selection_of(request)).run();
}

struct ChunkDb::RowRead {
  const ReadRequest& request;
  ScanSelection selection;  // Chunks that may hold rows of the range or, with counters, rows before it.
  int64_t near_ns = 0;  // Those that begin earlier are decoded only where nearer ones do not tell what counters were.
  std::vector<size_t> columns;
  std::vector<MetricKind> kinds;
  std::vector<PartitionScan> scans;
  int64_t rows_from_ns = 0;
  size_t rows_left = 0;
};

Result<ReadAnswer> ChunkDb::answer(const ReadRequest& request) {
  ReadAnswer out;
  if (request.range.begin >= request.range.end) return out;
  RowRead read{request, selection_of(request), 0, {request.fields.begin(), request.fields.end()}, {}, {}};
  read.kinds = request.fields.empty() ? kinds_of(request.group, kFieldsMax) : kinds_of(request.group, request.fields);
  const bool counters = std::ranges::count(read.kinds, MetricKind::kCounter) > 0;
  const int64_t begin_ns = unix_ns(request.range.begin);
  read.rows_from_ns = minus(begin_ns, request.previous_within.count());
  read.selection.from_ns = minus(read.rows_from_ns, kHourNs - 1);
  read.selection.to_ns = unix_ns(request.range.end);
  read.near_ns = std::max(read.selection.from_ns, minus(begin_ns, kHourNs));
  if (!counters) read.selection.from_ns = read.near_ns;
  read.rows_left = request.rows_max;
  for (auto& partition : core_.partitions.rows_between(read.selection.from_ns, read.selection.to_ns))
    read.scans.emplace_back(std::move(partition));
  const std::set<VmId> vms(request.vms.begin(), request.vms.end());
  for (const VmId vm : vms) {
    if (request.cancellation.cancelled()) return fail(ErrorCode::kUnavailable, "nobody waits for the answer any more");
    DF_TRY(read_vm(read, vm, out));
  }
  for (const PartitionScan& scan : read.scans) {
    for (const auto& text : scan.damage()) {
      core_.stats.chunks_damaged.add();
      core_.damage.tell(text, &out.missing_parts);
    }
  }
  return out;
}

// Adds to the parts of each device the chunks that begin at `decode_from_ns` or later; of devices that have earlier ones only
// an empty list. False where they are too many.
bool ChunkDb::scan_vm(RowRead& read, const ScanSelection& selection, int64_t decode_from_ns, VmId vm, FoundParts& parts,
                      std::vector<std::string>& missing) {
  size_t rows_found = 0;
  bool too_many = false;
  const auto visit = [&](const ChunkKey& key, std::string_view key_bytes, std::string_view value) {
    if (too_many) return;
    auto& of_device = parts[key.device];
    if (key.start_ns < decode_from_ns) return;
    auto chunk = ChunkReader::open(as_bytes(key_bytes), as_bytes(value));
    auto rows = chunk ? rows_within(*chunk, read.columns, read.rows_from_ns, read.selection.to_ns)
                      : Result<ColumnSet>(fail(chunk.error()));
    if (!rows) {
      core_.stats.chunks_damaged.add();
      core_.damage.tell(chunk_text(key) + ": " + rows.error().message, &missing);
      return;
    }
    if (rows->empty()) return;
    rows_found += rows->rows();
    too_many = rows_found > kUnmergedRowsMax && rows_found - kUnmergedRowsMax > read.rows_left;
    of_device.push_back({key.sequence, std::move(*rows)});
  };
  for (PartitionScan& scan : read.scans) scan.scan(selection, vm, visit);
  return !too_many;
}

// Where some counter has no value shortly before the range: what it was before that.
ColumnSet ChunkDb::with_earlier(RowRead& read, VmId vm, const std::string& device, ColumnSet rows,
                                std::vector<std::string>& missing) {
  ScanSelection earlier = read.selection;
  earlier.all_devices = false;
  earlier.devices = {device};
  earlier.to_ns = read.near_ns;
  FoundParts parts;
  if (!scan_vm(read, earlier, earlier.from_ns, vm, parts, missing) || parts.empty()) return rows;
  auto& of_device = parts[device];
  of_device.push_back({UINT64_MAX, std::move(rows)});  // Merged already; it is apart from the others.
  return merge_chunks(read.request.group, read.columns, of_device);
}

Result<> ChunkDb::read_vm(RowRead& read, VmId vm, ReadAnswer& out) {
  FoundParts found;
  ScanSelection selection = read.selection;
  const bool look_earlier = selection.from_ns < read.near_ns;
  // Devices that are named need no scan to be known.
  if (!selection.all_devices) selection.from_ns = read.near_ns;
  bool too_many = !scan_vm(read, selection, read.near_ns, vm, found, out.missing_parts);
  if (look_earlier && !selection.all_devices) {
    for (const auto& device : selection.devices) found[device];
  }
  const TimeRange range = read.request.range;
  for (auto& [device, parts] : found) {
    if (too_many) break;
    SeriesRows series{vm, device, merge_chunks(read.request.group, read.columns, parts)};
    if (look_earlier && (series.rows.columns.empty() || lacks_previous(series.rows, read.kinds, unix_ns(range.begin))))
      series.rows = with_earlier(read, vm, device, std::move(series.rows), out.missing_parts);
    series.rows.keep_with_previous(range, read.request.previous_within);
    if (series.rows.empty()) continue;
    too_many = series.rows.rows() > read.rows_left;
    if (too_many) break;
    read.rows_left -= series.rows.rows();
    out.series.push_back(std::move(series));
  }
  if (too_many)
    return fail(ErrorCode::kResourceExhausted,
                "the answer has more than {} rows; ask for a shorter range, fewer VMs or fewer devices",
                read.request.rows_max);
  return {};
}

}  // namespace dragonfly
