#include "store/chunk/coding/residuals.h"

#include <algorithm>
#include <bit>

#include "store/chunk/coding/bits.h"
#include "store/chunk/coding/entropy.h"

namespace dragonfly::chunk {
namespace {

struct Shape {
  size_t nonzero = 0;
  unsigned width = 0;       // Of the widest.
  size_t sparse_bytes = 0;  // About.
};

Shape shape_of(std::span<const uint64_t> values) {
  Shape out;
  uint64_t any = 0;
  for (const uint64_t value : values) {
    any |= value;
    out.nonzero += value != 0 ? 1 : 0;
  }
  out.width = static_cast<unsigned>(std::bit_width(any));
  if (out.nonzero * 8 > values.size()) {
    out.sparse_bytes = SIZE_MAX;  // Never the smallest, and slow.
    return out;
  }
  for (const uint64_t value : values) {
    if (value != 0) out.sparse_bytes += 1 + (static_cast<size_t>(std::bit_width(value)) + 6) / 7;
  }
  return out;
}

size_t bytes_of(size_t bits) { return (bits + 7) / 8; }

void write_packed(Bytes& out, std::span<const uint64_t> values, unsigned width) {
  out.push_back(static_cast<uint8_t>(width));
  BitWriter writer(out, values.size() * width);
  for (const uint64_t value : values) writer.put(value, width);
  writer.finish();
}

void write_masked(Bytes& out, std::span<const uint64_t> values, const Shape& shape) {
  out.push_back(static_cast<uint8_t>(shape.width));
  BitWriter writer(out, values.size() + shape.nonzero * shape.width);
  for (const uint64_t value : values) writer.put(value != 0 ? 1 : 0, 1);
  for (const uint64_t value : values) {
    if (value != 0) writer.put(value, shape.width);
  }
  writer.finish();
}

void write_sparse(Bytes& out, std::span<const uint64_t> values) {
  ByteWriter writer(out);
  size_t next = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    writer.varint(i - next);
    writer.varint(values[i]);
    next = i + 1;
  }
}

bool read_packed(ByteView in, std::span<uint64_t> values) {
  const unsigned width = in.empty() ? 65 : in[0];
  if (width > 64 || in.size() != 1 + bytes_of(values.size() * width)) return false;
  BitReader bits(in.subspan(1));
  for (uint64_t& value : values) value = bits.take(width);
  return true;
}

bool read_masked(ByteView in, std::span<uint64_t> values) {
  const unsigned width = in.empty() ? 65 : in[0];
  if (width > 64) return false;
  BitReader bits(in.subspan(1));
  for (size_t i = 0; i < values.size(); i += 32) {
    const size_t count = std::min<size_t>(32, values.size() - i);
    const uint64_t word = bits.take(static_cast<unsigned>(count));
    for (size_t k = 0; k < count; ++k) values[i + k] = word >> k & 1;
  }
  for (uint64_t& value : values) {
    if (value != 0) value = bits.take(width);
  }
  return bits.done();
}

bool read_sparse(ByteView in, std::span<uint64_t> values) {
  std::ranges::fill(values, 0);
  ByteReader reader(in);
  for (size_t next = 0; reader.remaining() > 0;) {
    const uint64_t gap = reader.varint();
    const uint64_t value = reader.varint();
    if (!reader.ok() || gap >= values.size() - next) return false;
    next += gap;
    values[next++] = value;
  }
  return reader.ok();
}

}  // namespace

Coder encode_residuals(Bytes& out, std::span<const uint64_t> values, bool small) {
  const Shape shape = shape_of(values);
  if (shape.nonzero == 0) return Coder::kZeros;
  const size_t packed = 1 + bytes_of(values.size() * shape.width);
  const size_t masked = 1 + bytes_of(values.size() + shape.nonzero * shape.width);
  const size_t smallest = std::min({packed, masked, shape.sparse_bytes});
  if (small && values.size() >= kEntropyNumbersMin && encode_entropy(out, values, smallest)) return Coder::kEntropy;
  if (shape.sparse_bytes == smallest) {
    write_sparse(out, values);
    return Coder::kSparse;
  }
  if (masked < packed) {
    write_masked(out, values, shape);
    return Coder::kMasked;
  }
  write_packed(out, values, shape.width);
  return Coder::kPacked;
}

bool decode_residuals(ByteView in, Coder coder, std::span<uint64_t> values) {
  switch (coder) {
    case Coder::kZeros: std::ranges::fill(values, 0); return in.empty();
    case Coder::kPacked: return read_packed(in, values);
    case Coder::kMasked: return read_masked(in, values);
    case Coder::kSparse: return read_sparse(in, values);
    case Coder::kEntropy: return decode_entropy(in, values);
  }
  return false;
}

}  // namespace dragonfly::chunk
