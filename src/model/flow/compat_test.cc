// Released bytes of log records are read, and written again, for ever.
#include <gtest/gtest.h>

#include "model/flow/log_record.h"
#include "model/row/row.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

// Writes `record` as `type` and compares with what the reader finds next.
template <class Record>
std::optional<Record> next(LogRecordReader& reader, LogRecordType type) {
  const auto found = reader.next();
  EXPECT_TRUE(found.has_value());
  if (!found) return std::nullopt;
  EXPECT_EQ(found->type, type);
  const auto record = Record::decode(found->payload);
  EXPECT_TRUE(record.has_value());
  if (!record) return std::nullopt;
  Bytes again;
  record->encode(again);
  EXPECT_TRUE(std::equal(again.begin(), again.end(), found->payload.begin(), found->payload.end()));
  return *record;
}

Bytes sample_log() {
  Bytes log;
  const VmRecord vm{VmId{1}, {"ns1", "mcis-1", "vm-1"}};
  append_record(log, LogRecordType::kVm, [&](Bytes& out) { vm.encode(out); });
  Dictionary dictionary;
  dictionary.labels = {{"nsId", "ns1"}, {"vmId", "vm-1"}};
  append_record(log, LogRecordType::kDictionary, dictionary.encode());
  const MeasurementRecord measurement{
      GroupId{64}, "ns1", "nginx", {{"requests", ValueType::kUint64}, {"up", ValueType::kBool}}};
  append_record(log, LogRecordType::kMeasurement, [&](Bytes& out) { measurement.encode(out); });
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, from_unix_ms(1'767'225'602'000));
  Row row;
  row.reset(GroupId{64}, from_unix_ms(1'767'225'602'000), 2);
  row.values = {Value::of(uint64_t{9000}), Value::of(true)};
  writer.add(row);
  RowsRecord rows;
  rows.vm = VmId{1};
  rows.received_at = from_unix_ns(1'767'225'602'013'000'017);
  rows.dictionary_id = dictionary_id(dictionary.encode());
  rows.row_block = block;
  append_record(log, LogRecordType::kRows, [&](Bytes& out) { rows.encode(out); });
  rows.agent = RowsRecord::Agent{0x0123456789abcdef, 0x99, 17, 0x5151515151515151, 1001, 990};
  append_record(log, LogRecordType::kRows, [&](Bytes& out) { rows.encode(out); });
  return log;
}

TEST(LogRecordCompat, EveryRecord) {
  const Bytes bytes = golden(DF_SOURCE_DIR, "log_records", sample_log());
  EXPECT_EQ(sample_log(), bytes);
  LogRecordReader reader(bytes);
  const auto vm = next<VmRecord>(reader, LogRecordType::kVm);
  ASSERT_TRUE(vm.has_value());
  EXPECT_EQ(vm->id, VmId{1});
  EXPECT_EQ(vm->identity, (VmIdentity{"ns1", "mcis-1", "vm-1"}));
  const auto dictionary = reader.next();
  ASSERT_TRUE(dictionary && dictionary->type == LogRecordType::kDictionary);
  EXPECT_EQ(Dictionary::decode(dictionary->payload)->label("vmId"), "vm-1");
  const auto measurement = next<MeasurementRecord>(reader, LogRecordType::kMeasurement);
  ASSERT_TRUE(measurement.has_value());
  EXPECT_EQ(measurement->name, "nginx");
  EXPECT_EQ(measurement->fields.at(1).name, "up");
  const auto dialect = next<RowsRecord>(reader, LogRecordType::kRows);
  ASSERT_TRUE(dialect.has_value());
  EXPECT_FALSE(dialect->agent.has_value());
  EXPECT_EQ(dialect->received_at, from_unix_ns(1'767'225'602'013'000'017));
  EXPECT_EQ(dialect->dictionary_id, dictionary_id(dictionary->payload));
  const auto native = next<RowsRecord>(reader, LogRecordType::kRows);
  ASSERT_TRUE(native && native->agent);
  EXPECT_EQ(native->agent->packet, 17u);
  EXPECT_EQ(native->agent->first_sequence, 1001u);
  EXPECT_EQ(native->agent->lowest_kept, 990u);
  EXPECT_TRUE(RowBlockReader(native->row_block).next().has_value());
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.ok());
}

}  // namespace
}  // namespace dragonfly
