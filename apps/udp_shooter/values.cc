#include "values.h"

#include <cstdlib>

namespace dragonfly {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

// Sets the fields of a row one after the other.
class Fields {
 public:
  Fields(Row& row, GroupId group, Timestamp time) : row_(row) { row_.reset(group, time, metrics_of(group).size()); }
  Fields& whole(uint64_t value) { return set(Value::of(value)); }
  Fields& hundredths(uint64_t value) { return set(Value::of(static_cast<double>(value) / 100.0)); }
  Fields& seconds(uint64_t value) { return set(Value::of(static_cast<double>(value))); }

 private:
  Fields& set(Value value) {
    row_.values[next_++] = value;
    return *this;
  }
  Row& row_;
  size_t next_ = 0;
};

// What does not change from tick to tick, and where this tick stands.
struct Place {
  uint64_t seed;
  uint64_t tick;
  uint64_t elapsed_ms;
  uint64_t interval_ms;

  // [0, bound), the same for the VM's whole life; `n` tells such numbers apart.
  uint64_t fixed(uint64_t n, uint64_t bound) const { return spread_bits(seed + n) % bound; }
  // [0, bound), new at each tick.
  uint64_t noise(uint64_t n, uint64_t bound) const {
    return spread_bits(seed ^ (tick * 0x2545f4914f6cdd1du + n)) % bound;
  }
  // [0, height]: up and down once in 64 to 127 ticks.
  uint64_t wave(uint64_t n, uint64_t height) const {
    const uint64_t period = 64 + fixed(n, 64);
    const uint64_t at = (tick + fixed(n + 1, period)) % period;
    return height * (2 * at < period ? 2 * at : 2 * (period - at)) / period;
  }
  // A total that grows by `per_s` (a VM of its own between half and all of it), unevenly: never less than half of it.
  uint64_t counter(uint64_t n, uint64_t per_s) const {
    const uint64_t rate = per_s / 2 + fixed(n, per_s / 2 + 1);
    return fixed(n + 1, per_s * 1000 + 1) + rate * elapsed_ms / 1000 + noise(n, rate * interval_ms / 2000 + 1);
  }
};

void fill_cpu(const Place& at, Fields cpu) {
  const uint64_t busy = 200 + at.wave(10, 8000) + at.noise(11, 800);  // Hundredths of a percent.
  const uint64_t system = busy * 3 / 10;
  const uint64_t iowait = at.noise(12, busy / 20 + 1);
  const uint64_t user = busy - system - iowait - 3;
  const uint64_t load = busy * 4 + at.noise(13, 50);
  cpu.hundredths(busy).hundredths(system).hundredths(10000 - busy).hundredths(iowait).hundredths(1).hundredths(2);
  cpu.hundredths(user).hundredths(0).hundredths(0).hundredths(0).hundredths(0);
  cpu.whole(uint64_t{1} << at.fixed(14, 6)).seconds(at.fixed(15, 9'000'000) + at.elapsed_ms / 1000);
  cpu.hundredths(load).hundredths(load * 9 / 10).hundredths(load * 8 / 10);
  cpu.whole(at.fixed(16, 4)).whole(1 + at.noise(17, 5)).whole(80 + at.fixed(18, 300) + at.noise(19, 9));
}

void fill_memory(const Place& at, Fields memory) {
  const uint64_t total = (uint64_t{1} << at.fixed(20, 7)) * kGiB;
  const uint64_t used = total / 5 + total / 100 * at.wave(21, 50) + at.noise(22, kMiB) / 4096 * 4096;
  const uint64_t cached = (total - used) / 3 / 4096 * 4096;
  const uint64_t buffers = cached / 20 / 4096 * 4096;
  const uint64_t swap = 2 * kGiB;
  const uint64_t swapped = at.fixed(23, 4) == 0 ? at.wave(24, 100) * kMiB : 0;
  memory.hundredths(used * 10000 / total).whole(total).whole(used).whole(total - used - cached - buffers);
  memory.whole(at.fixed(25, 64) * kMiB).whole(buffers).whole(cached);
  memory.hundredths(swapped * 10000 / swap).whole(swapped).whole(swap - swapped);
  memory.whole(at.counter(26, 100) * 4096).whole(at.counter(28, 200) * 4096);
  memory.whole(at.counter(30, 3000) * 1024).whole(at.counter(32, 5000) * 1024);
}

void fill_disk(const Place& at, Fields disk) {
  const uint64_t total = (20 + at.fixed(40, 500)) * kGiB;
  const uint64_t used = total / 10 + at.fixed(41, total / 2) / 4096 * 4096 + at.tick % 100'000 * 4096;
  disk.hundredths(used * 10000 / total).whole(total).whole(used).whole(total - used);
  disk.whole(at.counter(42, 2000)).whole(at.counter(44, 4000)).whole(at.counter(46, 60)).whole(at.counter(48, 120));
  disk.whole(at.counter(50, 40)).whole(at.counter(52, 90));
}

void fill_network(const Place& at, Fields network) {
  network.whole(at.counter(60, 900'000)).whole(at.counter(62, 700'000));
  network.whole(at.counter(64, 1200)).whole(at.counter(66, 1000));
  network.whole(at.fixed(68, 3)).whole(0).whole(at.fixed(69, 100)).whole(0);
}

}  // namespace

void fill_tick(uint64_t seed, const TickAt& when, Timestamp time, TickRows& rows) {
  const Place at{seed, when.tick, static_cast<uint64_t>(when.elapsed / 1ms),
                 static_cast<uint64_t>(when.interval / 1ms)};
  fill_cpu(at, Fields(rows[0], GroupId::kCpu, time));
  fill_memory(at, Fields(rows[1], GroupId::kMemory, time));
  fill_disk(at, Fields(rows[2], GroupId::kDisk, time));
  fill_network(at, Fields(rows[3], GroupId::kNetwork, time));
  Fields(rows[4], GroupId::kCpufreq, time).hundredths(220'000 + at.noise(70, 100'000));
}

}  // namespace dragonfly
