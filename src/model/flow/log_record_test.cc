#include "model/flow/log_record.h"

#include <gmock/gmock.h>

#include "base/rt/random.h"
#include "model/row/row.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

template <class Record>
Bytes encoded(const Record& record) {
  Bytes out;
  record.encode(out);
  return out;
}

template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}

TEST(LogRecord, RecordsComeBackWithTheirOffsets) {
  Bytes log;
  append_record(log, LogRecordType::kVm, as_bytes("first"));
  append_record(log, LogRecordType::kRows, ByteView{});
  append_record(log, LogRecordType{200}, [](Bytes& out) { ByteWriter(out).u32(7); });
  LogRecordReader reader(log);
  const auto f = [&](uint8_t type, size_t offset, size_t bytes) {
    const auto record = reader.next();
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(static_cast<uint8_t>(record->type), type);
    EXPECT_EQ(record->offset, offset);
    EXPECT_EQ(record->payload.size(), bytes);
  };
  f(1, 0, 5);
  f(4, 14, 0);
  f(200, 23, 4);
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.offset(), log.size());
}

TEST(LogRecord, EveryCutAndEveryBitFlipIsFoundAtItsRecord) {
  Bytes log;
  append_record(log, LogRecordType::kVm, as_bytes("first"));
  const size_t first = log.size();
  append_record(log, LogRecordType::kRows, as_bytes("second record"));
  const auto good = [](const Bytes& bytes, size_t& records) {
    LogRecordReader reader(bytes);
    records = 0;
    while (reader.next()) ++records;
    EXPECT_FALSE(reader.next().has_value());
    return std::pair(reader.ok(), reader.offset());
  };
  size_t records = 0;
  for (size_t size = 0; size <= log.size(); ++size) {
    const Bytes cut(log.begin(), log.begin() + static_cast<ptrdiff_t>(size));
    const auto [ok, offset] = good(cut, records);
    EXPECT_EQ(ok, size == 0 || size == first || size == log.size()) << size;
    EXPECT_EQ(offset, size < first ? 0 : size < log.size() ? first : log.size());
  }
  for (size_t bit = 0; bit < log.size() * 8; ++bit) {
    Bytes flipped = log;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto [ok, offset] = good(flipped, records);
    EXPECT_FALSE(ok) << bit;
    EXPECT_EQ(offset, bit / 8 < first ? 0 : first) << bit;
  }
}

TEST(LogRecord, ATailOfZerosIsDamage) {
  Bytes log;
  append_record(log, LogRecordType::kVm, as_bytes("first"));
  const size_t end = log.size();
  log.resize(end + 100);
  LogRecordReader reader(log);
  EXPECT_TRUE(reader.next().has_value());
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.offset(), end);
}

TEST(LogRecord, APayloadOfTheLimitIsReadAndALongerLengthIsNot) {
  Bytes log;
  append_record(log, LogRecordType::kRows, Bytes(kLogPayloadBytesMax));
  EXPECT_TRUE(LogRecordReader(log).next().has_value());
  log.push_back(0);
  const auto length = static_cast<uint32_t>(kLogPayloadBytesMax + 1);
  std::memcpy(log.data(), &length, sizeof length);
  EXPECT_FALSE(LogRecordReader(log).next().has_value());
}

TEST(LogRecord, VmComesBack) {
  VmRecord record;
  record.id = VmId{7};
  record.identity = {"ns1", "m1", "vm-1"};
  const Bytes bytes = encoded(record);
  const auto out = VmRecord::decode(bytes);
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_EQ(out->id, record.id);
  EXPECT_EQ(out->identity, record.identity);
  record.identity.mcis.clear();
  EXPECT_EQ(message(VmRecord::decode(encoded(record))), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(VmRecord::decode(ByteView(bytes).first(size)).has_value());
  }
}

TEST(LogRecord, MeasurementComesBack) {
  MeasurementRecord record;
  record.group = GroupId{70};
  record.ns = "ns1";
  record.name = "nginx";
  record.fields = {{"requests", ValueType::kUint64}, {"up", ValueType::kBool}};
  const Bytes bytes = encoded(record);
  const auto out = MeasurementRecord::decode(bytes);
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_EQ(out->group, record.group);
  EXPECT_EQ(out->name, "nginx");
  ASSERT_EQ(out->fields.size(), 2u);
  EXPECT_EQ(out->fields[1].name, "up");
  EXPECT_EQ(out->fields[1].type, ValueType::kBool);
  EXPECT_EQ(encoded(*out), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(MeasurementRecord::decode(ByteView(bytes).first(size)).has_value());
  }
}

TEST(LogRecord, RecordsSayWhatIsWrong) {
  const auto vm = [](std::string_view hex, std::string_view what) {
    EXPECT_THAT(message(VmRecord::decode(spaced_hex(hex))), HasSubstr(what)) << hex;
  };
  vm("01000000 016e 016d 0176", "");
  vm("00000000 016e 016d 0176", "id is 0");
  vm("01000000 00 016d 0176", "ns has 0 bytes");
  vm("01000000 016e 016d 00", "vm has 0 bytes");
  vm("01000000 016e 0107 0176", "mcis contains the control character");
  vm("01000000 016e 016d 017600", "cut or too long");
  const auto measurement = [](std::string_view hex, std::string_view what) {
    EXPECT_THAT(message(MeasurementRecord::decode(spaced_hex(hex))), HasSubstr(what)) << hex;
  };
  measurement("40000000 016e 016d 00", "");
  measurement("3f000000 016e 016d 00", "group is the catalogue's");
  measurement("40000000 016e 016d 8108", "1025 fields; at most 1024");
  measurement("40000000 016e 016d 01016100", "field 0 has type 0");
  measurement("40000000 016e 016d 01016105", "field 0 has type 5");
  const auto rows = [](std::string_view hex, std::string_view what) {
    EXPECT_THAT(message(RowsRecord::decode(spaced_hex(hex))), HasSubstr(what)) << hex;
  };
  rows("01000000 0000000000000000 0000000000000000 00", "");
  rows("00000000 0000000000000000 0000000000000000 00", "vm is 0");
  rows("01000000 0000000000000000 0000000000000000 02", "from agent");
  rows("01000000 0000000000000000 0000000000000000 01", "cut");
  rows("01000000 0000000000000000 00000000000000", "cut");
}

TEST(LogRecordProperty, RowsComeBack) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const Bytes block(random.below(300), 0xb1);
    RowsRecord record;
    record.vm = VmId{static_cast<uint32_t>(1 + random.below(UINT32_MAX))};
    record.received_at = from_unix_ns(static_cast<int64_t>(random.next()));
    record.dictionary_id = random.next();
    if (random.below(2) == 0) {
      record.agent = RowsRecord::Agent{random.next(),
                                       random.next(),
                                       random.next(),
                                       random.next(),
                                       random.next() >> random.below(64),
                                       random.next() >> random.below(64)};
    }
    record.row_block = block;
    Bytes bytes = encoded(record);
    const auto out = RowsRecord::decode(bytes);
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_EQ(out->vm, record.vm);
    EXPECT_EQ(out->received_at, record.received_at);
    EXPECT_EQ(out->agent.has_value(), record.agent.has_value());
    EXPECT_TRUE(std::equal(out->row_block.begin(), out->row_block.end(), block.begin(), block.end()));
    EXPECT_EQ(encoded(*out), bytes);
    bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1 + random.below(255));
    if (const auto changed = RowsRecord::decode(bytes)) {
      EXPECT_TRUE(RowsRecord::decode(encoded(*changed)).has_value());
    }
  }
}

}  // namespace
}  // namespace dragonfly
