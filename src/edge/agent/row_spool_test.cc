#include "edge/agent/row_spool.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/rt/clock.h"
#include "edge/agent/spool_testing.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

constexpr uint64_t kAgent = 0x0123456789abcdef;
const Timestamp kWall = from_unix_ms(1'800'000'000'000);

struct Fixture {
  Fixture() {
    dictionary.encoded = Bytes(60, 7);
    dictionary.id = dictionary_id(dictionary.encoded);
    open();
  }
  void open(uint64_t agent_id = kAgent) {
    spool.reset();
    auto opened = RowSpool::open(files, directory.path(), agent_id, limits, random, wall);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    spool = std::move(*opened);
    sequence = spool->first_sequence();
  }
  // Blocks of three rows, each of `bytes` bytes.
  bool append(int count = 1, size_t bytes = 900) {
    bool all = true;
    for (int i = 0; i < count; ++i) {
      const Bytes block(bytes, static_cast<uint8_t>(sequence));
      all &= spool->append({sequence, 3, lowest == 0 ? sequence : lowest, unix_ms(wall), dictionary.id, block},
                           dictionary, monotonic);
      if (lowest == 0) lowest = sequence;
      sequence += 3;
    }
    return all;
  }
  std::vector<uint64_t> read_all() const {
    std::vector<uint64_t> out;
    SpooledBlock block;
    while (spool->next(block, wall)) {
      EXPECT_EQ(block.rows.row_block[0], static_cast<uint8_t>(block.rows.first_sequence));
      EXPECT_EQ(block.dictionary->encoded, dictionary.encoded);
      out.push_back(block.rows.first_sequence);
    }
    return out;
  }

  TestDirectory directory;
  FullFiles files;
  SpoolLimits limits;
  SeededRandom random{1};
  SentDictionary dictionary;
  std::unique_ptr<RowSpool> spool;
  Timestamp wall = kWall;
  MonotonicTime monotonic{1s};
  uint64_t sequence = 1;
  uint64_t lowest = 0;
};

TEST(RowSpool, ComesBackInOrderAfterAStartUnderHigherSequences) {
  Fixture f;
  EXPECT_EQ(f.spool->first_sequence(), 1u);
  ASSERT_TRUE(f.append(700));  // Three segments.
  EXPECT_EQ(f.directory.segments().size(), 3u);
  const uint64_t id = f.spool->spool_id();
  f.open();
  EXPECT_EQ(f.spool->spool_id(), id);
  EXPECT_GT(f.spool->first_sequence(), 2100u);
  EXPECT_EQ(f.spool->rows_waiting(), 2100u);
  EXPECT_EQ(f.spool->lowest_waiting(), 1u);
  const auto read = f.read_all();
  ASSERT_EQ(read.size(), 700u);
  for (size_t i = 0; i < read.size(); ++i) EXPECT_EQ(read[i], 1 + 3 * i);
  EXPECT_FALSE(f.spool->waiting());
  EXPECT_EQ(f.spool->stats().rows_dropped, 0u);
}

TEST(RowSpool, EachStartBeginsAboveTheOneBefore) {
  Fixture f;
  uint64_t before = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(f.append());
    f.open();
    EXPECT_GT(f.spool->first_sequence(), before);
    EXPECT_EQ(f.spool->first_sequence() % RowSpool::kStartStep, 0u);
    before = f.spool->first_sequence();
  }
  f.wall = from_unix_ms(0);  // A clock that went back does not lead back.
  f.append();
  f.open();
  EXPECT_GT(f.spool->first_sequence(), before);
}

TEST(RowSpool, WhatWasAcknowledgedDoesNotComeBack) {
  Fixture f;
  ASSERT_TRUE(f.append(10));
  f.open();
  const SequenceRange range[] = {{13, 18}};
  f.spool->acknowledged(6, range);
  EXPECT_EQ(f.read_all(), (std::vector<uint64_t>{7, 10, 19, 22, 25, 28}));
}

TEST(RowSpool, ACleanStopLeavesNothingToSend) {
  Fixture f;
  ASSERT_TRUE(f.append(10));
  f.spool->close(f.sequence);
  f.open();
  EXPECT_FALSE(f.spool->waiting());
  EXPECT_EQ(f.spool->rows_waiting(), 0u);
}

TEST(RowSpool, SegmentsGoWhenAllOfThemIsAcknowledgedButTheNewestStays) {
  Fixture f;
  ASSERT_TRUE(f.append(700));
  f.spool->release(f.sequence);
  EXPECT_EQ(f.directory.segments().size(), 1u);
  EXPECT_LE(f.directory.bytes(), f.spool->bytes());
  f.lowest = f.sequence;
  f.monotonic += RowSpool::kSegmentAge;
  ASSERT_TRUE(f.append());  // A new one by its age; the one before holds nothing that is kept.
  f.spool->release(f.lowest);
  EXPECT_EQ(f.directory.segments().size(), 1u);
}

TEST(RowSpool, TheOldestGoWhenTheRoomIsUsedUpAndAreCounted) {
  Fixture f;
  f.limits.bytes_max = kSpoolBytesMin;
  f.open();
  for (int i = 0; i < 3000; ++i) {
    f.append();
    f.spool->left_memory(f.sequence - 3, 3);
    ASSERT_LE(f.directory.bytes(), kSpoolBytesMin + 4096);
  }
  const uint64_t dropped = f.spool->stats().rows_dropped;
  EXPECT_GT(dropped, 0u);
  EXPECT_EQ(dropped + f.spool->rows_waiting(), 9000u);
  EXPECT_EQ(f.spool->lowest_waiting(), dropped + 1);
  EXPECT_EQ(f.read_all().size() * 3, 9000 - dropped);
  EXPECT_EQ(f.spool->stats().rows_dropped, dropped);
}

TEST(RowSpool, RowsPastTheirAgeAreDroppedAndCounted) {
  Fixture f;
  f.append(5);
  f.wall += 23h;
  f.open();
  f.append(5);
  f.wall += 2h;
  f.open();
  EXPECT_EQ(f.read_all().size(), 5u);
  EXPECT_EQ(f.spool->stats().rows_dropped, 15u);
}

TEST(RowSpool, AFullDiskIsToldAndTriedAgain) {
  Fixture f;
  ASSERT_TRUE(f.append(3));
  f.files.room = 100;
  EXPECT_FALSE(f.append());
  EXPECT_EQ(f.spool->stats().rows_unwritten, 3u);
  EXPECT_EQ(f.spool->stats().errors, 1u);
  EXPECT_NE(f.spool->stats().last_error, "");
  f.files.room = UINT64_MAX;
  EXPECT_FALSE(f.append());  // Not at once,
  f.monotonic += RowSpool::kRetryAfter;
  EXPECT_TRUE(f.append(2));  // but later; and the torn record is not before them.
  f.open();
  EXPECT_EQ(f.spool->stats().bytes_damaged, 0u);
  EXPECT_EQ(f.read_all(), (std::vector<uint64_t>{1, 4, 7, 16, 19}));
}

TEST(RowSpool, ADiskThatIsFullAtTheStartIsTriedAgain) {
  Fixture f;
  f.files.room = 10;
  EXPECT_FALSE(f.append());
  EXPECT_EQ(f.directory.segments().size(), 0u);
  f.files.room = UINT64_MAX;
  f.monotonic += RowSpool::kRetryAfter;
  EXPECT_TRUE(f.append());
  f.open();
  EXPECT_EQ(f.read_all().size(), 1u);
}

TEST(RowSpool, ACorruptTailCostsThatTail) {
  Fixture f;
  ASSERT_TRUE(f.append(10));
  const Path path = f.directory.segments()[0];
  const auto size = std::filesystem::file_size(path);
  const auto g = [&](uint64_t cut, size_t blocks, uint64_t damaged) {
    std::filesystem::resize_file(path, cut);
    f.open();
    EXPECT_EQ(f.spool->stats().bytes_damaged, damaged) << cut;
    EXPECT_EQ(f.read_all().size(), blocks) << cut;
  };
  std::fstream(path, std::ios::in | std::ios::out).seekp(static_cast<std::streamoff>(size) - 1).put('!');
  g(size, 9, size - 28 - 69 - 9 * ((size - 28 - 69) / 10));
  g(size + 4096, 9, 4096 + (size - 28 - 69) / 10);  // Zeroes behind it.
  g(29, 0, 1);                                      // Nothing is left of it: a new spool.
  EXPECT_EQ(f.directory.segments().size(), 0u);
}

TEST(RowSpool, DamageThatComesAfterTheStartIsCounted) {
  Fixture f;
  ASSERT_TRUE(f.append(10));
  f.open();
  std::filesystem::resize_file(f.directory.segments()[0], 3000);
  EXPECT_EQ(f.read_all().size(), 3u);
  EXPECT_EQ(f.spool->stats().rows_dropped, 21u);
  f.append(2);
  f.open();
  std::filesystem::remove(f.directory.segments()[0]);
  EXPECT_EQ(f.read_all().size(), 2u);
  EXPECT_GT(f.spool->stats().errors, 0u);
}

TEST(RowSpool, OfAnotherAgentIsLeftOut) {
  Fixture f;
  ASSERT_TRUE(f.append(2));
  f.open(kAgent + 1);
  EXPECT_FALSE(f.spool->waiting());
  EXPECT_EQ(f.spool->first_sequence(), 1u);
  EXPECT_GT(f.spool->stats().bytes_damaged, 0u);
}

TEST(RowSpool, OneProcessAtATime) {
  Fixture f;
  const auto other = RowSpool::open(f.files, f.directory.path(), kAgent, {}, f.random, kWall);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::kUnavailable);
}

// Any cut and any flipped bit: fewer rows, never others.
TEST(RowSpool, DamageAnywhereIsSurvived) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    Fixture f;
    f.append(20, 100);
    const Path path = f.directory.segments()[0];
    auto bytes = *system_files().read_file(path, 1 << 20);
    if (random.below(2) == 0) bytes.resize(random.below(bytes.size()));
    if (!bytes.empty()) bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1 + random.below(255));
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    f.open();
    const auto read = f.read_all();
    EXPECT_LT(read.size(), 20u);
    for (size_t i = 0; i < read.size(); ++i) EXPECT_EQ(read[i], 1 + 3 * i);
    EXPECT_TRUE(f.append());
  }
}

TEST(SpoolCodec, ReleasedBytesAreReadAndWrittenAgain) {
  const Bytes dictionary = {1, 2, 3};
  const Bytes block = {9, 8, 7, 6};
  const SpoolRecord records[] = {SpoolDictionary{dictionary},
                                 SpoolRows{300, 12, 288, 1'800'000'000'123, 0xfeedf00d, block}, SpoolEnd{312}};
  Bytes made;
  SpoolHeader{kAgent, 0x1122334455667788}.encode(made);
  for (const SpoolRecord& record : records) encode_spool_record(record, made);
  const Bytes bytes = golden(DF_SOURCE_DIR, "spool_segment", made);
  EXPECT_EQ(bytes, made);
  const auto header = SpoolHeader::decode(bytes);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->agent_id, kAgent);
  EXPECT_EQ(header->spool_id, 0x1122334455667788u);
  SpoolReader reader(bytes);
  SpoolRecord record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_TRUE(std::ranges::equal(std::get<SpoolDictionary>(record).encoded, dictionary));
  ASSERT_TRUE(reader.next(record));
  const auto& rows = std::get<SpoolRows>(record);
  EXPECT_EQ(rows.first_sequence, 300u);
  EXPECT_EQ(rows.rows, 12u);
  EXPECT_EQ(rows.lowest_kept, 288u);
  EXPECT_EQ(rows.time_ms, 1'800'000'000'123);
  EXPECT_EQ(rows.dictionary_id, 0xfeedf00du);
  EXPECT_TRUE(std::ranges::equal(rows.row_block, block));
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(std::get<SpoolEnd>(record).lowest_kept, 312u);
  EXPECT_FALSE(reader.next(record));
  EXPECT_EQ(reader.good_bytes(), bytes.size());
}

TEST(SpoolCodec, HeadersThatAreNotOurs) {
  Bytes good;
  SpoolHeader{1, 2}.encode(good);
  const auto f = [&](size_t at, uint8_t value, size_t size, ErrorCode code) {
    Bytes bytes = good;
    bytes[at] = value;
    bytes.resize(size);
    const auto header = SpoolHeader::decode(bytes);
    ASSERT_FALSE(header.has_value());
    EXPECT_EQ(header.error().code, code);
  };
  f(0, 'X', 28, ErrorCode::kCorruption);
  f(4, 2, 28, ErrorCode::kUnsupported);
  f(8, 9, 28, ErrorCode::kCorruption);
  f(0, 'D', 27, ErrorCode::kCorruption);
  f(0, 'D', 0, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace dragonfly
