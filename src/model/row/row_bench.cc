// One machine's rows (52 metrics in 5 rows) beside a memcpy of the same bytes: the figure is the ratio.
#include <benchmark/benchmark.h>

#include "model/row/column_set.h"
#include "model/row/row.h"

namespace dragonfly {
namespace {

constexpr int64_t kStartMs = 1'767'225'600'000;

Value typical(const Metric& metric, uint64_t seed) {
  if (metric.type == ValueType::kUint64) return Value::of(seed * 104'729 % 50'000'000'000);
  return Value::of(static_cast<double>(seed * 7919 % 10'000) / 100.0);
}

std::vector<Row> typical_rows(uint64_t tick) {
  std::vector<Row> out;
  for (const GroupId group : kCatalogueGroups) {
    Row& row = out.emplace_back();
    row.reset(group, from_unix_ms(kStartMs + static_cast<int64_t>(tick) * 2000), metrics_of(group).size());
    for (const Metric& metric : metrics_of(group)) {
      row.values[metric.field] = typical(metric, tick * 1000 + metric.field + 1000 * static_cast<uint64_t>(group));
    }
  }
  return out;
}

Bytes typical_block(uint64_t tick) {
  Bytes out;
  const auto rows = typical_rows(tick);
  RowBlockWriter writer(out, RowBlockWriter::Unit::kMilliseconds, rows.front().time);
  for (const Row& row : rows) writer.add(row);
  return out;
}

void count_bytes(benchmark::State& state, size_t bytes) {
  state.counters["block_bytes"] = static_cast<double>(bytes);
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * static_cast<int64_t>(state.iterations()));
}

void BM_Row_MemcpyBaseline(benchmark::State& state) {
  const Bytes block = typical_block(1);
  Bytes out(block.size());
  for (auto _ : state) {
    std::memcpy(out.data(), block.data(), block.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, block.size());
}
BENCHMARK(BM_Row_MemcpyBaseline);

// Rows found and their shape checked: what each stage pays to walk a block.
void BM_Row_Block(benchmark::State& state) {
  const Bytes block = typical_block(1);
  for (auto _ : state) {
    RowBlockReader reader(block);
    while (const auto row = reader.next()) benchmark::DoNotOptimize(row->fields.data());
  }
  count_bytes(state, block.size());
}
BENCHMARK(BM_Row_Block);

// What the door pays: shape, and each value against its column.
void BM_Row_BlockAndValid(benchmark::State& state) {
  const Bytes block = typical_block(1);
  for (auto _ : state) {
    RowBlockReader reader(block);
    bool valid = true;
    while (const auto row = reader.next()) valid = valid && fields_are_valid(row->group, row->fields);
    if (!valid) state.SkipWithError("not valid");
  }
  count_bytes(state, block.size());
}
BENCHMARK(BM_Row_BlockAndValid);

void BM_Row_FieldsWalk(benchmark::State& state) {
  const Bytes block = typical_block(1);
  std::vector<ByteView> fields;
  for (RowBlockReader reader(block); const auto row = reader.next();) fields.push_back(row->fields);
  for (auto _ : state) {
    uint64_t sum = 0;
    for (const ByteView bytes : fields) {
      for (FieldsReader reader(bytes); const auto field = reader.next();) sum += field->value.bits;
    }
    benchmark::DoNotOptimize(sum);
  }
  count_bytes(state, block.size());
}
BENCHMARK(BM_Row_FieldsWalk);

// Into the columns of one series: one CPU row of 19 values a turn, as a head is sealed or read.
void BM_Row_AppendRow(benchmark::State& state) {
  const Bytes block = typical_block(1);
  RowBlockReader reader(block);
  const ByteView fields = reader.next()->fields;
  ColumnSet set = ColumnSet::for_group(GroupId::kCpu);
  int64_t time = 0;
  for (auto _ : state) {
    if (!set.append_row(from_unix_ns(++time), 1, fields)) state.SkipWithError("malformed");
    if (set.rows() == 1000) {  // Capacity stays: no allocation is measured.
      set.times_ns.clear();
      set.boots.clear();
      for (Column& column : set.columns) {
        column.bits.clear();
        column.present.clear();
      }
    }
  }
  count_bytes(state, fields.size());
}
BENCHMARK(BM_Row_AppendRow);

void BM_Row_Encode(benchmark::State& state) {
  const auto rows = typical_rows(1);
  Bytes out;
  for (auto _ : state) {
    out.clear();
    RowBlockWriter writer(out, RowBlockWriter::Unit::kMilliseconds, rows.front().time);
    for (const Row& row : rows) writer.add(row);
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, out.size());
}
BENCHMARK(BM_Row_Encode);

}  // namespace
}  // namespace dragonfly
