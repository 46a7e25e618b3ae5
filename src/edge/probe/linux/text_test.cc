#include "edge/probe/linux/text.h"

#include <gtest/gtest.h>

#include "edge/probe/fields.h"

namespace dragonfly::linux_probe {
namespace {

TEST(Text, WholeNumbers) {
  const auto f = [](std::string_view word, std::optional<uint64_t> expected) {
    EXPECT_EQ(parse_u64(word), expected) << word;
  };
  f("0", 0);
  f("0042", 42);
  f("18446744073709551615", UINT64_MAX);
  f("18446744073709551616", std::nullopt);
  f("99999999999999999999999", std::nullopt);
  for (const char* word : {"", "-1", "+1", "1.5", "1k", " 1"}) f(word, std::nullopt);
}

TEST(Text, Decimals) {
  const auto f = [](std::string_view word, std::optional<double> expected) {
    EXPECT_EQ(parse_decimal(word), expected) << word;
  };
  f("0.00", 0.0);
  f("873.59", 873.59);
  f("12345678.91", 12345678.91);
  f("2096.039", 2096.039);
  f("7", 7.0);
  f("123456789012345", 123456789012345.0);
  for (const char* word : {"", ".", "1.2.3", "-1", "1e3", "nan", "1234567890123456"}) f(word, std::nullopt);
}

TEST(Text, Ranges) {
  const auto f = [](std::string_view list, bool ok, uint64_t count) {
    uint64_t sum = 0;
    EXPECT_EQ(for_each_range(list, [&](uint64_t first, uint64_t last) { sum += last - first + 1; }), ok) << list;
    if (ok) {
      EXPECT_EQ(sum, count) << list;
    }
  };
  f("0\n", true, 1);
  f("0-63", true, 64);
  f("0-1,3,8-11\n", true, 7);
  for (const char* list : {"", "\n", "a", "3-1", "0-", "-3", "0,,1", "0-99999999999"}) f(list, false, 0);
}

TEST(Text, Percentages) {
  const auto f = [](uint64_t part, uint64_t whole, uint64_t expected) {
    EXPECT_EQ(percent_hundredths(part, whole), expected);
  };
  f(0, 7, 0);
  f(1, 3, 3333);
  f(2, 3, 6667);
  f(7, 7, 10000);
  f(8, 7, 10000);
  f(1, 20000, 1);
  f(UINT64_MAX - 1, UINT64_MAX, 10000);
}

}  // namespace
}  // namespace dragonfly::linux_probe
