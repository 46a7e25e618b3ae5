#include "edge/probe/linux/disk.h"

#include "edge/probe/linux/text.h"

namespace dragonfly::linux_probe {
namespace {

enum Kind : int { kNotCounted = 0, kCounted = 1 };

// Made of memory, of files, of other devices, or optical.
constexpr std::string_view kNever[] = {"loop", "ram", "zram", "dm-", "md", "sr", "scd", "zd", "bcache", "drbd"};

// True where `name` is `prefix` and a number.
bool is_numbered(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return false;
  name.remove_prefix(prefix.size());
  return std::all_of(name.begin(), name.end(), is_digit);
}

// nvme<i>c<j>n<k>: one path of a multipath namespace; nvme<i>n<k> counts for all of them.
bool is_nvme_path(std::string_view name) {
  if (!name.starts_with("nvme")) return false;
  const size_t controller = name.find('c');
  return controller != std::string_view::npos && name.find('n', controller) != std::string_view::npos;
}

}  // namespace

std::optional<DiskLine> parse_disk_line(std::string_view line) {
  DiskLine disk;
  const auto major = take_u64(line);
  const auto minor = take_u64(line);
  disk.name = take_word(line);
  if (!major || !minor || disk.name.empty()) return std::nullopt;
  std::array<uint64_t, 8> columns{};
  for (uint64_t& column : columns) {
    const auto value = take_u64(line);
    if (!value) return std::nullopt;
    column = *value;
  }
  // reads, merged, sectors, ms; then the same of writes. A sector has 512 bytes, whatever the disk's own.
  disk.counters = {columns[2] / 2, columns[6] / 2, columns[0], columns[4], columns[3], columns[7]};
  return disk;
}

bool is_never_a_disk(std::string_view name) {
  const auto numbered = [name](std::string_view prefix) { return is_numbered(name, prefix); };
  return std::any_of(std::begin(kNever), std::end(kNever), numbered) || name.starts_with("md_") || is_nvme_path(name);
}

std::string_view name_of_whole(std::string_view name) {
  std::string_view base = name;
  while (!base.empty() && is_digit(base.back())) base.remove_suffix(1);
  if (base.size() == name.size() || base.empty()) return {};
  // A disk whose name ends with a digit has a "p" before the partition's number.
  if (base.size() > 2 && base.back() == 'p' && is_digit(base[base.size() - 2])) base.remove_suffix(1);
  return base;
}

bool DiskProbe::is_whole_disk(Root& root, const std::string& name) {
  if (is_never_a_disk(name)) return false;
  if (!root.exists("sys/block")) {
    const std::string_view whole = name_of_whole(name);
    const auto& devices = table_.devices();
    return std::none_of(devices.begin(), devices.end(), [&](const auto& device) { return device.name == whole; });
  }
  std::string directory = "sys/block/" + name;
  std::replace(directory.begin() + 10, directory.end(), '/', '!');  // "cciss/c0d0"
  // Partitions are below their disk there, not beside it.
  if (!root.exists(directory) || root.exists(directory + "/partition")) return false;
  if (root.directory_has_entries(directory + "/slaves")) return false;
  const auto media = root.read_optional(directory + "/device/media");  // Of IDE, where a disc's drive is "hdc" too.
  if (media && trim(*media) == "cdrom") return false;
  const auto hidden = root.read_optional(directory + "/hidden");
  return !hidden || trim(*hidden) != "1";
}

void DiskProbe::collect(Root& root, Row& row) {
  table_.begin();
  if (auto text = root.read(diskstats_)) {
    while (!text->empty()) {
      if (const auto disk = parse_disk_line(take_line(*text))) table_.update(disk->name, disk->counters);
    }
  }
  table_.end();
  std::array<uint64_t, kDiskCounters> sum{};
  bool any = false;
  for (auto& device : table_.devices()) {
    if (device.kind < 0) device.kind = is_whole_disk(root, device.name) ? kCounted : kNotCounted;
    if (device.kind != kCounted) continue;
    any = true;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += device.counters[i];
  }
  if (!any) return;
  for (size_t i = 0; i < sum.size(); ++i) set(row, disk_field::kKbRead + i, sum[i]);
}

void DiskProbe::add_device_rows(Timestamp now, ProbeStats& stats, RowList& rows) {
  for (auto& device : table_.devices()) {
    if (device.kind != kCounted) continue;
    const uint32_t index = table_.index_of(device);
    if (index == 0) {
      ++stats.devices_over;
      continue;
    }
    Row& row = rows.add(GroupId::kDisk, now, disk_field::kCount);
    row.device = index;
    for (size_t i = 0; i < kDiskCounters; ++i) set(row, disk_field::kKbRead + i, device.counters[i]);
  }
}

}  // namespace dragonfly::linux_probe
