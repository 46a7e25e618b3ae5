// CPU of one collect() on this machine, beside the same files merely read, which is the floor: the kernel makes their
// text at each read.
#include <benchmark/benchmark.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "edge/probe/probe.h"

namespace dragonfly {
namespace {

constexpr const char* kFiles[] = {
    "/proc/stat",      "/proc/loadavg", "/proc/uptime",      "/proc/meminfo", "/proc/vmstat",
    "/proc/diskstats", "/proc/net/dev", "/proc/self/mounts", "/proc/cpuinfo", "/sys/devices/system/cpu/online"};

void collect(benchmark::State& state) {
  ProbeSet probes;
  std::vector<Row> rows;
  int64_t now = 0;
  for (auto _ : state) {
    now += 2'000'000'000;
    probes.collect(from_unix_ns(now), MonotonicTime(Duration(now)), state.range(0) != 0, rows);
    benchmark::DoNotOptimize(rows.data());
  }
  state.counters["rows"] = static_cast<double>(rows.size());
}
BENCHMARK(collect)->Name("probe/collect")->ArgName("devices")->Arg(0)->Arg(1);

size_t read_all(int fd, char* buffer, size_t size) {
  size_t total = 0;
  while (true) {
    const ssize_t got = ::pread(fd, buffer, size, static_cast<off_t>(total));
    if (got <= 0) return total;
    total += static_cast<size_t>(got);
  }
}

void read_only(benchmark::State& state) {
  std::vector<int> files;
  for (const char* path : kFiles) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) files.push_back(fd);
  }
  DIR* const processes = ::opendir("/proc");
  std::vector<char> buffer(64 * 1024);
  size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const int fd : files) bytes += read_all(fd, buffer.data(), buffer.size());
    ::rewinddir(processes);
    while (::readdir(processes) != nullptr) ++bytes;
    struct statvfs info {};
    ::statvfs("/", &info);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  ::closedir(processes);
  for (const int fd : files) ::close(fd);
}
BENCHMARK(read_only)->Name("probe/read_only");

void read_one(benchmark::State& state) {
  const char* path = kFiles[state.range(0)];
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  std::vector<char> buffer(64 * 1024);
  for (auto _ : state) benchmark::DoNotOptimize(read_all(fd, buffer.data(), buffer.size()));
  state.SetLabel(path);
  if (fd >= 0) ::close(fd);
}
BENCHMARK(read_one)->Name("probe/read_one")->DenseRange(0, static_cast<int>(std::size(kFiles)) - 1);

}  // namespace
}  // namespace dragonfly
