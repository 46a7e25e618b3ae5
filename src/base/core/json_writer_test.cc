#include "base/core/json_writer.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <random>

#include <cmath>

namespace dragonfly {
namespace {

TEST(JsonWriter, WritesNestedValues) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("a", 1).key("b").begin_array().value("x").value(true).null().end_array();
  json.key("c").begin_object().end_object().field("d", 0.25).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":["x",true,null],"c":{},"d":0.25})");
}

TEST(JsonWriter, NumbersAreFixedAndShort) {
  const auto f = [](double number, const char* want) {
    std::string out;
    JsonWriter(out).value(number);
    EXPECT_EQ(out, want);
  };
  f(97.75, "97.75");
  f(0.0001, "0.0001");
  f(-12.34, "-12.34");
  f(-0.5, "-0.5");
  f(100.01, "100.01");
  f(0.00011, "0.00011");
  f(99999999999.9999, "99999999999.9999");
  f(100000000000.25, "100000000000.25");
  f(1234567890123456789.0, "1234567890123456768");
  f(1e21, "1000000000000000000000");
  f(1e-7, "0.0000001");
  f(-0.1, "-0.1");
  f(5, "5");
  f(NAN, "null");
  f(INFINITY, "null");
}

TEST(JsonWriter, ASpelledNumberStandsAsItIs) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().spelled("1.5").spelled("2").end_array();
  EXPECT_EQ(out, "[1.5,2]");
}

TEST(JsonWriter, EscapesTextAndReplacesBrokenUtf8) {
  const auto f = [](std::string_view text, const char* want) {
    std::string out;
    JsonWriter(out).value(text);
    EXPECT_EQ(out, want);
  };
  f("a\"b\\c\n\x01", R"("a\"b\\c\n\u0001")");
  f("한", "\"한\"");
  f("\xff", "\"\xEF\xBF\xBD\"");
}

TEST(JsonWriter, RowsInOneStep) {
  const auto f = [](int64_t first, std::vector<std::optional<double>> rest) {
    std::string out;
    JsonWriter json(out);
    json.begin_array().values(first, rest).values(first, rest).end_array();
    return out;
  };
  EXPECT_EQ(f(7, {}), "[[7],[7]]");
  EXPECT_EQ(f(-1, {1.5, std::nullopt, NAN}), "[[-1,1.5,null,null],[-1,1.5,null,null]]");
}

// Whatever way a number takes, its digits are the fewest that come back as the same double.
TEST(JsonWriter, NumbersAreTheShortestThatComeBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300'000; ++i) {
    double number = 0;
    switch (i % 4) {
      case 0: number = std::bit_cast<double>(random()); break;
      case 1: number = static_cast<double>(random() % 2'000'000) / 100 - 10'000; break;
      case 2: number = static_cast<double>(random() % 1'000'000'000'000'000) / 10'000; break;
      default: number = static_cast<double>(random() % 10'000'000) / 7; break;
    }
    if (!std::isfinite(number)) continue;
    std::string out;
    JsonWriter(out).value(number);
    char want[400];
    const auto end = std::to_chars(want, want + sizeof want, number, std::chars_format::fixed).ptr;
    ASSERT_EQ(out, std::string_view(want, static_cast<size_t>(end - want)));
  }
}

}  // namespace
}  // namespace dragonfly
