// Reads no foreign bytes: rows were checked at the door.
#include "live/head/head_reader.h"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace dragonfly {
namespace {

// One read that waits for several shards.
struct Gathering {
  ReadRequest request;
  SeriesReader::Done done;
  std::mutex mutex;  // Shards answer on their own threads.
  std::vector<Head::CopiedSeries> copies;
  size_t rows = 0;
  bool refused = false;
  size_t waiting = 0;
};

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
  series.rows.keep_with_previous(request.range, request.previous_within);
  return series;
}

void answer(Directory& directory, Gathering& gathering) {
  if (gathering.refused) {
    return gathering.done(fail(ErrorCode::kUnavailable, "the server is too busy to read its newest rows; try again"));
  }
  if (gathering.rows > gathering.request.rows_max) {
    return gathering.done(fail(ErrorCode::kResourceExhausted,
                               "the question reads more than {} rows; ask for less time or fewer VMs",
                               gathering.request.rows_max));
  }
  ReadAnswer result;
  for (const auto& copy : gathering.copies) {
    SeriesRows series = decode(directory, gathering.request, copy);
    if (!series.rows.empty()) result.series.push_back(std::move(series));
  }
  std::ranges::sort(result.series, [](const SeriesRows& a, const SeriesRows& b) {
    return std::tie(a.vm, a.device) < std::tie(b.vm, b.device);
  });
  gathering.done(std::move(result));
}

}  // namespace

void HeadReader::read(ReadRequest request, Done done) {
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
    const auto task = [gathering, &directory = directory_] { answer(directory, *gathering); };
    if (!workers_.post(task)) {
      gathering->done(fail(ErrorCode::kUnavailable, "the server answers as many questions as it can; try again"));
    }
  };
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (by_shard[i].empty()) continue;
    {
      const std::lock_guard lock(gathering->mutex);
      ++gathering->waiting;
    }
    const auto copy = [gathering, finished, head = shards_[i].head, vms = by_shard[i]] {
      size_t rows = 0;
      auto copies = head->copy(gathering->request, vms, rows);
      finished(std::move(copies), rows, false);
    };
    if (!shards_[i].executor->post(copy)) finished({}, 0, true);
  }
  finished({}, 0, false);
}

}  // namespace dragonfly
