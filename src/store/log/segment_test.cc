#include "store/log/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/core/crc32c.h"
#include "base/fs/file.h"
#include "store/log/log_testing.h"

namespace dragonfly {
namespace {

using ::testing::ElementsAre;

constexpr LogPosition kBase{1000};

// Groups of texts behind one another, as the committer writes them.
Bytes content_of(const std::vector<std::vector<std::string>>& groups) {
  Bytes out;
  for (const auto& group : groups) {
    append_log_mark(out, kBase + out.size());
    const Bytes records = batch_of(group);
    out.insert(out.end(), records.begin(), records.end());
  }
  return out;
}

struct Read {
  std::vector<std::string> texts;
  SegmentSummary summary;
};
Read read(ByteView content, bool is_last) {
  Read out;
  out.summary = read_segment(content, kBase, is_last, [&](const LogRecordReader::Record& record, LogPosition at) {
    out.texts.emplace_back(as_text(record.payload));
    // The position is where the record stands.
    EXPECT_EQ(record.payload.data(), content.data() + offset_of(at) - offset_of(kBase) + kLogRecordHeaderBytes);
  });
  return out;
}

TEST(SegmentTest, Names) {
  EXPECT_EQ(segment_name(LogPosition{0}), "00000000000000000000.seg");
  EXPECT_EQ(segment_name(LogPosition{UINT64_MAX}), "18446744073709551615.seg");
  const auto f = [](std::string_view name) {
    const auto base = parse_segment_name(name);
    return base ? std::to_string(offset_of(*base)) : "no";
  };
  EXPECT_EQ(f("00000000000000000042.seg"), "42");
  EXPECT_EQ(f("18446744073709551615.seg"), "18446744073709551615");
  EXPECT_EQ(f("18446744073709551616.seg"), "no");
  EXPECT_EQ(f("42.seg"), "no");
  EXPECT_EQ(f("0000000000000000042x.seg"), "no");
  EXPECT_EQ(f("00000000000000000042.seg.damaged"), "no");
  EXPECT_EQ(f("00000000000000000042.tmp"), "no");
  EXPECT_EQ(f(""), "no");
}

TEST(SegmentTest, HeaderIsFullyChecked) {
  Bytes good;
  append_segment_header(good, kBase);
  ASSERT_EQ(good.size(), kSegmentHeaderBytes);
  EXPECT_EQ(check_segment_header(good, kBase), SegmentHeader::kGood);
  EXPECT_EQ(check_segment_header(good, kBase + 1), SegmentHeader::kDamaged);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(check_segment_header(ByteView(good).first(size), kBase), SegmentHeader::kMissing);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes flipped = good;
    flipped[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_EQ(check_segment_header(flipped, kBase), SegmentHeader::kDamaged) << bit;
  }
  Bytes later = good;
  later[8] = 2;
  const uint32_t sum = crc32c(ByteView(later).first(20));
  std::memcpy(later.data() + 20, &sum, 4);
  EXPECT_EQ(check_segment_header(later, kBase), SegmentHeader::kForeign);
}

TEST(SegmentTest, ReadsGroupsWithoutTheirMarks) {
  const Bytes content = content_of({{"a", "b"}, {}, {"c"}});
  for (const bool is_last : {false, true}) {
    const Read all = read(content, is_last);
    EXPECT_THAT(all.texts, ElementsAre("a", "b", "c"));
    EXPECT_EQ(all.summary.records, 3u);
    EXPECT_EQ(all.summary.good_bytes, content.size());
    EXPECT_EQ(all.summary.damaged_bytes + all.summary.torn_bytes, 0u);
  }
  EXPECT_EQ(read({}, true).summary.good_bytes, 0u);
}

TEST(SegmentTest, ATornTailAtEveryByteCostsOnlyItself) {
  const std::vector<std::vector<std::string>> groups = {{"one"}, {"two", "three"}, {"four"}};
  const Bytes content = content_of(groups);
  std::vector<std::pair<size_t, std::string>> ends;  // Of each record.
  read_segment(content, kBase, true, [&](const LogRecordReader::Record& record, LogPosition at) {
    ends.emplace_back(offset_of(at) - offset_of(kBase) + kLogRecordHeaderBytes + record.payload.size(),
                      as_text(record.payload));
  });
  for (size_t size = 0; size <= content.size(); ++size) {
    std::vector<std::string> expected;
    for (const auto& [end, text] : ends)
      if (end <= size) expected.push_back(text);
    const Read torn = read(ByteView(content).first(size), true);
    EXPECT_EQ(torn.texts, expected) << size;
    EXPECT_EQ(torn.summary.damaged_bytes, 0u) << size;
    EXPECT_EQ(torn.summary.good_bytes + torn.summary.torn_bytes, size);
    // The same bytes before another segment had been durable: that is damage.
    EXPECT_EQ(read(ByteView(content).first(size), false).summary.damaged_bytes, torn.summary.torn_bytes) << size;
    // Zeros, as a file system may leave them behind a crash.
    Bytes zeros(content.begin(), content.begin() + static_cast<ptrdiff_t>(size));
    zeros.resize(size + 100);
    const Read filled = read(zeros, true);
    EXPECT_GE(filled.texts.size(), expected.size()) << size;  // A payload may end in the zeros by chance only.
    EXPECT_EQ(filled.texts, expected) << size;
    EXPECT_EQ(filled.summary.damaged_bytes, 0u) << size;
  }
}

TEST(SegmentTest, EveryFlippedBitCostsAtMostItsGroup) {
  const std::vector<std::vector<std::string>> groups = {{"one", "two"}, {"three", "four"}, {"five", "six"}, {}};
  const Bytes content = content_of(groups);
  std::vector<size_t> starts;  // Of the groups; the last is the mark of a clean stop.
  for (size_t i = 0; i <= groups.size(); ++i)
    starts.push_back(content_of({groups.begin(), groups.begin() + static_cast<ptrdiff_t>(i)}).size());
  for (const bool is_last : {false, true}) {
    for (size_t bit = 0; bit < starts[3] * 8; ++bit) {
      Bytes flipped = content;
      flipped[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      const Read out = read(flipped, is_last);
      EXPECT_EQ(out.summary.torn_bytes, 0u) << bit;
      EXPECT_GT(out.summary.damaged_bytes, 0u) << bit;
      for (size_t group = 0; group < 3; ++group) {
        if (starts[group] <= bit / 8 && bit / 8 < starts[group + 1]) continue;
        for (const std::string& text : groups[group]) EXPECT_THAT(out.texts, testing::Contains(text)) << bit;
      }
    }
  }
}

TEST(SegmentTest, ADamagedPayloadCostsOneRecord) {
  Bytes content = content_of({{"one", "two", "three"}});
  content[kLogMarkBytes + batch_of({"one"}).size() + kLogRecordHeaderBytes] ^= 1;
  for (const bool is_last : {false, true}) {
    const Read out = read(content, is_last);
    EXPECT_THAT(out.texts, ElementsAre("one", "three"));
    EXPECT_EQ(out.summary.damaged_bytes, batch_of({"two"}).size());
  }
}

TEST(SegmentTest, AMarkElsewhereIsNoMark) {
  // A record with a mark of another position inside its payload, behind a damaged length.
  Bytes mark;
  append_log_mark(mark, LogPosition{7});
  Bytes content = content_of({{std::string(as_text(mark)) + "tail"}});
  content[kLogMarkBytes] ^= 0x40;
  const Read out = read(content, true);
  EXPECT_TRUE(out.texts.empty());
  EXPECT_EQ(out.summary.torn_bytes, content.size() - kLogMarkBytes);
}

// A segment of version 1, byte for byte; it must stay readable.
TEST(SegmentTest, GoldenBytes) {
  const Path path = Path(DF_SOURCE_DIR) / "tests/compat/v1/log_segment.hex";
  const Result<Bytes> text = system_files().read_file(path, 1 << 20);
  ASSERT_TRUE(text.has_value()) << text.error().message;
  std::string digits;
  for (const char c : as_text(*text))
    if (!std::isspace(static_cast<unsigned char>(c))) digits += c;
  const Bytes golden = from_hex(digits);

  Bytes made;
  append_segment_header(made, kBase);
  const Bytes content = content_of({{"one", "two"}, {}});
  made.insert(made.end(), content.begin(), content.end());
  EXPECT_EQ(to_hex(made), to_hex(golden));

  ASSERT_EQ(check_segment_header(golden, kBase), SegmentHeader::kGood);
  const Read out = read(ByteView(golden).subspan(kSegmentHeaderBytes), true);
  EXPECT_THAT(out.texts, ElementsAre("one", "two"));
  EXPECT_EQ(out.summary.good_bytes, content.size());
}

}  // namespace
}  // namespace dragonfly
