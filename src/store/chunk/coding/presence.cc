#include "store/chunk/coding/presence.h"

#include <algorithm>

namespace dragonfly::chunk {
namespace {

constexpr uint8_t kBits = 0;
constexpr uint8_t kRuns = 1;

size_t read_runs(ByteReader& in, std::span<uint8_t> present) {
  size_t row = 0;
  size_t count = 0;
  for (uint8_t value = 0; row < present.size() && in.ok(); value ^= 1) {
    const uint64_t run = in.varint();
    if (run > present.size() - row) return 0;
    std::fill_n(present.begin() + static_cast<ptrdiff_t>(row), run, value);
    row += run;
    count += value * run;
  }
  return in.done() && row == present.size() ? count : 0;
}

size_t read_bits(ByteView bits, std::span<uint8_t> present) {
  size_t count = 0;
  for (size_t row = 0; row < present.size(); ++row) {
    present[row] = bits[row / 8] >> (row % 8) & 1;
    count += present[row];
  }
  const size_t used = present.size() % 8;
  return used != 0 && bits.back() >> used != 0 ? 0 : count;
}

}  // namespace

void write_bitmap(Bytes& out, std::span<const uint8_t> present) {
  const size_t start = out.size();
  const size_t bytes = (present.size() + 7) / 8;
  ByteWriter writer(out);
  writer.u8(kRuns);
  uint8_t value = 0;
  for (size_t row = 0; row < present.size() && out.size() - start <= bytes; value ^= 1) {
    size_t end = row;
    while (end < present.size() && present[end] == value) ++end;
    writer.varint(end - row);
    row = end;
  }
  if (out.size() - start <= bytes) return;
  out.resize(start);
  writer.u8(kBits);
  out.resize(start + 1 + bytes);
  for (size_t row = 0; row < present.size(); ++row)
    out[start + 1 + row / 8] |= static_cast<uint8_t>(present[row] << (row % 8));
}

ByteView next_bitmap(ByteReader& in, size_t rows) {
  const uint8_t* start = in.position();
  if (in.u8() == kBits) {
    in.bytes((rows + 7) / 8);
  } else {
    for (uint64_t row = 0; row < rows && in.ok();) row += std::min<uint64_t>(in.varint(), rows);
  }
  return in.ok() ? ByteView(start, in.position()) : ByteView();
}

size_t read_bitmap(ByteView bitmap, std::span<uint8_t> present) {
  if (bitmap.empty() || bitmap[0] > kRuns) return 0;
  if (bitmap[0] == kBits) {
    const ByteView bits = bitmap.subspan(1);
    return bits.size() == (present.size() + 7) / 8 ? read_bits(bits, present) : 0;
  }
  ByteReader in(bitmap.subspan(1));
  return read_runs(in, present);
}

}  // namespace dragonfly::chunk
