// What the window costs: taking a tick of 52 metrics as five rows, and copying 10 s of one group out, beside a bare memcpy
// of the same bytes.
#include <benchmark/benchmark.h>

#include "live/head/vm_rows.h"

namespace dragonfly {
namespace {

Bytes tick_block() {
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, from_unix_ms(1'700'000'000'000));
  for (const GroupId group : kCatalogueGroups) {
    Row row;
    row.reset(group, from_unix_ms(1'700'000'000'000), metrics_of(group).size());
    uint64_t i = 0;
    for (auto& value : row.values) {
      const bool percent = metrics_of(group)[i].unit == "percent";
      value = percent ? Value::of(static_cast<double>(1234 + i) / 100) : Value::of(uint64_t{123'456'789} * ++i);
      if (percent) ++i;
    }
    writer.add(row);
  }
  return block;
}

void take_tick(benchmark::State& state) {
  const Bytes block = tick_block();
  VmRows rows;
  int64_t tick = 0;
  for (auto _ : state) {
    RowBlockReader reader(block);
    size_t hint = 0;
    while (const auto row = reader.next()) {
      rows.append(*rows.series_of(row->group, "", hint++), row->time + Duration(++tick), 0, row->fields, {});
    }
    if (rows.unsealed_bytes() > 64 * 1024) {
      rows.start_sealing();
      rows.finish_sealing(Timestamp::max());
    }
  }
}
BENCHMARK(take_tick);

void memcpy_of_the_same_bytes(benchmark::State& state) {
  const Bytes block = tick_block();
  Bytes out;
  for (auto _ : state) {
    out.insert(out.end(), block.begin(), block.end());
    if (out.size() > 64 * 1024) out.clear();
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(memcpy_of_the_same_bytes);

void window_of_one_group(benchmark::State& state) {
  const Bytes block = tick_block();
  VmRows rows;
  for (int tick = 0; tick < 30; ++tick) {
    RowBlockReader reader(block);
    size_t hint = 0;
    while (const auto row = reader.next()) {
      rows.append(*rows.series_of(row->group, "", hint++), row->time + std::chrono::seconds(2 * tick), 0, row->fields,
                  {});
    }
  }
  for (auto _ : state) {
    double sum = 0;
    rows.visit(VmRows::Part::kAll, [&](const VmRows::Entry& entry) {
      if (entry.series->group != GroupId::kCpu) return;
      FieldsReader fields(entry.fields);
      while (const auto field = fields.next()) sum += field->value.as_double();
    });
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(window_of_one_group);

}  // namespace
}  // namespace dragonfly
