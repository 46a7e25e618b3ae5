// Released bytes of dictionaries and row blocks are read, and written again, for ever.
#include <gtest/gtest.h>

#include "model/row/dictionary.h"
#include "model/row/row.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

constexpr int64_t kBaseMs = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

TEST(RowCompat, Dictionary) {
  Dictionary made;
  made.labels = {{"nsId", "ns1"}, {"mcisId", "mcis-1"}, {"vmId", "vm-1"}, {"osType", "UBUNTU"}, {"zone", "서울"}};
  made.devices = {"sda", "nvme0n1", "eth0"};
  made.boot_id = "0d1e6f0c-7c1e-4d2b-9a44-0c9d8d5a2f11";
  made.interval_ms = 2000;
  const Bytes bytes = golden(DF_SOURCE_DIR, "dictionary", made.encode());
  const auto read = Dictionary::decode(bytes);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->labels, made.labels);
  EXPECT_EQ(read->devices, made.devices);
  EXPECT_EQ(read->boot_id, made.boot_id);
  EXPECT_EQ(read->interval_ms, 2000u);
  EXPECT_EQ(read->encode(), bytes);
  EXPECT_EQ(dictionary_id(bytes), 0x157d89ffd8ecb95du);
  EXPECT_EQ(read->boot(), 0xefe617b774c9960bu);
}

// Every form of a value, absent fields, devices, times before and after the base.
std::vector<Row> rows(int64_t unit_ns) {
  std::vector<Row> out(3);
  const auto at = [&](int64_t units) { return from_unix_ms(kBaseMs) + Duration(units * unit_ns); };
  out[0].reset(GroupId::kCpu, at(0), 10);
  out[0].values[0] = Value::of(12.34);
  out[0].values[1] = Value::of(100.0);
  out[0].values[3] = Value::of(-0.5);
  out[0].values[4] = Value::of(1.0 / 3);
  out[0].values[9] = Value::of(-0.0);
  out[1].reset(GroupId::kNetwork, at(2000), 8);
  out[1].device = 3;
  out[1].values[0] = Value::of(uint64_t{123'456'789'012});
  out[1].values[7] = Value::of(UINT64_MAX);
  out[2].reset(GroupId{kFirstCustomGroup}, at(-7), 17);
  out[2].values[0] = Value::of(true);
  out[2].values[1] = Value::of(false);
  out[2].values[8] = Value::of(INT64_MIN);
  out[2].values[16] = Value::of(int64_t{-3});
  return out;
}

TEST(RowCompat, Blocks) {
  const auto f = [](const std::string& name, RowBlockWriter::Unit unit, int64_t unit_ns) {
    Bytes made;
    RowBlockWriter writer(made, unit, from_unix_ms(kBaseMs));
    for (const Row& row : rows(unit_ns)) writer.add(row);
    const Bytes bytes = golden(DF_SOURCE_DIR, name, made);
    Bytes again;
    RowBlockWriter rewriter(again, unit, from_unix_ms(kBaseMs));
    RowBlockReader reader(bytes);
    for (const Row& expected : rows(unit_ns)) {
      const auto row = reader.next();
      ASSERT_TRUE(row.has_value());
      Row read;
      FieldsReader fields(row->fields);
      read.reset(row->group, row->time, fields.count());
      read.device = row->device;
      while (const auto field = fields.next()) {
        const auto& wanted = expected.values.at(field->index);
        ASSERT_TRUE(wanted.has_value());
        read.values[field->index] = convert(field->value, wanted->type);
      }
      EXPECT_TRUE(fields.ok());
      EXPECT_EQ(read.group, expected.group);
      EXPECT_EQ(read.device, expected.device);
      EXPECT_EQ(read.time, expected.time);
      EXPECT_EQ(read.values, expected.values);
      rewriter.add(read);
    }
    EXPECT_FALSE(reader.next().has_value());
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(again, bytes);
  };
  f("row_block_ms", RowBlockWriter::Unit::kMilliseconds, 1'000'000);
  f("row_block_ns", RowBlockWriter::Unit::kNanoseconds, 1);
}

}  // namespace
}  // namespace dragonfly
