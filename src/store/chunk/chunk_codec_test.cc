#include "store/chunk/chunk_codec.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/core/crc32c.h"
#include "store/chunk/sample_rows.h"

namespace dragonfly {
namespace {

constexpr std::string_view kKey = "a key";

constexpr ChunkEffort kEfforts[] = {ChunkEffort::kFast, ChunkEffort::kSmall};

Bytes encode(const ColumnSet& rows, ChunkEffort effort = ChunkEffort::kSmall, GroupId group = GroupId::kCpu) {
  Bytes out;
  encode_chunk(out, as_bytes(kKey), group, rows, 0, rows.rows(), effort);
  return out;
}

Result<ColumnSet> decode(ByteView chunk) {
  auto reader = ChunkReader::open(as_bytes(kKey), chunk);
  if (!reader) return fail(reader.error());
  return reader->all();
}

ColumnSet one_column(ValueType type, const std::vector<std::optional<Value>>& values) {
  ColumnSet out;
  out.columns.push_back({type, {}, {}});
  for (size_t i = 0; i < values.size(); ++i)
    add_row(out, 1'000'000'000 * (1 + static_cast<int64_t>(i)), 1, {values[i]});
  return out;
}

TEST(ChunkCodec, KeepsEveryBit) {
  const auto f = [](ValueType type, std::vector<std::optional<Value>> values) {
    const ColumnSet rows = one_column(type, values);
    for (const ChunkEffort effort : kEfforts) {
      const auto back = decode(encode(rows, effort));
      ASSERT_TRUE(back.has_value()) << back.error().message;
      EXPECT_EQ(*back, rows);
    }
  };
  const double nan = std::bit_cast<double>(uint64_t{0x7ff8'0000'dead'beef});
  f(ValueType::kFloat64, {Value::of(0.0)});
  f(ValueType::kFloat64, {Value::of(-0.0), Value::of(0.0)});
  f(ValueType::kFloat64, {Value::of(nan), Value::of(1.5), std::nullopt});
  f(ValueType::kFloat64, {Value::of(0.01), Value::of(99.99), Value::of(-12.34)});
  f(ValueType::kFloat64, {Value::of(9007199254740992.0), Value::of(1.0)});
  f(ValueType::kFloat64, {Value::of(1e-300), Value::of(-1e300), Value::of(std::numeric_limits<double>::infinity())});
  f(ValueType::kFloat64, {std::nullopt, std::nullopt});
  f(ValueType::kInt64, {Value::of(INT64_MIN), Value::of(INT64_MAX), Value::of(int64_t{0})});
  f(ValueType::kUint64, {Value::of(UINT64_MAX), Value::of(uint64_t{0}), Value::of(UINT64_MAX)});
  f(ValueType::kUint64, {std::nullopt, Value::of(uint64_t{5}), Value::of(uint64_t{6}), std::nullopt});
  f(ValueType::kBool, {Value::of(true), Value::of(false), std::nullopt, Value::of(true)});
}

TEST(ChunkCodec, DecodeUndoesEncode) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SeededRandom random(seed);
    const ColumnSet rows = random_rows(random, 90, 12);
    for (const ChunkEffort effort : kEfforts) {
      const auto back = decode(encode(rows, effort));
      ASSERT_TRUE(back.has_value()) << "seed " << seed << ": " << back.error().message;
      ASSERT_EQ(*back, rows) << "seed " << seed;
      ASSERT_EQ(encode(*back, effort), encode(rows, effort)) << "seed " << seed;
    }
  }
}

TEST(ChunkCodec, TakesExtremeTimes) {
  const auto f = [](std::vector<int64_t> times) {
    ColumnSet rows;
    for (const int64_t time : times) add_row(rows, time, 7, {});
    const auto back = decode(encode(rows));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, rows);
  };
  f({INT64_MIN, -1, 0, 1, INT64_MAX});
  f({INT64_MIN, INT64_MAX});
  f({-9'223'372'036'000'000'000, 9'223'372'036'000'000'000});
  f({0});
}

TEST(ChunkCodec, ReadsAColumnAlone) {
  SeededRandom random(5);
  ColumnSet rows = random_rows(random, 50, 8);
  while (rows.columns.size() < 3) rows = random_rows(random, 50, 8);
  const Bytes bytes = encode(rows, ChunkEffort::kSmall, GroupId::kDisk);
  const auto reader = ChunkReader::open(as_bytes(kKey), bytes);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->group(), GroupId::kDisk);
  EXPECT_EQ(reader->rows(), rows.rows());
  ASSERT_EQ(reader->columns(), rows.columns.size());
  for (size_t i = rows.columns.size(); i-- > 0;) {
    EXPECT_EQ(reader->type(i), rows.columns[i].type);
    EXPECT_EQ(reader->column(i).value(), rows.columns[i]);
  }
}

TEST(ChunkCodec, EncodesAPartOfTheRows) {
  SeededRandom random(6);
  ColumnSet rows = random_rows(random, 60, 6);
  while (rows.rows() < 20) rows = random_rows(random, 60, 6);
  Bytes bytes{1, 2, 3};  // Appended to, not overwritten.
  encode_chunk(bytes, as_bytes(kKey), GroupId::kCpu, rows, 5, 17);
  ColumnSet part = rows;
  part.keep({from_unix_ns(rows.times_ns[5]), from_unix_ns(rows.times_ns[17])});
  EXPECT_EQ(decode(ByteView(bytes).subspan(3)).value(), part);
}

TEST(ChunkCodec, SeesEveryCutAndFlip) {
  SeededRandom random(7);
  const Bytes whole = encode(random_rows(random, 20, 5));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode(ByteView(whole).first(size)).has_value()) << size;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_FALSE(decode(flipped).has_value()) << bit;
  }
}

TEST(ChunkCodec, SeesAnotherKey) {
  const Bytes chunk = encode(one_column(ValueType::kBool, {Value::of(true)}));
  EXPECT_TRUE(ChunkReader::open(as_bytes(kKey), chunk).has_value());
  EXPECT_EQ(ChunkReader::open(as_bytes("b key"), chunk).error().code, ErrorCode::kCorruption);
}

// With a right checksum, so that what lies behind it is reached.
TEST(ChunkCodec, SurvivesNonsenseBehindTheChecksum) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SeededRandom random(seed);
    Bytes chunk = encode(random_rows(random, 20, 5));
    for (uint64_t i = 0; i <= random.below(4); ++i)
      chunk[random.below(chunk.size() - 4)] = static_cast<uint8_t>(random.next());
    chunk.resize(chunk.size() - 4);
    ByteWriter(chunk).u32(crc32c(chunk, crc32c(as_bytes(kKey))));
    const auto rows = decode(chunk);
    if (!rows) continue;
    EXPECT_EQ(decode(encode(*rows)).value(), *rows) << "seed " << seed;
  }
}

TEST(ChunkCodec, RefusesWhatWouldNotFitMemory) {
  const auto f = [](uint64_t rows, uint64_t columns, size_t padding) {
    Bytes chunk;
    ByteWriter writer(chunk);
    writer.u8(kChunkVersion);
    writer.varint(1);
    writer.varint(rows);
    writer.varint(columns);
    writer.u8(0);
    writer.varint(padding);
    writer.varint(9);
    chunk.resize(chunk.size() + padding + 9);
    writer.u32(crc32c(chunk, crc32c(as_bytes(kKey))));
    const auto out = decode(chunk);
    return out ? std::string("good") : out.error().message;
  };
  EXPECT_EQ(f(UINT64_MAX, 0, 10), "chunk's header is malformed");
  EXPECT_EQ(f(0, 0, 0), "chunk's header is malformed");
  EXPECT_EQ(f(kChunkRowsMax + 1, 0, kChunkRowsMax + 1), "chunk's header is malformed");
  EXPECT_EQ(f(1, kChunkColumnsMax + 1, 10'000), "chunk's header is malformed");
  EXPECT_EQ(f(kChunkCellsMax / 1000 + 1, 1000, 10'000), "chunk's header is malformed");
}

TEST(ChunkCodec, NamesAnUnknownVersion) {
  Bytes chunk = encode(one_column(ValueType::kBool, {Value::of(true)}));
  chunk[0] = 1;
  chunk.resize(chunk.size() - 4);
  ByteWriter(chunk).u32(crc32c(chunk, crc32c(as_bytes(kKey))));
  const auto rows = decode(chunk);
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(rows.error().message.find("version 1"), std::string::npos);
}

TEST(ChunkCodec, GoldenBytes) {
  ColumnSet rows;
  for (const ValueType type : {ValueType::kFloat64, ValueType::kFloat64, ValueType::kFloat64, ValueType::kUint64,
                               ValueType::kInt64, ValueType::kBool, ValueType::kUint64})
    rows.columns.push_back({type, {}, {}});
  const int64_t start = 1'573'803'000'000'000'000;
  const auto row = [&](int64_t ms, uint64_t boot, double hundredths, double raw, std::optional<double> integer,
                       uint64_t total, int64_t signed_value, bool truth) {
    std::optional<Value> third;
    if (integer) third = Value::of(*integer);
    add_row(
        rows, start + ms * 1'000'000, boot,
        {Value::of(hundredths), Value::of(raw), third, Value::of(total), Value::of(signed_value), Value::of(truth)});
  };
  row(0, 0x1122334455667788, 2.25, 0.1234567, 4.0, 1'000'000, -5, true);
  row(1000, 0x1122334455667788, 2.5, -0.0, std::nullopt, 1'000'500, -5, false);
  row(2005, 0x99, 97.75, 1e100, 8.0, 3, -5, true);
  const Bytes chunk = encode(rows, ChunkEffort::kSmall, GroupId{64});
  std::ifstream file(DF_SOURCE_DIR "/tests/compat/v2/chunk.hex");
  std::string hex;
  file >> hex;
  EXPECT_EQ(to_hex(chunk), hex);
  EXPECT_EQ(decode(from_hex(hex)).value(), rows);
}

}  // namespace
}  // namespace dragonfly
