#include "bench/dataset/vm_source.h"

#include <algorithm>
#include <cmath>

#include "base/core/assert.h"

namespace dragonfly::bench {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kPagesPerGib = (uint64_t{1} << 30) / kPageBytes;

// How often something moves that in a quiet machine stands still most of the time.
struct Restlessness {
  double memory, buffers, cache, disk_use, reads, writes, packets, processes;
};
constexpr Restlessness kRestlessness[] = {
    {0.65, 0.40, 0.50, 0.55, 0.30, 0.80, 0.95, 0.45},
    {0.95, 0.65, 0.95, 0.90, 0.75, 1.00, 1.00, 0.95},
    {1.00, 0.80, 1.00, 0.95, 0.90, 1.00, 1.00, 1.00},
};

Noise noise_of(uint64_t seed, uint64_t number, uint64_t use) {
  Noise out(seed * 0x9e3779b97f4a7c15u + number * 0xd1342543de82ef95u + use);
  out.next();
  return out;
}

// Sets the fields of a row one after the other.
class Fields {
 public:
  explicit Fields(Row& row) : row_(row) {}
  Fields& whole(uint64_t value) { return set(Value::of(value)); }
  Fields& hundredths(uint64_t value) { return set(Value::of(static_cast<double>(value) / 100.0)); }
  Fields& set(Value value) {
    row_.values[next_++] = value;
    return *this;
  }

 private:
  Row& row_;
  size_t next_ = 0;
};

uint64_t above(uint64_t value, uint64_t lowest) { return value - lowest; }

}  // namespace

VmProfile VmProfile::make(uint64_t seed, uint64_t number) {
  Noise noise = noise_of(seed, number, 1);
  VmProfile out;
  const double kind = noise.share();
  out.activity = kind < 0.6 ? Activity::kIdle : kind < 0.9 ? Activity::kMedium : Activity::kBusy;
  switch (out.activity) {
    case Activity::kIdle: out.factor = noise.between(0.001, 0.015); break;
    case Activity::kMedium: out.factor = noise.between(0.05, 0.35); break;
    case Activity::kBusy: out.factor = noise.between(0.5, 0.95); break;
  }
  out.cpus = uint64_t{1} << noise.below(5);
  const uint64_t gib = out.cpus * (uint64_t{2} << noise.below(3));
  out.memory_pages = gib * kPagesPerGib - gib * 4000 - noise.below(5000);
  out.used_pages = out.memory_pages / 20 + noise.below(out.memory_pages / 3);
  out.buffer_pages = 2000 + noise.below(out.memory_pages / 200);
  out.cached_pages = out.memory_pages / 20 + noise.below(out.memory_pages / 4);
  out.shared_pages = 500 + noise.below(out.memory_pages / 500);
  if (noise.chance(0.5)) out.swap_pages = (uint64_t{1} << noise.below(3)) * kPagesPerGib - 1;
  out.swaps = out.swap_pages > 0 && noise.chance(0.6);
  out.disk_blocks = (20 + noise.below(480)) * kPagesPerGib - noise.below(200'000);
  out.disk_reserved_blocks = out.disk_blocks / 20;
  out.disk_used_blocks = out.disk_blocks / 10 + noise.below(out.disk_blocks / 2);
  out.processes = 70 + noise.below(120);
  out.users = noise.chance(0.2) ? 1 + noise.below(2) : 0;
  out.megahertz_hundredths = 200'000 + noise.below(40) * 5'000 + noise.below(100);
  const double rates[] = {0.8, 40, 400};
  out.packets_per_s = rates[static_cast<size_t>(out.activity)] * noise.between(0.3, 2);
  out.niced = noise.chance(0.3);
  out.stolen_from = noise.chance(0.6);
  out.drops = noise.chance(0.3);
  out.users_change = noise.chance(0.3);
  out.frequency_changes = noise.chance(0.5);
  return out;
}

VmSource::VmSource(const Trace& trace, const Options& options)
    : trace_(&trace),
      options_(options),
      profile_(VmProfile::make(options.seed, options.number)),
      noise_(noise_of(options.seed, options.number, 2)) {
  DF_ASSERT(!trace.steps.empty() && options.steps_per_tick > 0);
  at_ = noise_.below(trace.steps.size());
  pass_factor_ = noise_.between(0.6, 1.4);
  // What the counters reached since the VM was started.
  uptime_hundredths_ = 100'000 + noise_.below(90ull * 86'400 * 100);
  const double since = static_cast<double>(uptime_hundredths_) / 100 * (profile_.factor + 0.002);
  const auto total = [&](double per_s) { return static_cast<uint64_t>(since * per_s * noise_.between(0.5, 1.5)); };
  reads_ = total(10);
  kib_read_ = reads_ * 22 + noise_.below(4096);
  read_ms_ = reads_ / 2;
  writes_ = total(30);
  kib_written_ = writes_ * 18 + noise_.below(4096) * 4;
  write_ms_ = writes_ * 2;
  packets_in_ = total(profile_.packets_per_s * 50);
  packets_out_ = packets_in_ / 10 * 8;
  bytes_in_ = packets_in_ * 410 + noise_.below(1000);
  bytes_out_ = packets_out_ * 290 + noise_.below(1000);
  errors_in_ = noise_.chance(0.1) ? noise_.below(20) : 0;
  drops_in_ = noise_.chance(0.4) ? noise_.below(2000) : 0;
  if (profile_.swaps) {
    swapped_pages_ = profile_.swap_pages / 10;
    swap_in_pages_ = noise_.below(100'000);
    swap_out_pages_ = swap_in_pages_ + swapped_pages_;
  }
  used_pages_ = profile_.used_pages;
  buffer_pages_ = profile_.buffer_pages;
  cached_pages_ = profile_.cached_pages;
  shared_pages_ = profile_.shared_pages;
  disk_used_blocks_ = profile_.disk_used_blocks;
  processes_ = profile_.processes;
  users_ = profile_.users;
  megahertz_hundredths_ = profile_.megahertz_hundredths;
}

// Each pass through the trace is stronger or weaker than the one before, and within it nothing is quite the same.
double VmSource::now_factor() {
  if (at_ == 0) pass_factor_ = noise_.between(0.6, 1.4);
  return std::min(1.0, profile_.factor * pass_factor_);
}

void VmSource::step() {
  const double factor = now_factor();
  const TraceStep& now = trace_->steps[at_];
  at_ = (at_ + 1) % trace_->steps.size();
  step_cpu(now, factor);
  step_memory(now, factor);
  step_disk(now, factor);
  step_network(now, factor);
}

void VmSource::step_cpu(const TraceStep& step, double factor) {
  const double per_trace_cpu = static_cast<double>(profile_.cpus) / static_cast<double>(trace_->cpus);
  const uint64_t all =
      std::max<uint64_t>(profile_.cpus, noise_.whole(static_cast<double>(step.all_ticks) * per_trace_cpu));
  uint64_t left = all;
  const auto part = [&](uint64_t ticks, double scale) {
    const double noisy = static_cast<double>(ticks) * per_trace_cpu * factor * scale * noise_.between(0.6, 1.4);
    const uint64_t out = std::min(left, noise_.whole(noisy));
    left -= out;
    return out;
  };
  ticks_.system += part(step.system_ticks, 1);
  ticks_.user += part(step.user_ticks, profile_.niced ? 0.7 : 1);
  if (profile_.niced) ticks_.nice += part(step.user_ticks, 0.3);
  // Whoever waits for a disk, and answers packets, does so on any machine now and then.
  ticks_.iowait += part(step.iowait_ticks + (noise_.chance(0.4) ? 6 : 0), 1);
  ticks_.softirq += part(step.softirq_ticks + 4, 1);
  if (profile_.stolen_from) ticks_.steal += part(step.all_ticks, 0.03);
  ticks_.all += all;
  uptime_hundredths_ += step.uptime_hundredths;
  // The load moves when the kernel takes it, every 5 s; the trace shows when that is.
  const double load = factor * per_trace_cpu;
  load_1m_ = static_cast<uint64_t>(static_cast<double>(step.load_1m) * load);
  load_5m_ = static_cast<uint64_t>(static_cast<double>(step.load_5m) * load);
  load_15m_ = static_cast<uint64_t>(static_cast<double>(step.load_15m) * load);
  const Restlessness& restless = kRestlessness[static_cast<size_t>(profile_.activity)];
  running_ = 1 + noise_.whole(static_cast<double>(step.running) * load + 0.1);
  if (noise_.chance(restless.processes)) {
    const uint64_t more = above(step.processes, trace_->lowest.processes);
    processes_ = profile_.processes + noise_.whole(static_cast<double>(more) * factor);
  }
  if (profile_.users_change && noise_.chance(0.004)) users_ = noise_.below(4);
  if (profile_.frequency_changes) megahertz_hundredths_ = profile_.megahertz_hundredths + noise_.below(150'000);
}

void VmSource::step_memory(const TraceStep& step, double factor) {
  const Restlessness& restless = kRestlessness[static_cast<size_t>(profile_.activity)];
  const double size = static_cast<double>(profile_.memory_pages) / static_cast<double>(trace_->memory_pages);
  const auto moved = [&](uint64_t base, uint64_t pages, uint64_t jitter) {
    return base + static_cast<uint64_t>(static_cast<double>(pages) * size * factor) + noise_.below(jitter);
  };
  if (noise_.chance(restless.memory))
    used_pages_ = moved(profile_.used_pages, above(step.used_pages, trace_->lowest.used_pages), 64);
  if (noise_.chance(restless.buffers))
    buffer_pages_ = moved(profile_.buffer_pages, above(step.buffer_pages, trace_->lowest.buffer_pages), 4);
  if (noise_.chance(restless.cache))
    cached_pages_ = moved(profile_.cached_pages, above(step.cached_pages, trace_->lowest.cached_pages), 16);
  if (noise_.chance(0.25)) shared_pages_ = profile_.shared_pages + noise_.below(50);
  if (!profile_.swaps || !noise_.chance(0.7)) return;
  const uint64_t out = noise_.below(200);
  const uint64_t in = std::min(swapped_pages_, noise_.below(200));
  swap_out_pages_ += out;
  swap_in_pages_ += in;
  swapped_pages_ = std::min(profile_.swap_pages, swapped_pages_ + out - in);
}

void VmSource::step_disk(const TraceStep& step, double factor) {
  const Restlessness& restless = kRestlessness[static_cast<size_t>(profile_.activity)];
  // A quiet machine does in bursts what a busy one does all the time: journals, logs.
  const auto burst = [&](uint64_t in_trace, double often) -> uint64_t {
    if (!noise_.chance(often)) return 0;
    return noise_.whole(static_cast<double>(in_trace) * factor / often * noise_.between(0.5, 1.5));
  };
  const auto each = [&](uint64_t sum, uint64_t count, double otherwise) {
    return count == 0 ? otherwise : static_cast<double>(sum) / static_cast<double>(count);
  };
  if (const uint64_t reads = burst(step.reads + 10, restless.reads); reads > 0) {
    reads_ += reads;
    const double kib = static_cast<double>(reads) * each(step.kib_read, step.reads, 8) * noise_.between(0.6, 1.4);
    kib_read_ += std::max(reads, noise_.whole(kib / 4)) * 4;
    read_ms_ +=
        noise_.whole(static_cast<double>(reads) * each(step.read_ms, step.reads, 0.3) * noise_.between(0.5, 1.5));
  }
  uint64_t writes = burst(step.writes, restless.writes);
  if (writes == 0 && noise_.chance(restless.writes * 0.3)) writes = 1 + noise_.below(6);
  if (writes > 0) {
    writes_ += writes;
    const double kib = static_cast<double>(writes) * each(step.kib_written, step.writes, 12) * noise_.between(0.6, 1.4);
    kib_written_ += std::max(writes, noise_.whole(kib / 4)) * 4;
    write_ms_ +=
        noise_.whole(static_cast<double>(writes) * each(step.write_ms, step.writes, 1) * noise_.between(0.5, 1.5));
  }
  if (noise_.chance(restless.disk_use)) {
    const uint64_t more = above(step.file_system_blocks, trace_->lowest.file_system_blocks);
    disk_grown_blocks_ += noise_.below(3);
    const uint64_t used = profile_.disk_used_blocks + disk_grown_blocks_ +
                          static_cast<uint64_t>(static_cast<double>(more) * factor * 0.2);
    disk_used_blocks_ = std::min(used, profile_.disk_blocks - profile_.disk_reserved_blocks);
  }
}

void VmSource::step_network(const TraceStep& step, double factor) {
  const Restlessness& restless = kRestlessness[static_cast<size_t>(profile_.activity)];
  if (noise_.chance(restless.packets)) {
    const double background = profile_.packets_per_s * 2 * noise_.between(0.3, 1.7) * pass_factor_;
    const uint64_t in = noise_.whole(background + static_cast<double>(step.packets_in) * factor);
    const uint64_t out =
        noise_.whole(background * noise_.between(0.6, 1) + static_cast<double>(step.packets_out) * factor);
    const double size_in = noise_.between(60, profile_.activity == Activity::kIdle ? 200 : 900);
    const double size_out = noise_.between(60, profile_.activity == Activity::kIdle ? 300 : 500);
    packets_in_ += in;
    packets_out_ += out;
    bytes_in_ += noise_.whole(static_cast<double>(in) * size_in);
    bytes_out_ += noise_.whole(static_cast<double>(out) * size_out);
  }
  if (profile_.drops && noise_.chance(0.2)) ++drops_in_;
}

Value VmSource::percent(uint64_t part, uint64_t whole) const {
  if (whole == 0) return Value::of(0.0);
  if (options_.full_doubles) return Value::of(100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return Value::of(static_cast<double>((part * 20'000 + whole) / (2 * whole)) / 100.0);
}

void VmSource::fill_cpu(Row& row) const {
  const Ticks& t = ticks_;
  const uint64_t busy = t.user + t.nice + t.system + t.iowait + t.softirq + t.steal;
  const Value idle = percent(t.all - busy, t.all);
  // As an agent does it: from the idle share that it tells.
  const double utilization = 100 - idle.as_double();
  Fields cpu(row);
  cpu.set(Value::of(options_.full_doubles ? utilization : std::round(utilization * 100) / 100));
  cpu.set(percent(t.system, t.all)).set(idle).set(percent(t.iowait, t.all)).hundredths(0);
  cpu.set(percent(t.softirq, t.all)).set(percent(t.user, t.all)).set(percent(t.nice, t.all));
  cpu.set(percent(t.steal, t.all)).hundredths(0).hundredths(0);
  cpu.whole(profile_.cpus).hundredths(uptime_hundredths_);
  cpu.hundredths(load_1m_).hundredths(load_5m_).hundredths(load_15m_);
  cpu.whole(users_).whole(running_).whole(processes_);
}

void VmSource::fill_memory(Row& row) const {
  const uint64_t all = profile_.memory_pages;
  const uint64_t used = std::min(used_pages_, all - buffer_pages_ - cached_pages_);
  Fields memory(row);
  memory.set(percent(used, all)).whole(all * kPageBytes).whole(used * kPageBytes);
  memory.whole((all - used - buffer_pages_ - cached_pages_) * kPageBytes).whole(shared_pages_ * kPageBytes);
  memory.whole(buffer_pages_ * kPageBytes).whole(cached_pages_ * kPageBytes);
  memory.set(percent(swapped_pages_, profile_.swap_pages)).whole(swapped_pages_ * kPageBytes);
  memory.whole((profile_.swap_pages - swapped_pages_) * kPageBytes);
  memory.whole(swap_in_pages_ * kPageBytes).whole(swap_out_pages_ * kPageBytes);
  memory.whole(kib_read_ * 1024).whole(kib_written_ * 1024);
}

void VmSource::fill_disk(Row& row) const {
  const uint64_t used = disk_used_blocks_;
  const uint64_t free = profile_.disk_blocks - profile_.disk_reserved_blocks - used;
  Fields disk(row);
  disk.set(percent(used, used + free)).whole(profile_.disk_blocks * kPageBytes);
  disk.whole(used * kPageBytes).whole(free * kPageBytes);
  disk.whole(kib_read_).whole(kib_written_).whole(reads_).whole(writes_).whole(read_ms_).whole(write_ms_);
}

void VmSource::fill_network(Row& row) const {
  Fields network(row);
  network.whole(bytes_in_).whole(bytes_out_).whole(packets_in_).whole(packets_out_);
  network.whole(errors_in_).whole(errors_out_).whole(drops_in_).whole(drops_out_);
}

void VmSource::next(TickRows& rows) {
  ticks_ = {};
  for (uint64_t i = 0; i < options_.steps_per_tick; ++i) step();
  const int64_t interval_ms = static_cast<int64_t>(options_.steps_per_tick) * (kTraceStep / 1ms);
  const Timestamp time = from_unix_ms(options_.first_tick_ms + static_cast<int64_t>(tick_++) * interval_ms);
  for (uint64_t i = 0; i < kRowsPerTick; ++i) {
    const GroupId group = kCatalogueGroups[i];
    rows[i].reset(group, time, metrics_of(group).size());
  }
  fill_cpu(rows[0]);
  fill_memory(rows[1]);
  fill_disk(rows[2]);
  fill_network(rows[3]);
  Fields(rows[4]).hundredths(megahertz_hundredths_);
}

}  // namespace dragonfly::bench
