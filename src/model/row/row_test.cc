#include "model/row/row.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/rt/random.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Bytes encoded(const std::vector<std::optional<Value>>& values) {
  Bytes out;
  ByteWriter writer(out);
  encode_fields(writer, values);
  return out;
}

Bytes encoded_value(Value value) {
  Bytes out;
  ByteWriter writer(out);
  encode_value(writer, value);
  return out;
}

// What comes back of `values`; nullopt where the reader refuses.
std::optional<std::vector<std::optional<Value>>> decoded(ByteView fields) {
  FieldsReader reader(fields);
  std::vector<std::optional<Value>> out(reader.count());
  while (const auto field = reader.next()) out[field->index] = field->value;
  if (!reader.ok()) return std::nullopt;
  return out;
}

TEST(Value, EncodesInTheShortestFormThatIsExact) {
  const auto f = [](Value value, std::string_view expected) { EXPECT_EQ(to_hex(encoded_value(value)), expected); };
  f(Value::of(0.0), "00");
  f(Value::of(1.0), "04");
  f(Value::of(-1.0), "02");
  f(Value::of(-0.0), "030000000000000080");
  f(Value::of(0.01), "09");
  f(Value::of(-0.01), "05");
  f(Value::of(12.34), "914d");
  f(Value::of(0.001), "03fca9f1d24d62503f");
  f(Value::of(0.1 + 0.2), "03343333333333d33f");
  f(Value::of(kNan), "03000000000000f87f");
  f(Value::of(kInfinity), "03000000000000f07f");
  f(Value::of(0x1p53), "030000000000004043");
  f(Value::of(0x1p53 - 1), "fcffffffffffff3f");
  f(Value::of(int64_t{0}), "00");
  f(Value::of(int64_t{-1}), "02");
  f(Value::of((int64_t{1} << 62) - 1), "fcffffffffffffffff01");
  f(Value::of(int64_t{1} << 62), "0b0000000000000040");
  f(Value::of(-(int64_t{1} << 62) + 1), "faffffffffffffffff01");
  f(Value::of(-(int64_t{1} << 62)), "0b00000000000000c0");
  f(Value::of((uint64_t{1} << 62) - 1), "fcffffffffffffffff01");
  f(Value::of(uint64_t{1} << 62), "070000000000000040");
  f(Value::of(true), "0f");
  f(Value::of(false), "13");
}

TEST(Value, ConvertsOnlyWhatFitsExactly) {
  const auto f = [](Value value, ValueType to, std::optional<Value> expected) {
    EXPECT_EQ(convert(value, to), expected);
  };
  const auto kFloat64 = ValueType::kFloat64;
  const auto kInt64 = ValueType::kInt64;
  const auto kUint64 = ValueType::kUint64;
  const auto kBool = ValueType::kBool;
  f(Value::of(int64_t{-5}), kFloat64, Value::of(-5.0));
  f(Value::of(int64_t{1} << 53), kFloat64, Value::of(0x1p53));
  f(Value::of((int64_t{1} << 53) + 1), kFloat64, std::nullopt);
  f(Value::of(INT64_MAX), kFloat64, std::nullopt);
  f(Value::of(INT64_MIN), kFloat64, Value::of(-0x1p63));
  f(Value::of(uint64_t{1} << 63), kFloat64, Value::of(0x1p63));
  f(Value::of(UINT64_MAX), kFloat64, std::nullopt);
  f(Value::of(0.5), kUint64, std::nullopt);
  f(Value::of(7.0), kUint64, Value::of(uint64_t{7}));
  f(Value::of(-1.0), kUint64, std::nullopt);
  f(Value::of(0x1p64), kUint64, std::nullopt);
  f(Value::of(kNan), kUint64, std::nullopt);
  f(Value::of(int64_t{-1}), kUint64, std::nullopt);
  f(Value::of(int64_t{3}), kUint64, Value::of(uint64_t{3}));
  f(Value::of(-0x1p63), kInt64, Value::of(INT64_MIN));
  f(Value::of(0x1p63), kInt64, std::nullopt);
  f(Value::of(kInfinity), kInt64, std::nullopt);
  f(Value::of(uint64_t{1} << 63), kInt64, std::nullopt);
  f(Value::of((uint64_t{1} << 63) - 1), kInt64, Value::of(INT64_MAX));
  f(Value::of(int64_t{2}), kBool, std::nullopt);
  f(Value::of(1.0), kBool, std::nullopt);
  f(Value::of(true), kBool, Value::of(true));
  f(Value::of(true), kFloat64, std::nullopt);
  f(Value::of(true), kInt64, std::nullopt);
  f(Value::of(true), kUint64, std::nullopt);
}

TEST(Value, AsDoubleReadsEveryType) {
  EXPECT_EQ(Value::of(1.5).as_double(), 1.5);
  EXPECT_EQ(Value::of(int64_t{-2}).as_double(), -2.0);
  EXPECT_EQ(Value::of(UINT64_MAX).as_double(), 0x1p64);
  EXPECT_EQ(Value::of(true).as_double(), 1.0);
}

Value random_value(Random& random, ValueType type) {
  const unsigned shift = static_cast<unsigned>(random.below(64));
  switch (type) {
    case ValueType::kInt64: return Value::of(static_cast<int64_t>(random.next()) >> shift);
    case ValueType::kUint64: return Value::of(random.next() >> shift);
    case ValueType::kBool: return Value::of(random.below(2) == 0);
    case ValueType::kFloat64: break;
  }
  const auto whole = static_cast<double>(static_cast<int64_t>(random.next()) >> shift);
  switch (random.below(4)) {
    case 0: return Value::of(whole);
    case 1: return Value::of(whole / 100);
    case 2: return Value::of(whole * 1.1);
    default: return {ValueType::kFloat64, random.next()};
  }
}

TEST(FieldsProperty, EveryValueComesBackInItsColumn) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    std::vector<std::optional<Value>> values(random.below(seed % 100 == 0 ? kFieldsMax + 1 : 70));
    for (auto& value : values) {
      if (random.below(4) != 0) value = random_value(random, static_cast<ValueType>(1 + random.below(4)));
    }
    const Bytes bytes = encoded(values);
    const auto out = decoded(bytes);
    ASSERT_TRUE(out.has_value());
    ASSERT_EQ(out->size(), values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ((*out)[i].has_value(), values[i].has_value()) << i;
      if (values[i]) {
        EXPECT_EQ(convert(*(*out)[i], values[i]->type), values[i]) << i;
      }
    }
  }
}

TEST(Fields, RefusesWhatIsNotTheGrammar) {
  const auto f = [](std::string_view hex) {
    const Bytes bytes = spaced_hex(hex);
    const bool read = decoded(bytes).has_value();
    EXPECT_EQ(fields_are_valid(GroupId{kFirstCustomGroup}, bytes), read) << hex;
    return read;
  };
  EXPECT_TRUE(f("00"));
  EXPECT_TRUE(f("010104"));
  EXPECT_TRUE(f("0100"));
  EXPECT_TRUE(f("01018400"));                   // 2 in two bytes: a varint may be padded.
  EXPECT_FALSE(f(""));                          // No count.
  EXPECT_FALSE(f("01"));                        // No bitmap.
  EXPECT_FALSE(f("0101"));                      // No value.
  EXPECT_FALSE(f("01010400"));                  // A byte too many.
  EXPECT_FALSE(f("010304"));                    // A bit beyond n.
  EXPECT_FALSE(f("010184"));                    // A varint cut.
  EXPECT_FALSE(f("010103000000000000f0"));      // A double cut.
  EXPECT_FALSE(f("010117"));                    // A form that is not one.
  EXPECT_FALSE(f("010183000000000000000000"));  // A padded form.
  EXPECT_FALSE(f("0101ffffffffffffffffffff"));  // More than 64 bits.
  EXPECT_FALSE(f("8108"));                      // More than kFieldsMax.
}

TEST(Fields, AtMostKFieldsMax) {
  const std::vector<std::optional<Value>> most(kFieldsMax, Value::of(INT64_MIN + 1));
  EXPECT_TRUE(fields_are_valid(GroupId{kFirstCustomGroup}, encoded(most)));
  Bytes more = {0x81, 0x08};
  more.resize(2 + kFieldsMax / 8 + 1, 0);
  EXPECT_FALSE(fields_are_valid(GroupId{kFirstCustomGroup}, more));
}

TEST(Fields, KnownFieldsMustFitTheirColumnAndUnknownOnesNeedNot) {
  const size_t known = metrics_of(GroupId::kNetwork).size();
  std::vector<std::optional<Value>> values(known + 3);
  const auto f = [&](size_t field, Value value) {
    auto copy = values;
    copy[field] = value;
    return fields_are_valid(GroupId::kNetwork, encoded(copy));
  };
  ASSERT_EQ(metrics_of(GroupId::kNetwork)[0].type, ValueType::kUint64);
  EXPECT_TRUE(f(0, Value::of(uint64_t{5})));
  EXPECT_TRUE(f(0, Value::of(UINT64_MAX)));
  EXPECT_FALSE(f(0, Value::of(0.5)));
  EXPECT_FALSE(f(0, Value::of(int64_t{-1})));
  EXPECT_FALSE(f(known - 1, Value::of(true)));
  EXPECT_TRUE(f(known, Value::of(true)));
  EXPECT_TRUE(f(known + 2, Value::of(-0.5)));
}

struct Collected {
  GroupId group;
  uint32_t device;
  Timestamp time;
  Bytes fields;
  bool operator==(const Collected&) const = default;
};

std::optional<std::vector<Collected>> rows_of(ByteView block) {
  RowBlockReader reader(block);
  std::vector<Collected> out;
  while (const auto row = reader.next()) {
    out.push_back({row->group, row->device, row->time, Bytes(row->fields.begin(), row->fields.end())});
  }
  if (!reader.ok()) return std::nullopt;
  return out;
}

TEST(RowBlockProperty, RowsComeBackInBothUnits) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const bool ms = random.below(2) == 0;
    const auto time = [&] {
      const int64_t raw = static_cast<int64_t>(random.next()) >> random.below(40);
      return from_unix_ns(ms ? raw / 1'000'000 * 1'000'000 : raw);
    };
    Bytes block;
    RowBlockWriter writer(block, ms ? RowBlockWriter::Unit::kMilliseconds : RowBlockWriter::Unit::kNanoseconds, time());
    std::vector<Collected> expected;
    for (uint64_t i = random.below(10); i > 0; --i) {
      Row row;
      row.reset(GroupId{static_cast<uint32_t>(random.below(100))}, time(), random.below(200));
      row.device = static_cast<uint32_t>(random.next() >> (32 + random.below(32)));
      for (auto& value : row.values) value = random_value(random, static_cast<ValueType>(1 + random.below(4)));
      writer.add(row);
      expected.push_back({row.group, row.device, row.time, encoded(row.values)});
    }
    EXPECT_EQ(writer.rows(), expected.size());
    const auto rows = rows_of(block);
    ASSERT_TRUE(rows.has_value());
    EXPECT_EQ(*rows, expected);
    // Encoded rows added as they are make the same block.
    Bytes again;
    ByteReader base(ByteView(block).subspan(1));
    const int64_t first = base.svarint();
    RowBlockWriter copier(again, ms ? RowBlockWriter::Unit::kMilliseconds : RowBlockWriter::Unit::kNanoseconds,
                          ms ? from_unix_ms(first) : from_unix_ns(first));
    for (const Collected& row : *rows) copier.add(row.group, row.device, row.time, row.fields);
    EXPECT_EQ(again, block);
  }
}

TEST(RowBlock, TimesFartherApartThan63BitsComeBack) {
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kNanoseconds, from_unix_ns(INT64_MIN));
  Row row;
  row.reset(GroupId::kCpu, from_unix_ns(INT64_MAX), 1);
  writer.add(row);
  const auto rows = rows_of(block);
  ASSERT_TRUE(rows && rows->size() == 1);
  EXPECT_EQ((*rows)[0].time, from_unix_ns(INT64_MAX));
}

TEST(RowBlock, MillisecondsRoundDown) {
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, from_unix_ns(-1));
  Row row;
  row.reset(GroupId::kCpu, from_unix_ns(1'999'999), 1);
  writer.add(row);
  const auto rows = rows_of(block);
  ASSERT_TRUE(rows && rows->size() == 1);
  EXPECT_EQ((*rows)[0].time, from_unix_ms(1));
}

TEST(RowBlock, RefusesWhatIsNotTheGrammar) {
  const auto f = [](std::string_view hex) { return rows_of(spaced_hex(hex)).has_value(); };
  EXPECT_TRUE(f("0100"));             // No rows.
  EXPECT_TRUE(f("010004010000 00"));  // One row without fields.
  EXPECT_FALSE(f(""));
  EXPECT_FALSE(f("01"));    // No base.
  EXPECT_FALSE(f("0000"));  // No such unit.
  EXPECT_FALSE(f("0300"));
  EXPECT_FALSE(f("010005010000 00"));                    // Longer than the block.
  EXPECT_FALSE(f("010003010000"));                       // No fields at all.
  EXPECT_FALSE(f("010000"));                             // An empty row.
  EXPECT_FALSE(f("0100088080808010 000000"));            // Group of more than 32 bits.
  EXPECT_FALSE(f("0100 81800104"));                      // A length above kRowBytesMax.
  EXPECT_FALSE(f("01feffffffffffffffff01 0401000000"));  // ms that are no ns.
}

TEST(RowBlock, EveryCutAndBitFlipIsReadWithoutHarm) {
  SeededRandom random(7);
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, from_unix_ms(1'700'000'000'000));
  for (const GroupId group : kCatalogueGroups) {
    Row row;
    row.reset(group, from_unix_ms(1'700'000'000'000), metrics_of(group).size());
    for (const Metric& metric : metrics_of(group)) row.values[metric.field] = random_value(random, metric.type);
    writer.add(row);
  }
  const size_t whole = rows_of(block)->size();
  ASSERT_EQ(whole, 5u);
  // A cut at a row's end reads as fewer rows; any other is an error.
  for (size_t size = 0; size < block.size(); ++size) {
    const Bytes cut(block.begin(), block.begin() + static_cast<ptrdiff_t>(size));  // Its own buffer, for ASan.
    const auto rows = rows_of(cut);
    if (rows) {
      EXPECT_LT(rows->size(), whole);
    }
  }
  for (size_t bit = 0; bit < block.size() * 8; ++bit) {
    Bytes flipped = block;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    RowBlockReader reader(flipped);
    while (const auto row = reader.next()) {
      const bool whole_row = decoded(row->fields).has_value();
      EXPECT_EQ(fields_are_valid(GroupId{kFirstCustomGroup}, row->fields), whole_row) << bit;
      // Also as the group that it says it has: no sanitizer complains.
      EXPECT_LE(fields_are_valid(row->group, row->fields), whole_row) << bit;
    }
  }
}

}  // namespace
}  // namespace dragonfly
