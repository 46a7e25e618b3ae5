#include "model/row/row.h"

#include <array>
#include <bit>
#include <cmath>

#include "base/core/assert.h"
#include "model/row/fields_walk.h"

namespace dragonfly {
namespace {

constexpr uint64_t kIntegerEnd = uint64_t{1} << 62;  // Integer forms stay below, so that zigzag and form bit fit.
constexpr int64_t kNsPerMs = 1'000'000;

void encode_integer(ByteWriter& out, int64_t value) { out.varint(zigzag(value) << 1); }

void encode_double(ByteWriter& out, uint64_t bits) {
  const auto value = std::bit_cast<double>(bits);
  if (std::fabs(value) < 0x1p53) {  // False for NaN.
    const auto whole = static_cast<int64_t>(value);
    if (std::bit_cast<uint64_t>(static_cast<double>(whole)) == bits) return encode_integer(out, whole);  // Not -0.0.
    const double scaled = value * 100.0;
    if (std::fabs(scaled) < 0x1p53) {
      const int64_t hundredths = std::llround(scaled);
      if (std::bit_cast<uint64_t>(static_cast<double>(hundredths) / 100.0) == bits) {
        return out.varint(zigzag(hundredths) << 2 | 1);
      }
    }
  }
  out.u8(fields::kFloat64Form);
  out.u64(bits);
}

// Field types of the catalogue groups, packed: a Metric is 20 times as large as what the check needs.
struct GroupTypes {
  std::array<ValueType, 64> types{};
  size_t count = 0;
};

// Whether the first byte and the length of a value tell already that it fits.
bool fits_by_form(uint8_t first, size_t bytes, ValueType type) {
  const unsigned form = first & 3;
  // Hundredths are doubles; 7 bytes hold integers below 2^47, which a double holds exactly.
  if (type == ValueType::kFloat64) return form == 1 || ((form & 1) == 0 && bytes <= 7);
  return type == ValueType::kUint64 && form == 0;  // An integer form whose zigzag is even: not negative.
}

const GroupTypes& types_of(GroupId group) {
  static const std::array<GroupTypes, std::size(kCatalogueGroups)> kTypes = [] {
    std::array<GroupTypes, std::size(kCatalogueGroups)> all;
    for (const GroupId id : kCatalogueGroups) {
      GroupTypes& out = all[static_cast<size_t>(id) - 1];
      const auto metrics = metrics_of(id);
      DF_ASSERT(metrics.size() <= out.types.size());
      for (const Metric& metric : metrics) out.types[out.count++] = metric.type;
    }
    return all;
  }();
  return kTypes[static_cast<size_t>(group) - 1];
}

int64_t in_unit(Timestamp time, RowBlockWriter::Unit unit) {
  return unit == RowBlockWriter::Unit::kMilliseconds ? unix_ms(time) : unix_ns(time);
}

}  // namespace

double Value::as_double() const {
  switch (type) {
    case ValueType::kFloat64: return std::bit_cast<double>(bits);
    case ValueType::kInt64: return static_cast<double>(static_cast<int64_t>(bits));
    case ValueType::kUint64:
    case ValueType::kBool: break;
  }
  return static_cast<double>(bits);
}

std::optional<Value> convert(Value value, ValueType to) {
  Value out{to, 0};
  if (!fields::fit(value, to, out.bits)) return std::nullopt;
  return out;
}

void encode_value(ByteWriter& out, Value value) {
  const auto as_signed = static_cast<int64_t>(value.bits);
  switch (value.type) {
    case ValueType::kFloat64: return encode_double(out, value.bits);
    case ValueType::kBool: return out.u8(value.bits != 0 ? fields::kTrueForm : fields::kFalseForm);
    case ValueType::kInt64:
      if (zigzag(as_signed) < 2 * kIntegerEnd - 1) return encode_integer(out, as_signed);
      out.u8(fields::kInt64Form);
      return out.u64(value.bits);
    case ValueType::kUint64:
      if (value.bits < kIntegerEnd) return encode_integer(out, as_signed);
      out.u8(fields::kUint64Form);
      return out.u64(value.bits);
  }
}

void encode_fields(ByteWriter& out, const std::vector<std::optional<Value>>& values) {
  DF_ASSERT(values.size() <= kFieldsMax);
  out.varint(values.size());
  for (size_t first = 0; first < values.size(); first += 8) {
    unsigned bits = 0;
    for (size_t i = first; i < values.size() && i < first + 8; ++i)
      bits |= unsigned{values[i].has_value()} << (i - first);
    out.u8(static_cast<uint8_t>(bits));
  }
  for (const auto& value : values) {
    if (value) encode_value(out, *value);
  }
}

RowBlockWriter::RowBlockWriter(Bytes& out, Unit unit, Timestamp base)
    : out_(out), unit_(unit), base_(in_unit(base, unit)) {
  ByteWriter writer(out_);
  writer.u8(static_cast<uint8_t>(unit));
  writer.svarint(base_);
}

size_t RowBlockWriter::begin_row(GroupId group, uint32_t device, Timestamp time) {
  const size_t start = out_.size();
  ByteWriter writer(out_);
  writer.u8(0);  // Most rows are shorter than 128 bytes: room for their length.
  writer.varint(static_cast<uint32_t>(group));
  writer.varint(device);
  // Wraps like the reader's sum: two times of a block may lie more than 2^63 ns apart.
  writer.svarint(static_cast<int64_t>(static_cast<uint64_t>(in_unit(time, unit_)) - static_cast<uint64_t>(base_)));
  return start;
}

void RowBlockWriter::end_row(size_t start) {
  size_t length = out_.size() - start - 1;
  DF_ASSERT(length <= kRowBytesMax);
  ++rows_;
  if (length >= 0x80) {
    uint8_t prefix[3];
    size_t size = 0;
    for (; length >= 0x80; length >>= 7) prefix[size++] = static_cast<uint8_t>(length | 0x80);
    prefix[size++] = static_cast<uint8_t>(length);
    out_.insert(out_.begin() + static_cast<ptrdiff_t>(start), size - 1, 0);
    std::memcpy(out_.data() + start, prefix, size);
    return;
  }
  out_[start] = static_cast<uint8_t>(length);
}

void RowBlockWriter::add(const Row& row) {
  const size_t start = begin_row(row.group, row.device, row.time);
  ByteWriter writer(out_);
  encode_fields(writer, row.values);
  end_row(start);
}

void RowBlockWriter::add(GroupId group, uint32_t device, Timestamp time, ByteView fields) {
  const size_t start = begin_row(group, device, time);
  out_.insert(out_.end(), fields.begin(), fields.end());
  end_row(start);
}

RowBlockReader::RowBlockReader(ByteView block) : in_(block) {
  const uint8_t unit = in_.u8();
  base_ = in_.svarint();
  if (unit == static_cast<uint8_t>(RowBlockWriter::Unit::kMilliseconds))
    unit_ns_ = kNsPerMs;
  else if (unit == static_cast<uint8_t>(RowBlockWriter::Unit::kNanoseconds))
    unit_ns_ = 1;
  else
    in_.fail();
}

std::optional<RowView> RowBlockReader::next() {
  if (in_.remaining() == 0) return std::nullopt;
  const uint64_t length = in_.varint();
  if (length > kRowBytesMax || length > in_.remaining()) {
    in_.fail();
    return std::nullopt;
  }
  ByteReader row(in_.bytes(length));
  const uint64_t group = row.varint();
  const uint64_t device = row.varint();
  // Wraps as the writer's difference does.
  const auto time = static_cast<int64_t>(static_cast<uint64_t>(base_) + static_cast<uint64_t>(row.svarint()));
  int64_t ns = 0;
  const ByteView fields(row.position(), row.remaining());
  if (group > UINT32_MAX || device > UINT32_MAX || __builtin_mul_overflow(time, unit_ns_, &ns) || !row.ok() ||
      fields.empty()) {
    in_.fail();
    return std::nullopt;
  }
  return RowView{static_cast<GroupId>(group), static_cast<uint32_t>(device), from_unix_ns(ns), fields};
}

bool fields_are_valid(GroupId group, ByteView fields) {
  if (!is_catalogue_group(group)) {
    return fields::walk_bytes(fields, [](size_t, const uint8_t*, const uint8_t*) { return true; });
  }
  const GroupTypes& known = types_of(group);
  return fields::walk_bytes(fields, [&](size_t index, const uint8_t* at, const uint8_t* next) {
    if (index >= known.count || fits_by_form(*at, static_cast<size_t>(next - at), known.types[index])) return true;
    Value value;
    uint64_t bits;
    return fields::read_value(at, next, value) && fields::fit(value, known.types[index], bits);
  });
}

}  // namespace dragonfly
