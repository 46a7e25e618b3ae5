#include "base/core/json_writer.h"

#include <gtest/gtest.h>

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
  f(1e21, "1000000000000000000000");
  f(1e-7, "0.0000001");
  f(-0.1, "-0.1");
  f(5, "5");
  f(NAN, "null");
  f(INFINITY, "null");
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

}  // namespace
}  // namespace dragonfly
