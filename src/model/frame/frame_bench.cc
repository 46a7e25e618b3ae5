// One machine's frame (52 metrics in 5 rows) beside a memcpy of the same bytes: the figure is the ratio.
#include <benchmark/benchmark.h>

#include "model/frame/frame.h"
#include "model/row/row.h"

namespace dragonfly {
namespace {

constexpr Key256 kKey = {1, 2, 3};

Bytes typical_body() {
  const Timestamp time = from_unix_ms(1'767'225'602'000);
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, time);
  Row row;
  uint64_t seed = 1;
  for (const GroupId group : kCatalogueGroups) {
    row.reset(group, time, metrics_of(group).size());
    for (const Metric& metric : metrics_of(group)) {
      ++seed;
      if (metric.type == ValueType::kUint64)
        row.values[metric.field] = Value::of(seed * 104'729'000 % 50'000'000'000);
      else
        row.values[metric.field] = Value::of(static_cast<double>(seed * 7919 % 10'000) / 100.0);
    }
    writer.add(row);
  }
  RowsBody body;
  body.spool_id = 0x5151515151515151;
  body.sent_at_ms = 1'767'225'602'013;
  body.first_sequence = 100'001;
  body.lowest_kept = 99'990;
  body.dictionary_id = 0x1122334455667788;
  body.row_block = block;
  Bytes out;
  body.encode(out);
  return out;
}

FrameHeader typical_header(uint8_t flags) { return {FrameType::kRows, 1, flags, 0x0123456789abcdef, 0x99, 17}; }

Bytes typical_datagram(uint8_t flags) {
  Aes256Gcm cipher;
  Bytes out;
  seal_frame(cipher, kKey, typical_header(flags), typical_body(), out);
  return out;
}

void count_bytes(benchmark::State& state, size_t bytes) {
  state.counters["frame_bytes"] = static_cast<double>(bytes);
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * static_cast<int64_t>(state.iterations()));
}

void BM_Frame_MemcpyBaseline(benchmark::State& state) {
  const Bytes datagram = typical_datagram(0);
  Bytes out(datagram.size());
  for (auto _ : state) {
    std::memcpy(out.data(), datagram.data(), datagram.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, datagram.size());
}
BENCHMARK(BM_Frame_MemcpyBaseline);

// Header, opening, body, every row and every value checked: what a shard pays for a frame before it takes it.
void open_and_decode(benchmark::State& state, uint8_t flags) {
  const Bytes datagram = typical_datagram(flags);
  Aes256Gcm cipher;
  Bytes opened;
  for (auto _ : state) {
    const auto header = FrameHeader::decode(datagram);
    bool good = header && open_frame(cipher, kKey, *header, datagram, opened);
    const auto body = RowsBody::decode(opened);
    good = good && body;
    RowBlockReader reader(body->row_block);
    while (const auto row = reader.next()) good = good && fields_are_valid(row->group, row->fields);
    if (!good || !reader.ok()) state.SkipWithError("not a good frame");
  }
  count_bytes(state, datagram.size());
}
void BM_Frame_OpenAndDecodeSealed(benchmark::State& state) { open_and_decode(state, 0); }
BENCHMARK(BM_Frame_OpenAndDecodeSealed);
void BM_Frame_OpenAndDecodePlain(benchmark::State& state) { open_and_decode(state, FrameHeader::kPlain); }
BENCHMARK(BM_Frame_OpenAndDecodePlain);

void BM_Frame_Seal(benchmark::State& state) {
  const Bytes body = typical_body();
  Aes256Gcm cipher;
  Bytes out;
  FrameHeader header = typical_header(0);
  for (auto _ : state) {
    ++header.packet;
    seal_frame(cipher, kKey, header, body, out);
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, out.size());
}
BENCHMARK(BM_Frame_Seal);

void BM_Frame_SessionKey(benchmark::State& state) {
  uint64_t session = 0;
  for (auto _ : state) benchmark::DoNotOptimize(derive_session_key(kKey, ++session));
}
BENCHMARK(BM_Frame_SessionKey);

}  // namespace
}  // namespace dragonfly
