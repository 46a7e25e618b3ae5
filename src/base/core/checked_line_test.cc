#include "base/core/checked_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/core/bytes.h"
#include "base/core/crc32c.h"
#include "base/core/number.h"
#include "base/core/result.h"

namespace dragonfly {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(CheckedLine, ColumnsComeBack) {
  const auto f = [](std::vector<std::string_view> columns) {
    std::string line = format_checked_line(columns);
    EXPECT_TRUE(line.ends_with('\n'));
    line.pop_back();
    const auto got = parse_checked_line(line);
    return got && *got == columns;
  };
  EXPECT_TRUE(f({"a"}));
  EXPECT_TRUE(f({""}));
  EXPECT_TRUE(f({"", ""}));
  EXPECT_TRUE(f({"a", "", "ü x", "9"}));
  EXPECT_FALSE(f({"a\tb"}));  // Is "a b" afterwards.
  const std::vector<std::string_view> controls = {"a\tb\nc\r"};
  std::string line = format_checked_line(controls);
  line.pop_back();
  EXPECT_THAT(parse_checked_line(line), Optional(ElementsAre("a b c ")));
}

TEST(CheckedLine, WhatIsCutOrChangedIsNone) {
  const std::vector<std::string_view> columns = {"one", "", "three"};
  std::string line = format_checked_line(columns);
  line.pop_back();
  for (size_t i = 0; i < line.size(); ++i) {
    EXPECT_FALSE(parse_checked_line(line.substr(0, i)).has_value()) << i;
    std::string bad = line;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(parse_checked_line(bad).has_value()) << i;
  }
  EXPECT_FALSE(parse_checked_line(line + "0").has_value());
  for (const std::string text : {"a\x01", "\ra", "a\nb"}) {
    EXPECT_FALSE(parse_checked_line(fmt::format("{}\t{:08x}", text, crc32c(as_bytes(text)))).has_value()) << text;
  }
}

TEST(CheckedLine, LinesOfAText) {
  EXPECT_THAT(lines_of("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of("\n\na"), ElementsAre("", "", "a"));
  EXPECT_THAT(lines_of(""), ElementsAre());
  EXPECT_THAT(lines_of("\n"), ElementsAre(""));
}

TEST(Number, TheWholeTextOrNothing) {
  EXPECT_EQ(parse_number<int>("42"), 42);
  EXPECT_EQ(parse_number<int>("-42"), -42);
  EXPECT_EQ(parse_number<uint64_t>("ffFF", 16), 0xffffu);
  EXPECT_EQ(parse_number<uint8_t>("255"), 255);
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "0x1", "1.0", "99999999999"}) {
    EXPECT_EQ(parse_number<int>(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_number<uint8_t>("256"), std::nullopt);
  EXPECT_EQ(parse_number<unsigned>("-1"), std::nullopt);
}

}  // namespace
}  // namespace dragonfly
