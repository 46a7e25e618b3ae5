#include "live/head/head.h"

#include <algorithm>
#include <set>

#include "base/core/fetch.h"
#include "live/head/vm_head.h"

namespace dragonfly {
namespace {

// A tick is a tenth of a second: each VM is looked at once a second.
constexpr size_t kTicksPerRound = 10;
// 256 VMs of 30 ticks each keep a turn well below 10 ms.
constexpr size_t kSealsPerTurnMax = 256;
constexpr size_t kSpareColumnsMax = 256;  // A group.
constexpr size_t kSpareRowsMax = 64;
constexpr int64_t kHurry = 8;  // From half of not_stored_max on.
constexpr int64_t kHurryFull = 32;

}  // namespace

ColumnSet columns_for(Directory& directory, GroupId group) {
  if (is_catalogue_group(group)) return ColumnSet::for_group(group);
  std::vector<ValueType> types;
  if (const auto measurement = directory.find_measurement(group)) {
    for (const auto& field : measurement->fields) types.push_back(field.type);
  }
  return ColumnSet::for_types(types);
}

Head::Head(const HeadOptions& options, Directory& directory, ChunkStore& store, Executor& shard, StreamHub& hub,
           HeadStats& stats)
    : options_(options), directory_(directory), store_(store), shard_(shard), hub_(hub), stats_(stats) {}

Head::~Head() { *alive_ = false; }

template <class Change>
void Head::change(VmRows& rows, Change&& change) {
  not_stored_bytes_ -= rows.not_stored_bytes();
  change();
  not_stored_bytes_ += rows.not_stored_bytes();
}

Head::VmHead& Head::head_of(VmEntry& vm) {
  const auto index = static_cast<size_t>(vm.id);
  if (index >= heads_.size()) heads_.resize(index + 1);
  auto& slot = heads_[index];
  if (!slot) {
    slot = std::make_unique<VmHead>(vm);
    order_.push_back(slot.get());
  }
  return *slot;
}

Head::VmHead* Head::find_head(VmId vm) const {
  const auto index = static_cast<size_t>(vm);
  return index < heads_.size() ? heads_[index].get() : nullptr;
}

void Head::fetch_vm(const VmEntry& vm) const {
  if (const VmHead* const head = find_head(vm.id)) fetch(*head);
}

void Head::fetch_rows(const VmEntry& vm) const {
  if (const VmHead* const head = find_head(vm.id)) head->rows.fetch_end();
}

template <class Take>
void Head::visit_rows(const RowsRecord& record, const KnownDictionary* dictionary, Take&& take) {
  const uint64_t boot = dictionary != nullptr ? dictionary->boot_number : 0;
  RowBlockReader reader(record.row_block);
  size_t hint = 0;
  while (const auto row = reader.next()) {
    const std::string_view device = dictionary != nullptr ? dictionary->device(row->device) : std::string_view{};
    if (row->device != 0 && device.empty()) {
      stats_.rows_unknown_device.add();
      continue;
    }
    take(*row, device, boot, hint++);
  }
}

void Head::apply(const RowsRecord& record, VmEntry& vm, const KnownDictionary* dictionary, LogPosition position) {
  VmHead& head = head_of(vm);
  visit_rows(record, dictionary, [&](const RowView& row, std::string_view device, uint64_t boot, size_t hint) {
    take_row(head, row, device, boot, position, hint);
    if (hub_.wanted()) {
      hub_.publish(std::make_shared<RowEvent>(RowEvent{&head.vm, row.group, std::string(device), row.time, boot,
                                                       Bytes(row.fields.begin(), row.fields.end())}));
    }
  });
}

void Head::restore(const RowsRecord& record, VmEntry& vm, const KnownDictionary* dictionary, LogPosition position) {
  VmHead& head = head_of(vm);
  visit_rows(record, dictionary, [&](const RowView& row, std::string_view device, uint64_t boot, size_t hint) {
    const auto series = head.rows.series_of(row.group, device, hint);
    if (!series) return stats_.rows_over_series_max.add();
    append(head, *series, row, boot, position);
    stats_.rows_recovered.add();
  });
}

void Head::append(VmHead& head, uint16_t series, const RowView& row, uint64_t boot, LogPosition position) {
  if (!head.rows.has_unsealed()) head.first_unsealed = now_;
  change(head.rows, [&] { head.rows.append(series, row.time, boot, row.fields, position); });
  const int64_t time = unix_ns(row.time);
  head.rows.series(series).newest_ns = std::max(head.rows.series(series).newest_ns, time);
  if (time > head.vm.last_row_ns.load(std::memory_order_relaxed)) head.vm.last_row_ns = time;
}

void Head::take_row(VmHead& head, const RowView& row, std::string_view device, uint64_t boot, LogPosition position,
                    size_t hint) {
  const auto series = head.rows.series_of(row.group, device, hint);
  if (!series) return stats_.rows_over_series_max.add();
  if (unix_ns(row.time) > head.rows.series(*series).newest_ns) {
    append(head, *series, row, boot, position);
    return stats_.rows_stored.add();
  }
  const auto late = head.late.series_of(row.group, device, *series);
  if (!late) return stats_.rows_over_series_max.add();
  if (!head.late.has_unsealed()) head.first_late = now_;
  change(head.late, [&] { head.late.append(*late, row.time, boot, row.fields, position); });
  stats_.rows_pending.add(1);
}

bool Head::seal_is_due(const VmHead& head, MonotonicTime now) const {
  if (!head.rows.has_unsealed() || head.rows.sealing()) return false;
  if (head.rows.unsealed_bytes() >= options_.vm_bytes_max) return true;
  // Multiplied by a large odd number, neighbouring ids fall far apart.
  const uint64_t share = (static_cast<uint64_t>(head.vm.id) * 0x9e3779b97f4a7c15u) >> 44;  // 20 bits.
  const Duration spread(options_.seal_spread.count() / (1 << 20) * static_cast<int64_t>(share));
  const int64_t hurry = is_full() ? kHurryFull : not_stored_bytes_ >= options_.not_stored_max / 2 ? kHurry : 1;
  return now - head.first_unsealed >= (options_.seal_after_min + spread) / hurry;
}

void Head::start_seal(VmHead& head, std::vector<SealedRows>& batch) {
  head.rows.start_sealing();
  stats_.seals.add();
  auto series = columns_of(head);
  std::ranges::move(series, std::back_inserter(batch));
}

ColumnSet Head::empty_columns(GroupId group) {
  if (!is_catalogue_group(group)) return columns_for(directory_, group);
  auto& spare = spare_columns_[static_cast<size_t>(group)];
  if (spare.empty()) return ColumnSet::for_group(group);
  ColumnSet out = std::move(spare.back());
  spare.pop_back();
  return out;
}

void Head::keep_memory(std::vector<SealedRows>& batch) {
  for (SealedRows& series : batch) {
    if (!is_catalogue_group(series.group) || series.rows.times_ns.capacity() > kSpareRowsMax) continue;
    auto& spare = spare_columns_[static_cast<size_t>(series.group)];
    if (spare.size() >= kSpareColumnsMax) continue;
    series.rows.clear();
    spare.push_back(std::move(series.rows));
  }
}

// The rows that are being sealed, series by series.
std::vector<SealedRows> Head::columns_of(const VmHead& head) {
  // Counted first: a column that grows row by row costs as much as its values.
  const VmRows::Series* const first = head.rows.all_series().data();
  std::vector<size_t> counts(head.rows.all_series().size());
  head.rows.visit(VmRows::Part::kSealing,
                  [&](const VmRows::Entry& entry) { ++counts[static_cast<size_t>(entry.series - first)]; });
  std::vector<SealedRows> out;
  struct Place {
    size_t series = 0;  // In `out`.
    size_t rows = 0;    // So many are there.
  };
  std::vector<Place> places(counts.size());
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const VmRows::Series& series = first[i];
    places[i].series = out.size();
    out.push_back({head.vm.id, series.group, series.device, empty_columns(series.group), false});
    out.back().rows.resize(counts[i]);
  }
  head.rows.visit(VmRows::Part::kSealing, [&](const VmRows::Entry& entry) {
    Place& place = places[static_cast<size_t>(entry.series - first)];
    if (out[place.series].rows.set_row(place.rows, entry.time, entry.boot, entry.fields)) ++place.rows;
  });
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    ColumnSet& rows = out[places[i].series].rows;
    rows.resize(places[i].rows);
    rows.sort_and_merge();
  }
  return out;
}

void Head::tick(MonotonicTime now) {
  now_ = now;
  const size_t slice = std::min(order_.size(), order_.size() / kTicksPerRound + 1);
  std::vector<SealedRows> batch;
  std::vector<VmHead*> sealed;
  for (size_t i = 0; i < slice && sealed.size() < kSealsPerTurnMax; ++i) {
    VmHead& head = *order_[next_in_order_];
    next_in_order_ = (next_in_order_ + 1) % order_.size();
    if (seal_is_due(head, now)) {
      start_seal(head, batch);
      sealed.push_back(&head);
    }
    if (head.late.has_unsealed() && !head.late.sealing() && now - head.first_late >= options_.late_after) {
      start_late_seal(head);
    }
  }
  if (sealed.empty()) return;
  // In the order of the store's keys, in which it takes them with the least search.
  std::ranges::stable_sort(batch, {}, [](const SealedRows& series) { return std::pair(series.group, series.vm); });
  send(std::move(batch), std::move(sealed));
}

void Head::send(std::vector<SealedRows> batch, std::vector<VmHead*> heads) {
  const auto finish = [this, heads](bool stored) {
    for (VmHead* head : heads) {
      if (stored) {
        change(head->rows, [&] { head->rows.finish_sealing(from_unix_ns(head->vm.last_row_ns) - options_.keep); });
      } else {
        head->rows.abort_sealing();
        head->first_unsealed = now_;  // Not at once again.
        stats_.seals_refused.add();
      }
    }
  };
  const auto done = [this, finish, alive = alive_, &shard = shard_](const Result<SealOutcome>& outcome,
                                                                    std::vector<SealedRows> emptied) {
    const bool stored = outcome.has_value();
    // Refused only when the shard stops; the rows are in the log then, and replayed at the next start.
    (void)shard.post([this, finish, alive, stored, emptied = std::move(emptied)]() mutable {
      if (!*alive) return;
      finish(stored);
      keep_memory(emptied);
    });
  };
  if (!store_.append(std::move(batch), done)) finish(false);
}

void Head::start_late_seal(VmHead& head) {
  // What came twice while its first copy is still in the head is a duplicate, and is known here only.
  std::set<std::tuple<GroupId, std::string, int64_t, std::string>> here;
  std::set<int64_t> late_times;
  head.late.start_sealing();
  head.late.visit(VmRows::Part::kSealing, [&](const auto& entry) { late_times.insert(unix_ns(entry.time)); });
  head.rows.visit(VmRows::Part::kAll, [&](const VmRows::Entry& entry) {
    if (!late_times.contains(unix_ns(entry.time))) return;
    here.emplace(entry.series->group, entry.series->device, unix_ns(entry.time), std::string(as_text(entry.fields)));
  });
  std::vector<SealedRows> batch;
  uint64_t rows = 0;
  uint64_t duplicates = 0;
  head.late.visit(VmRows::Part::kSealing, [&](const VmRows::Entry& entry) {
    ++rows;
    if (here.contains(
            {entry.series->group, entry.series->device, unix_ns(entry.time), std::string(as_text(entry.fields))})) {
      ++duplicates;
      return;
    }
    const auto same = [&](const SealedRows& s) {
      return s.group == entry.series->group && s.device == entry.series->device;
    };
    auto at = std::ranges::find_if(batch, same);
    if (at == batch.end()) {
      batch.push_back(
          {head.vm.id, entry.series->group, entry.series->device, columns_for(directory_, entry.series->group), true});
      at = batch.end() - 1;
    }
    at->rows.append_row(entry.time, entry.boot, entry.fields);
  });
  for (SealedRows& series : batch) duplicates += series.rows.sort_and_merge();

  const auto finish = [this, &head, rows, duplicates](const Result<SealOutcome>& outcome) {
    if (!outcome) {
      head.late.abort_sealing();
      head.first_late = now_;
      stats_.seals_refused.add();
      return;
    }
    change(head.late, [&] { head.late.finish_sealing(Timestamp::max()); });
    const uint64_t again = duplicates + outcome->rows_duplicate;
    stats_.rows_pending.add(-static_cast<int64_t>(rows));
    stats_.rows_duplicate.add(again);
    stats_.rows_stored.add(rows - again);
  };
  if (batch.empty()) return finish(SealOutcome{});
  const auto done = [finish, alive = alive_, &shard = shard_](const Result<SealOutcome>& outcome,
                                                              const std::vector<SealedRows>&) {
    (void)shard.post([finish, alive, outcome] {
      if (*alive) finish(outcome);
    });
  };
  if (!store_.append(std::move(batch), done)) finish(fail(ErrorCode::kUnavailable, "the store's queue is full"));
}

std::optional<LogPosition> Head::oldest_unsealed() const {
  std::optional<LogPosition> oldest;
  const auto take = [&](std::optional<LogPosition> position) {
    if (position && (!oldest || *position < *oldest)) oldest = position;
  };
  for (const VmHead* head : order_) {
    take(head->rows.oldest_position());
    take(head->late.oldest_position());
  }
  return oldest;
}

std::vector<Head::CopiedSeries> Head::copy(const ReadRequest& request, const std::vector<VmId>& vms, VmRows::Part part,
                                           size_t& rows) const {
  const Timestamp from = request.range.begin - request.previous_within;
  std::vector<CopiedSeries> out;
  for (const VmId vm : vms) {
    const VmHead* const found = find_head(vm);
    if (found == nullptr) continue;
    const size_t first = out.size();
    const auto take = [&](const VmRows::Entry& entry) {
      if (entry.series->group != request.group || entry.time < from || entry.time >= request.range.end) return;
      const std::string& device = entry.series->device;
      if (request.devices == ReadRequest::Devices::kVmOnly && !device.empty()) return;
      if (request.devices == ReadRequest::Devices::kNamed && std::ranges::count(request.device_names, device) == 0)
        return;
      if (++rows > request.rows_max) return;
      auto at = std::find_if(out.begin() + static_cast<ptrdiff_t>(first), out.end(),
                             [&](const CopiedSeries& series) { return series.device == device; });
      if (at == out.end()) at = out.insert(out.end(), CopiedSeries{vm, device, {}});
      ByteWriter writer(at->entries);
      writer.u16(static_cast<uint16_t>(entry.fields.size()));
      writer.u64(entry.boot);
      writer.u64(static_cast<uint64_t>(unix_ns(entry.time)));
      writer.bytes(entry.fields);
    };
    found->rows.visit(part, take);
    found->late.visit(part, take);
    if (rows > request.rows_max) break;
  }
  return out;
}

size_t Head::memory_bytes() const {
  size_t bytes = 0;
  for (const VmHead* head : order_) bytes += sizeof(VmHead) + head->rows.memory_bytes() + head->late.memory_bytes();
  return bytes;
}

}  // namespace dragonfly
