// What a collect() costs in memory and files once it has settled.
#include <cstdlib>
#include <new>

#include "edge/probe/linux/fixture.h"

namespace {
size_t allocations = 0;
}

// Counts for the whole test program; only the differences below mean something.
void* operator new(size_t size) {
  ++allocations;
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }

namespace dragonfly::linux_probe {
namespace {

TEST(Steady, NothingIsAllocated) {
  ProbeSet probes;
  std::vector<Row> rows;
  int64_t second = 0;
  const auto collect = [&] {
    ++second;
    probes.collect(from_unix_ms(second * 1000), at_seconds(static_cast<double>(second)), second % 5 == 0, rows);
  };
  // Every fifth has device rows; what devices are is found out at the first and the 30th.
  for (int i = 0; i < 10; ++i) collect();
  const size_t before = allocations;
  for (int i = 0; i < 15; ++i) collect();
  EXPECT_EQ(allocations - before, 0u);
}

TEST(Steady, ASourceBelowTheLimitIsReadAndOneAtTheLimitIsNot) {
  Tree tree;
  ProbeSet probes(tree.options());
  std::vector<Row> rows;
  const auto f = [&](size_t size, const char* total, uint64_t too_large) {
    std::string text = "MemTotal: 4 kB\n";
    text.resize(size, '\n');
    tree.write("proc/meminfo", text);
    probes.collect(from_unix_ms(0), at_seconds(0), false, rows);
    expect_metric(rows, "mem_total", total);
    EXPECT_EQ(probes.stats().too_large, too_large);
  };
  f(15, "4096", 0);
  f(100'000, "4096", 0);
  f(kProbeSourceBytesMax - 1, "4096", 0);
  f(kProbeSourceBytesMax, "-", 1);
}

}  // namespace
}  // namespace dragonfly::linux_probe
