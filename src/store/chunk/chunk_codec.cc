#include "store/chunk/chunk_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "base/core/assert.h"
#include "base/core/crc32c.h"

namespace dragonfly {
namespace {

constexpr int64_t kUnitsNs[] = {1, 1'000, 1'000'000, 1'000'000'000};
constexpr size_t kChecksumBytes = 4;
constexpr uint8_t kMixed = 8;
constexpr double kExactIntegersBelow = 9007199254740992.0;  // 2^53

// On disk; never renumbered.
enum Encoding : uint8_t { kAbsent = 0, kConstant = 1, kIntegers = 2, kHundredths = 3, kRaw = 4 };

double to_double(uint64_t bits) { return std::bit_cast<double>(bits); }
uint64_t to_bits(double value) { return std::bit_cast<uint64_t>(value); }

uint8_t coarsest_unit(std::span<const int64_t> times) {
  for (uint8_t unit = 3; unit > 0; --unit) {
    if (std::ranges::all_of(times, [&](int64_t time) { return time % kUnitsNs[unit] == 0; })) return unit;
  }
  return 0;
}

// Differences of differences, in arithmetic modulo 2^64 so that no time is out of range.
void encode_times(Bytes& out, std::span<const int64_t> times, uint8_t unit) {
  ByteWriter writer(out);
  uint64_t previous = 0;
  uint64_t step = 0;
  for (size_t row = 0; row < times.size(); ++row) {
    const auto now = static_cast<uint64_t>(times[row] / kUnitsNs[unit]);
    writer.svarint(static_cast<int64_t>(now - previous - step));
    // The first row's step would be the whole time.
    step = row == 0 ? 0 : now - previous;
    previous = now;
  }
}

void encode_boots(Bytes& out, std::span<const uint64_t> boots) {
  ByteWriter writer(out);
  for (size_t begin = 0; begin < boots.size();) {
    size_t end = begin + 1;
    while (end < boots.size() && boots[end] == boots[begin]) ++end;
    writer.varint(end - begin);
    writer.u64(boots[begin]);
    begin = end;
  }
}

// The integer that stands for a double under an encoding; false where it would not read back bit for bit.
bool to_integer(uint64_t bits, Encoding encoding, int64_t& integer) {
  const double scaled = encoding == kHundredths ? to_double(bits) * 100.0 : to_double(bits);
  if (!(std::fabs(scaled) < kExactIntegersBelow)) return false;  // Also NaN.
  integer = std::llrint(scaled);
  const double back = encoding == kHundredths ? static_cast<double>(integer) / 100.0 : static_cast<double>(integer);
  return to_bits(back) == bits;
}

// Appends `values` as deltas; false (with `out` as it was) where it is not exact or not smaller than raw.
bool try_deltas(Bytes& out, std::span<const uint64_t> values, ValueType type, Encoding encoding) {
  const size_t start = out.size();
  const size_t raw_end = start + values.size() * 8;
  ByteWriter writer(out);
  uint64_t previous = 0;
  for (const uint64_t bits : values) {
    auto integer = static_cast<int64_t>(bits);
    if (out.size() >= raw_end || (type == ValueType::kFloat64 && !to_integer(bits, encoding, integer))) {
      out.resize(start);
      return false;
    }
    writer.svarint(static_cast<int64_t>(static_cast<uint64_t>(integer) - previous));
    previous = static_cast<uint64_t>(integer);
  }
  return true;
}

void encode_constant(Bytes& out, uint64_t bits) {
  for (; bits != 0; bits >>= 8) out.push_back(static_cast<uint8_t>(bits));
}

void encode_raw(Bytes& out, std::span<const uint64_t> values) {
  const size_t start = out.size();
  out.resize(start + values.size_bytes());
  std::memcpy(out.data() + start, values.data(), values.size_bytes());
}

Encoding encode_values(Bytes& out, std::span<const uint64_t> values, ValueType type) {
  if (std::ranges::all_of(values, [&](uint64_t bits) { return bits == values[0]; })) {
    encode_constant(out, values[0]);
    return kConstant;
  }
  if (try_deltas(out, values, type, kIntegers)) return kIntegers;
  if (type == ValueType::kFloat64 && try_deltas(out, values, type, kHundredths)) return kHundredths;
  encode_raw(out, values);
  return kRaw;
}

// Appends a column's data and returns its directory byte.
uint8_t encode_column(Bytes& out, const Column& column, size_t begin, size_t end, std::vector<uint64_t>& scratch) {
  const auto head = static_cast<uint8_t>(static_cast<uint8_t>(column.type) << 4);
  const std::span present(column.present.data() + begin, end - begin);
  const auto count = static_cast<size_t>(std::ranges::count_if(present, [](uint8_t p) { return p != 0; }));
  if (count == 0) return head | kAbsent;
  const std::span all(column.bits.data() + begin, end - begin);
  if (count == all.size()) return head | encode_values(out, all, column.type);
  scratch.clear();
  const size_t bitmap = out.size();
  out.resize(bitmap + (all.size() + 7) / 8);
  for (size_t row = 0; row < all.size(); ++row) {
    if (present[row] == 0) continue;
    out[bitmap + row / 8] |= static_cast<uint8_t>(1u << (row % 8));
    scratch.push_back(all[row]);
  }
  return head | kMixed | encode_values(out, scratch, column.type);
}

// Reads `count` values of one encoding; false where the data are not exactly that.
bool decode_values(ByteReader& in, uint8_t encoding, ValueType type, std::span<uint64_t> values) {
  if (encoding == kConstant) {
    if (in.remaining() > 8) return false;
    uint64_t bits = 0;
    for (unsigned shift = 0; in.remaining() > 0; shift += 8) bits |= static_cast<uint64_t>(in.u8()) << shift;
    std::ranges::fill(values, bits);
    return true;
  }
  if (encoding == kRaw) {
    const ByteView data = in.bytes(values.size_bytes());
    if (in.ok()) std::memcpy(values.data(), data.data(), data.size());
    return in.done();
  }
  uint64_t value = 0;
  for (uint64_t& out : values) {
    value += static_cast<uint64_t>(in.svarint());
    out = value;
  }
  if (type != ValueType::kFloat64) return in.done();
  const double divisor = encoding == kHundredths ? 100.0 : 1.0;
  for (uint64_t& out : values) out = to_bits(static_cast<double>(static_cast<int64_t>(out)) / divisor);
  return in.done();
}

bool encoding_fits(uint8_t encoding, ValueType type) {
  return encoding <= kRaw && (encoding != kHundredths || type == ValueType::kFloat64);
}

// Fills `present` from a bitmap; false where bits beyond the last row are set.
bool read_bitmap(ByteView bitmap, std::vector<uint8_t>& present) {
  for (size_t row = 0; row < bitmap.size() * 8; ++row) {
    const uint8_t bit = bitmap[row / 8] >> (row % 8) & 1;
    if (row < present.size()) {
      present[row] = bit;
    } else if (bit != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

void encode_chunk(Bytes& out, ByteView key, GroupId group, const ColumnSet& rows, size_t begin, size_t end) {
  const size_t count = end - begin;
  DF_ASSERT(begin < end && end <= rows.rows() && rows.columns.size() <= kChunkColumnsMax);
  DF_ASSERT(count <= chunk_rows_max(rows.columns.size()));
  const std::span times(rows.times_ns.data() + begin, count);
  DF_ASSERT(std::ranges::adjacent_find(times, std::greater_equal<>{}) == times.end());

  const size_t start = out.size();
  const uint8_t unit = coarsest_unit(times);
  Bytes data;
  data.reserve(count * (rows.columns.size() + 1) * 2);
  encode_times(data, times, unit);
  const size_t times_bytes = data.size();
  encode_boots(data, {rows.boots.data() + begin, count});

  ByteWriter writer(out);
  writer.u8(kChunkVersion);
  writer.u32(static_cast<uint32_t>(group));
  writer.varint(count);
  writer.varint(rows.columns.size());
  writer.u8(unit);
  writer.varint(times_bytes);
  writer.varint(data.size() - times_bytes);
  std::vector<uint64_t> scratch;
  for (const Column& column : rows.columns) {
    const size_t before = data.size();
    writer.u8(encode_column(data, column, begin, end, scratch));
    writer.varint(data.size() - before);
  }
  writer.bytes(data);
  writer.u32(crc32c(ByteView(out).subspan(start), crc32c(key)));
}

Result<ChunkReader> ChunkReader::open(ByteView key, ByteView chunk) {
  if (chunk.size() < 1 + kChecksumBytes) return fail(ErrorCode::kCorruption, "chunk of {} bytes is too short", chunk.size());
  const ByteView body = chunk.first(chunk.size() - kChecksumBytes);
  if (ByteReader(chunk.last(kChecksumBytes)).u32() != crc32c(body, crc32c(key)))
    return fail(ErrorCode::kCorruption, "chunk's checksum does not match");
  ByteReader in(body);
  if (const uint8_t version = in.u8(); version != kChunkVersion)
    return fail(ErrorCode::kUnsupported, "chunk has version {}; this build reads {}", version, kChunkVersion);
  ChunkReader reader;
  reader.group_ = GroupId{in.u32()};
  const uint64_t rows = in.varint();
  const uint64_t columns = in.varint();
  reader.unit_ = in.u8();
  const uint64_t times_bytes = in.varint();
  const uint64_t boots_bytes = in.varint();
  // A row costs a byte of times at least and a column two of directory: what is allocated below is bounded by the input.
  if (!in.ok() || columns > kChunkColumnsMax || rows == 0 || rows > chunk_rows_max(columns) || rows > times_bytes ||
      columns * 2 > in.remaining() || reader.unit_ >= std::size(kUnitsNs))
    return fail(ErrorCode::kCorruption, "chunk's header is malformed");
  reader.rows_ = rows;
  reader.columns_.reserve(columns);
  std::vector<uint64_t> lengths(columns);
  for (uint64_t& length : lengths) {
    const uint8_t head = in.u8();
    const auto type = static_cast<ValueType>(head >> 4);
    const uint8_t encoding = head & 7;
    length = in.varint();
    if (type < ValueType::kFloat64 || type > ValueType::kBool || !encoding_fits(encoding, type) ||
        (encoding == kAbsent && (length != 0 || (head & kMixed) != 0)))
      return fail(ErrorCode::kCorruption, "chunk's column directory is malformed");
    reader.columns_.push_back({type, encoding, (head & kMixed) != 0, {}});
  }
  reader.times_ = in.bytes(times_bytes);
  reader.boots_ = in.bytes(boots_bytes);
  for (size_t i = 0; i < lengths.size(); ++i) reader.columns_[i].data = in.bytes(lengths[i]);
  if (!in.done()) return fail(ErrorCode::kCorruption, "chunk's columns do not fill it exactly");
  return reader;
}

Result<std::vector<int64_t>> ChunkReader::times() const {
  ByteReader in(times_);
  std::vector<int64_t> out(rows_);
  uint64_t value = 0;
  uint64_t step = 0;
  for (size_t row = 0; row < rows_; ++row) {
    step += static_cast<uint64_t>(in.svarint());
    value += step;
    if (row == 0) step = 0;
    if (__builtin_mul_overflow(static_cast<int64_t>(value), kUnitsNs[unit_], &out[row]) ||
        (row > 0 && out[row] <= out[row - 1]))
      return fail(ErrorCode::kCorruption, "chunk's times are malformed");
  }
  if (!in.done()) return fail(ErrorCode::kCorruption, "chunk's times are malformed");
  return out;
}

Result<std::vector<uint64_t>> ChunkReader::boots() const {
  ByteReader in(boots_);
  std::vector<uint64_t> out;
  out.reserve(rows_);
  while (in.ok() && in.remaining() > 0) {
    const uint64_t run = in.varint();
    const uint64_t boot = in.u64();
    if (!in.ok() || run > rows_ - out.size()) break;
    out.insert(out.end(), run, boot);
  }
  if (!in.done() || out.size() != rows_) return fail(ErrorCode::kCorruption, "chunk's boot runs are malformed");
  return out;
}

Result<Column> ChunkReader::column(size_t index) const {
  DF_ASSERT(index < columns_.size());
  const Entry& entry = columns_[index];
  Column out{entry.type, std::vector<uint64_t>(rows_, 0), std::vector<uint8_t>(rows_, entry.encoding == kAbsent ? 0 : 1)};
  if (entry.encoding == kAbsent) return out;
  ByteReader in(entry.data);
  bool good = true;
  if (!entry.mixed) {
    good = decode_values(in, entry.encoding, entry.type, out.bits);
  } else {
    const ByteView bitmap = in.bytes((rows_ + 7) / 8);
    good = in.ok() && read_bitmap(bitmap, out.present);
    std::vector<uint64_t> values(static_cast<size_t>(std::ranges::count(out.present, 1)));
    good = good && !values.empty() && decode_values(in, entry.encoding, entry.type, values);
    for (size_t row = 0, at = 0; good && row < rows_; ++row) {
      if (out.present[row] != 0) out.bits[row] = values[at++];
    }
  }
  if (entry.type == ValueType::kBool) good = good && std::ranges::all_of(out.bits, [](uint64_t bits) { return bits <= 1; });
  if (!good) return fail(ErrorCode::kCorruption, "chunk's column {} is malformed", index);
  return out;
}

Result<ColumnSet> ChunkReader::all() const {
  ColumnSet out;
  auto row_times = times();
  if (!row_times) return fail(row_times.error());
  auto row_boots = boots();
  if (!row_boots) return fail(row_boots.error());
  out.times_ns = std::move(*row_times);
  out.boots = std::move(*row_boots);
  out.columns.reserve(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto one = column(i);
    if (!one) return fail(one.error());
    out.columns.push_back(std::move(*one));
  }
  return out;
}

}  // namespace dragonfly
