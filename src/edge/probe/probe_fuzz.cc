// The first byte names the source, the rest is what its file holds. Percentages must stay within 0 and 100, and all
// else in the types of the catalogue. A first byte that names no source makes a whole collect() from a folder.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/core/assert.h"
#include "edge/probe/fields.h"
#include "edge/probe/linux/cpu.h"
#include "edge/probe/linux/cpufreq.h"
#include "edge/probe/linux/disk.h"
#include "edge/probe/linux/filesystem.h"
#include "edge/probe/linux/load.h"
#include "edge/probe/linux/memory.h"
#include "edge/probe/linux/network.h"
#include "edge/probe/linux/text.h"

using namespace dragonfly;
using namespace dragonfly::linux_probe;

namespace {

void fuzz_cpu(std::string_view text) {
  // Two readings: the file is cut in the middle.
  const auto before = parse_stat(text.substr(0, text.size() / 2));
  const auto after = parse_stat(text.substr(text.size() / 2));
  if (!before || !after) return;
  if (const auto shares = cpu_shares(*before, *after)) {
    for (const uint64_t share : *shares) DF_ASSERT(share <= 10000);
  }
}

void fuzz_disks(std::string_view text) {
  while (!text.empty()) {
    if (const auto disk = parse_disk_line(take_line(text))) {
      DF_ASSERT(!disk->name.empty());
      DF_ASSERT(name_of_whole(disk->name).size() < disk->name.size());
      is_never_a_disk(disk->name);
    }
  }
}

void fuzz_mounts(std::string_view text) {
  std::string path;
  while (!text.empty()) {
    const auto mount = parse_mount_line(take_line(text));
    if (!mount) continue;
    path.clear();
    append_unescaped(mount->point, path);
    DF_ASSERT(path.size() <= mount->point.size() && !path.empty());
    DF_ASSERT(!is_local_type(mount->type) || !is_network_type(mount->type));
  }
}

void fuzz_interfaces(std::string_view text) {
  while (!text.empty()) {
    if (const auto line = parse_interface_line(take_line(text))) rank_by_name(line->name);
  }
}

void fuzz_sessions(std::string_view text) {
  const size_t step = utmp_record_bytes(text.size());
  for (size_t at = 0; at + step <= text.size(); at += step) parse_session(text.substr(at, step));
}

struct Folder {
  Folder() {
    char name[] = "/tmp/df_probe_fuzz_XXXXXX";
    DF_ASSERT(::mkdtemp(name) != nullptr);
    path = name;
    for (const char* below : kBelow) DF_ASSERT(::mkdir((path + below).c_str(), 0700) == 0);
  }
  ~Folder() {
    for (size_t i = std::size(kBelow); i-- > 0;) ::rmdir((path + kBelow[i]).c_str());
    ::rmdir(path.c_str());
  }
  static constexpr const char* kBelow[] = {"/proc", "/proc/self", "/proc/net"};
  std::string path;
};

// Whole collections from one folder in which the file in question holds the input.
void fuzz_collect(size_t source, std::string_view text) {
  static constexpr const char* kFiles[] = {"stat", "meminfo", "vmstat", "diskstats", "mounts", "net_dev", "loadavg"};
  static const Folder folder;
  std::string file = kFiles[source % std::size(kFiles)];
  if (file == "mounts") file = "self/mounts";
  if (file == "net_dev") file = "net/dev";
  const std::string path = folder.path + "/proc/" + file;
  std::FILE* const out = std::fopen(path.c_str(), "wb");
  DF_ASSERT(out != nullptr);
  std::fwrite(text.data(), 1, text.size(), out);
  std::fclose(out);
  ProbeOptions options;
  options.root = folder.path;
  options.ticks_hz = 100;
  options.file_system_size = [](const std::string& asked) { return FileSystemSize{asked.size(), 1, 2}; };
  ProbeSet probes(options);
  std::vector<Row> rows;
  for (int i = 0; i < 2; ++i) probes.collect(Timestamp{}, MonotonicTime(Duration(i * 1'000'000'000)), true, rows);
  for (const Row& row : rows) {
    DF_ASSERT(row.device <= probes.devices().size());
    const auto metrics = metrics_of(row.group);
    DF_ASSERT(row.values.size() == metrics.size());
    for (size_t i = 0; i < metrics.size(); ++i) {
      if (!row.values[i]) continue;
      DF_ASSERT(row.values[i]->type == metrics[i].type);
      const double value = std::bit_cast<double>(row.values[i]->bits);
      if (metrics[i].unit == "percent") DF_ASSERT(value >= 0 && value <= 100);
    }
  }
  ::unlink(path.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 0: fuzz_cpu(text); break;
    case 1: parse_loadavg(text); break;
    case 2: parse_uptime(text); break;
    case 3: fuzz_sessions(text); break;
    case 4: parse_meminfo(text); break;
    case 5: parse_vmstat(text); break;
    case 6: fuzz_disks(text); break;
    case 7: fuzz_mounts(text); break;
    case 8: fuzz_interfaces(text); break;
    case 9: parse_cpuinfo_mhz(text); break;
    case 10: parse_cpu_count(text); break;
    default: fuzz_collect(data[0], text); break;
  }
  return 0;
}
