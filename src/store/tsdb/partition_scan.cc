#include "store/tsdb/partition_scan.h"

#include <fmt/core.h>

#include <algorithm>

#include "store/tsdb/rocks.h"

namespace dragonfly {
namespace {

constexpr size_t kAfterAllBytes = 16;         // So many 0xff are a key above all others.
constexpr int64_t kStepNs = 600'000'000'000;  // Ten minutes: few attempts an hour; walk_back() finds what lies between.

// The next device to try after one whose successors lie in a damaged block: last byte + 1, or shorter. False at the end.
bool next_device_guess(std::string& device) {
  if (device.empty()) {
    device.push_back(1);
    return true;
  }
  while (!device.empty()) {
    if (static_cast<uint8_t>(device.back()) < 0xff) {
      device.back() = static_cast<char>(static_cast<uint8_t>(device.back()) + 1);
      return true;
    }
    device.pop_back();
  }
  return false;
}

}  // namespace

PartitionScan::PartitionScan(std::shared_ptr<Partition> partition, Cache cache)
    : partition_(std::move(partition)), cache_(cache) {
  open_sources();
}

rocksdb::ReadOptions PartitionScan::read_options() const {
  rocksdb::ReadOptions out;
  out.verify_checksums = true;
  out.fill_cache = cache_ == Cache::kFill;
  return out;
}

void PartitionScan::open_sources() {
  sources_.clear();
  by_file_ = partition_->damaged.load();
  rocksdb::ReadOptions options = read_options();
  // Memory first: what is flushed meanwhile is then read twice rather than never.
  if (by_file_) options.read_tier = rocksdb::kMemtableTier;
  Source first;
  first.name = partition_->text;
  first.iterator.reset(partition_->db.NewIterator(options, partition_->family));
  sources_.push_back(std::move(first));
  if (!by_file_) return;
  for (const auto& path : files_of(partition_->db, partition_->family)) {
    Source source;
    source.name = path;
    source.file = std::make_unique<rocksdb::SstFileReader>(rocksdb::Options{});
    if (const auto status = source.file->Open(path); !status.ok()) {
      damage_.push_back(fmt::format("{}: {} cannot be read: {}", partition_->text, path, status.ToString()));
      continue;
    }
    source.iterator.reset(source.file->NewIterator(read_options()));
    sources_.push_back(std::move(source));
  }
}

void PartitionScan::scan(const ScanSelection& selection, VmId vm, const Visit& visit) {
  if (!by_file_ && !scan_source(sources_.front(), selection, vm, visit)) {
    partition_->damaged = true;
    open_sources();
  }
  if (!by_file_) return;
  for (Source& source : sources_) scan_source(source, selection, vm, visit);
}

bool PartitionScan::scan_source(Source& source, const ScanSelection& selection, VmId vm, const Visit& visit) {
  if (selection.all_devices) return scan_from(source, selection, vm, "", visit);
  for (const auto& device : selection.devices) {
    if (!scan_from(source, selection, vm, device, visit)) return false;
  }
  return true;
}

bool PartitionScan::scan_from(Source& source, const ScanSelection& selection, VmId vm, std::string device,
                              const Visit& visit) {
  rocksdb::Iterator& it = *source.iterator;
  const std::string prefix = vm_prefix(selection.group, vm);
  int64_t at_ns = selection.from_ns;
  it.Seek(seek_key(selection.group, vm, device, at_ns));
  while (true) {
    if (!it.Valid()) {
      if (it.status().ok()) return true;
      tell(source);
      if (!by_file_) return false;
      if (!step_over(source, selection, vm, device, at_ns)) return source.bad_seeks < kBadSeeksMax;
      continue;
    }
    const std::string_view bytes = it.key().ToStringView();
    if (!bytes.starts_with(prefix)) return true;
    const auto key = decode_chunk_key(bytes);
    if (!key) {  // Of a later version.
      it.Next();
      continue;
    }
    if (key->device != device) {
      if (!selection.all_devices) return true;
      device = key->device;
      at_ns = selection.from_ns;
    }
    if (key->start_ns < selection.from_ns) {
      it.Seek(seek_key(selection.group, vm, device, selection.from_ns));
    } else if (key->start_ns >= selection.to_ns) {
      if (!selection.all_devices) return true;
      it.Seek(after_series(selection.group, vm, device));
    } else {
      at_ns = key->start_ns;
      visit(*key, bytes, it.value().ToStringView());
      it.Next();
    }
  }
}

std::set<PartitionScan::VmKey> PartitionScan::list_vms(VmKey from) {
  std::set<VmKey> out;
  if (!by_file_) {
    list_source(sources_.front(), from, out);
    if (sources_.front().iterator->status().ok()) return out;
    partition_->damaged = true;
    open_sources();
  }
  for (Source& source : sources_) list_source(source, from, out);
  return out;
}

void PartitionScan::list_source(Source& source, VmKey from, std::set<VmKey>& out) {
  rocksdb::Iterator& it = *source.iterator;
  const auto next_vm = [](VmKey key) { return VmKey{key.first, VmId{static_cast<uint32_t>(key.second) + 1}}; };
  it.Seek(vm_prefix(from.first, from.second));
  while (true) {
    if (!it.Valid()) {
      if (it.status().ok()) return;
      tell(source);
      if (!by_file_ || !step_over_vms(source, from)) return;
      continue;
    }
    const auto key = decode_chunk_key(it.key().ToStringView());
    if (!key) {  // Of a later version.
      it.Next();
      continue;
    }
    out.emplace(key->group, key->vm);
    if (key->vm == VmId{UINT32_MAX}) return;
    from = next_vm({key->group, key->vm});
    it.Seek(vm_prefix(from.first, from.second));
  }
}

// Finds the first readable chunk after the damage that begins at `at`: ever further VMs, then ever further groups.
bool PartitionScan::step_over_vms(Source& source, VmKey at) {
  const std::string above = vm_prefix(at.first, at.second);
  const auto group = static_cast<uint64_t>(at.first);
  const auto vm = static_cast<uint64_t>(at.second);
  for (uint64_t step = 1; vm + step <= UINT32_MAX; step += (step + 7) / 8) {
    if (try_seek(source, vm_prefix(at.first, VmId{static_cast<uint32_t>(vm + step)}))) return walk_back(source, above);
  }
  for (uint64_t step = 1; group + step <= UINT32_MAX; step *= 2) {
    if (try_seek(source, vm_prefix(GroupId{static_cast<uint32_t>(group + step)}, VmId::kNone)))
      return walk_back(source, above);
  }
  return false;
}

// Finds the first readable chunk after the damage that lies at or after (device, at_ns).
bool PartitionScan::step_over(Source& source, const ScanSelection& selection, VmId vm, std::string device,
                              int64_t at_ns) {
  if (++source.bad_seeks >= kBadSeeksMax) return false;
  const std::string above = seek_key(selection.group, vm, device, at_ns);
  const int64_t last_ns = std::min(selection.to_ns, partition_->name.end_ns());
  for (int64_t next_ns = std::max(at_ns, partition_->name.begin_ns()); next_ns < last_ns;) {
    next_ns = std::min(next_ns + kStepNs, last_ns);
    if (try_seek(source, seek_key(selection.group, vm, device, next_ns))) return walk_back(source, above);
  }
  while (selection.all_devices && source.bad_seeks < kBadSeeksMax && next_device_guess(device)) {
    if (try_seek(source, series_prefix(selection.group, vm, device))) return walk_back(source, above);
  }
  return false;
}

bool PartitionScan::try_seek(Source& source, const std::string& key) {
  if (source.bad_seeks >= kBadSeeksMax) return false;
  source.iterator->Seek(key);
  if (source.iterator->Valid() || source.iterator->status().ok()) return true;
  ++source.bad_seeks;
  return false;
}

// From a readable chunk, or the end, back to the first chunk after the damage. True, as what called it.
bool PartitionScan::walk_back(Source& source, const std::string& above) {
  rocksdb::Iterator& it = *source.iterator;
  if (!it.Valid()) it.SeekToLast();
  std::string first(kAfterAllBytes, '\xff');
  for (; it.Valid() && it.key().ToStringView() > above; it.Prev()) first = it.key().ToString();
  it.Seek(first);
  return true;
}

void PartitionScan::tell(Source& source) {
  if (source.told || !by_file_) return;
  source.told = true;
  damage_.push_back(fmt::format("{}: {} holds a damaged block: {}", partition_->text, source.name,
                                source.iterator->status().ToString()));
}

}  // namespace dragonfly
