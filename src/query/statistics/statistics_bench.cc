// An hour of a VM's network counters into minutes, beside adding the same numbers up once.
#include <benchmark/benchmark.h>

#include "query/statistics/statistics.h"

namespace dragonfly {
namespace {

ColumnSet network_hour() {
  ColumnSet out = ColumnSet::for_group(GroupId::kNetwork);
  for (int64_t i = 0; i < 3600; ++i) {
    out.times_ns.push_back((1'573'803'000 + i) * 1'000'000'000);
    out.boots.push_back(1);
    for (Column& column : out.columns) {
      column.bits.push_back(static_cast<uint64_t>(i) * 1234);
      column.present.push_back(1);
    }
  }
  return out;
}

void minutes(benchmark::State& state) {
  const ColumnSet rows = network_hour();
  const auto kinds = kinds_of(GroupId::kNetwork, rows.columns.size());
  const TimeRange all{from_unix_ns(0), Timestamp::max()};
  for (auto _ : state) benchmark::DoNotOptimize(bucketize(rows, kinds, Statistic::kAvg, std::chrono::minutes(1), all));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * rows.rows() * rows.columns.size()));
}
BENCHMARK(minutes);

void plain_sums(benchmark::State& state) {
  const ColumnSet rows = network_hour();
  for (auto _ : state) {
    for (const Column& column : rows.columns) {
      double sum = 0;
      for (const uint64_t bits : column.bits) sum += static_cast<double>(bits);
      benchmark::DoNotOptimize(sum);
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * rows.rows() * rows.columns.size()));
}
BENCHMARK(plain_sums);

}  // namespace
}  // namespace dragonfly
