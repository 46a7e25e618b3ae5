// Lines with 10 fields and 5 tags a second: read alone, and made rows of a VM; beside it the least that anyone must do,
// a memchr for its end. Figures in bench/RESULTS.md.
#include <benchmark/benchmark.h>

#include "ingest/dialect/influx_line.h"
#include "ingest/dialect/normalize.h"

namespace dragonfly {
namespace {

std::string body_of(size_t lines) {
  std::string body;
  for (size_t i = 0; i < lines; ++i) {
    body += fmt::format(
        "cpu,cpu=cpu-total,host=h{0},mcisId=m1,nsId=ns,vmId=vm-{0} "
        "usage_user={1}.25,usage_system=1.5,usage_idle=92.125,"
        "usage_nice=0,usage_iowait=0.25,usage_irq=0,usage_softirq=0.125,usage_steal=0,usage_guest=0,usage_guest_nice=0 "
        "17000000000000{2:05}\n",
        i % 100, i % 90, i);
  }
  return body;
}

void find_line_ends(benchmark::State& state) {
  const std::string body = body_of(1000);
  for (auto _ : state) {
    size_t lines = 0;
    for (size_t at = body.find('\n'); at != std::string::npos; at = body.find('\n', at + 1)) ++lines;
    benchmark::DoNotOptimize(lines);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * 1000));
}
BENCHMARK(find_line_ends);

void read_lines(benchmark::State& state) {
  const std::string body = body_of(1000);
  for (auto _ : state) {
    InfluxLineReader reader(body, RowDoor::Precision::kNanoseconds);
    size_t fields = 0;
    while (reader.next() == InfluxLineReader::Step::kPoint) fields += reader.point().fields.size();
    benchmark::DoNotOptimize(fields);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * 1000));
}
BENCHMARK(read_lines);

void lines_to_rows(benchmark::State& state) {
  const std::string body = body_of(1000);
  Normalizer normalizer;
  for (auto _ : state) {
    DoorBatch batch;
    take_influx_lines(body, RowDoor::Precision::kNanoseconds, "", from_unix_ms(1'700'000'000'000), normalizer, batch);
    benchmark::DoNotOptimize(batch.vms.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * 1000));
}
BENCHMARK(lines_to_rows);

}  // namespace
}  // namespace dragonfly
