// ns and bytes per value of the chunk codec, beside copying the same values as raw doubles.
#include <benchmark/benchmark.h>

#include "store/chunk/chunk_codec.h"
#include "store/chunk/sample_rows.h"

namespace dragonfly {
namespace {

// A minute of a VM's cpu rows, as an agent sends them: percentages in hundredths, counts, an uptime.
ColumnSet cpu_minute() {
  SeededRandom random(1);
  ColumnSet rows = ColumnSet::for_group(GroupId::kCpu);
  for (int64_t i = 0; i < 60; ++i) {
    std::vector<std::optional<Value>> values;
    for (const Metric& metric : metrics_of(GroupId::kCpu)) {
      if (metric.type == ValueType::kUint64) {
        values.push_back(Value::of(300 + random.below(3)));
      } else if (metric.name == "uptime") {
        values.push_back(Value::of(123456.78 + static_cast<double>(i)));
      } else if (metric.field >= 7 && metric.field <= 10) {
        values.push_back(Value::of(0.0));
      } else {
        values.push_back(Value::of(static_cast<double>(random.below(400)) / 100.0));
      }
    }
    add_row(rows, (1'573'803'000 + i) * 1'000'000'000, 1, values);
  }
  return rows;
}

void report(benchmark::State& state, size_t values, size_t bytes) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * values));
  state.counters["ns_per_value"] = benchmark::Counter(
      static_cast<double>(values), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_value"] = static_cast<double>(bytes) / static_cast<double>(values);
}

void encode(benchmark::State& state) {
  const ColumnSet rows = cpu_minute();
  Bytes out;
  for (auto _ : state) {
    out.clear();
    encode_chunk(out, {}, GroupId::kCpu, rows, 0, rows.rows());
    benchmark::DoNotOptimize(out.data());
  }
  report(state, rows.rows() * rows.columns.size(), out.size());
}
BENCHMARK(encode);

void decode(benchmark::State& state) {
  const ColumnSet rows = cpu_minute();
  Bytes out;
  encode_chunk(out, {}, GroupId::kCpu, rows, 0, rows.rows());
  for (auto _ : state) {
    auto back = ChunkReader::open({}, out)->all();
    benchmark::DoNotOptimize(back);
  }
  report(state, rows.rows() * rows.columns.size(), out.size());
}
BENCHMARK(decode);

void copy_raw_doubles(benchmark::State& state) {
  const ColumnSet rows = cpu_minute();
  const size_t values = rows.rows() * rows.columns.size();
  const std::vector<double> from(values, 1.5);
  std::vector<double> to(values);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), values * sizeof(double));
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  report(state, values, values * sizeof(double));
}
BENCHMARK(copy_raw_doubles);

}  // namespace
}  // namespace dragonfly
