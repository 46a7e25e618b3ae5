#include "ingest/dialect/telegraf_json.h"

#include <gtest/gtest.h>

#include "base/rt/random.h"
#include "ingest/dialect/batch_text.h"

namespace dragonfly {
namespace {

std::string read(std::string_view datagram) {
  std::string out;
  read_telegraf_json(
      datagram, {[&](const Point& point) {
                   out += point.name;
                   for (const auto& tag : point.tags) out += fmt::format("|{}:{}", tag.key, tag.value);
                   for (const auto& field : point.fields) {
                     out += fmt::format("|{}={}", field.name, field.is_text ? "text" : text_of(field.value));
                   }
                   if (point.time) out += fmt::format("|{}", unix_ns(*point.time));
                   out += ';';
                 },
                 [&](size_t number, std::string_view problem) { out += fmt::format("!{}: {};", number, problem); }});
  return out;
}

TEST(TelegrafJson, Metrics) {
  const auto f = [](std::string_view datagram, std::string_view expected) {
    EXPECT_EQ(read(datagram), expected) << datagram;
  };
  f(R"({"name":"cpu","tags":{"vmId":"v"},"fields":{"a":1,"b":1.5,"c":true,"d":"x","e":null},"timestamp":1})",
    "cpu|vmId:v|a=1i|b=1.5|c=true|d=text|1000000000;");
  f(R"({"name":"cpu","fields":{"a":18446744073709551615}})", "cpu|a=18446744073709551615u;");
  f(R"({"name":"cpu","tags":null,"fields":{"a":1}})", "cpu|a=1i;");
  f(R"({"name":"cpu","tags":{"x":""},"fields":{"a":1},"other":[1]})", "cpu|a=1i;");
  f(R"({"name":"a","fields":{"x":1}} {"name":"b","fields":{"x":1}}
{"name":"c","fields":{"x":1}})",
    "a|x=1i;b|x=1i;c|x=1i;");
  f(R"({"metrics":[{"name":"a","fields":{"x":1}},{"name":"b","fields":{"x":1}}]}{"name":"c","fields":{"x":1}})",
    "a|x=1i;b|x=1i;c|x=1i;");
  f(R"({"metrics":[]})", "");
  f(R"({"name":"\uc628\n","fields":{"x":1}})", "온\n|x=1i;");
}

TEST(TelegrafJson, TimesByTheirMagnitude) {
  const auto f = [](std::string_view time, int64_t ns) {
    EXPECT_EQ(read(fmt::format(R"({{"name":"m","fields":{{"x":1}},"timestamp":{}}})", time)),
              fmt::format("m|x=1i|{};", ns));
  };
  f("1700000000", 1'700'000'000'000'000'000);
  f("1700000000123", 1'700'000'000'123'000'000);
  f("1700000000123456", 1'700'000'000'123'456'000);
  f("1700000000123456789", 1'700'000'000'123'456'789);
  f("0", 0);
  f("-5", -5'000'000'000);
  f("1700000000.5", 1'700'000'000'500'000'000);
}

TEST(TelegrafJson, WrongMetricsSayWhy) {
  const auto f = [](std::string_view datagram, std::string_view problem) {
    EXPECT_EQ(read(datagram), fmt::format("!1: {};", problem)) << datagram;
  };
  f(R"({})", "'name' is missing");
  f(R"({"name":5,"fields":{"x":1}})", "'name' is a number; it must be a text");
  f(R"({"name":"","fields":{"x":1}})", "'name' is empty");
  f(R"({"name":"m"})", "'fields' is missing");
  f(R"({"name":"m","fields":[1]})", "'fields' is a list; it must be an object");
  f(R"({"name":"m","fields":{}})", "there is no field");
  f(R"({"name":"m","fields":{"x":null}})", "there is no field");
  f(R"({"name":"m","fields":{"x":[1]}})", "field 'x' is a list; it must be a number, a truth value or a text");
  f(R"({"name":"m","fields":{"x":{}}})", "field 'x' is an object; it must be a number, a truth value or a text");
  f(R"({"name":"m","fields":{"":1}})", "a field's name is empty");
  f(R"({"name":"m","tags":[],"fields":{"x":1}})", "'tags' is a list; it must be an object");
  f(R"({"name":"m","tags":{"t":5},"fields":{"x":1}})", "tag 't' is a number; it must be a text");
  f(R"({"name":"m","tags":{"t":null},"fields":{"x":1}})", "tag 't' is null; it must be a text");
  f(R"({"name":"m","tags":{"":"v"},"fields":{"x":1}})", "a tag's name is empty");
  f(R"({"name":"m","fields":{"x":1},"timestamp":"now"})", "'timestamp' is a text; it must be a number");
  f(R"({"name":"m","fields":{"x":1},"timestamp":true})", "'timestamp' is a truth value; it must be a number");
  f(R"({"name":"m","fields":{"x":1},"timestamp":1e300})", "'timestamp' is beyond the years 1678 to 2262");
  f(R"({"name":"m","fields":{"x":1},"timestamp":18446744073709551615})",
    "'timestamp' is beyond the years 1678 to 2262");
  f(R"([])", "it is a list; it must be an object");
  f(R"(5)", "it is a number; it must be an object");
  f(R"({"metrics":5})", "'metrics' is a number; it must be a list of metrics");
  f(R"({"metrics":[5]})", "it is a number; it must be an object");
  f("", "it is not JSON: it is empty");
  f("  \n", "it is not JSON: it is empty");
}

TEST(TelegrafJson, WhatIsNotJsonEndsTheReading) {
  const auto f = [](const std::string& datagram) {
    EXPECT_NE(read(datagram).find("!1: it is not JSON: "), std::string::npos) << read(datagram);
  };
  f("{");
  f("{\"name\":");
  f("{'name':'m'}");
  f("{\"name\":\"m\",}");
  f("nonsense");
  f(std::string(kTelegrafBytesMax + 1, ' '));
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "{\"a\":";
  f(deep + "1" + std::string(65, '}'));
  EXPECT_EQ(read(R"({"name":"a","fields":{"x":1}}{"name")").substr(0, 26), "a|x=1i;!2: it is not JSON:");
}

TEST(TelegrafJson, LimitsAndOneMore) {
  const auto with_tags = [](int n) {
    std::string tags;
    for (int i = 0; i < n; ++i) tags += fmt::format(R"({}"t{}":"v")", i ? "," : "", i);
    return read(fmt::format(R"({{"name":"m","tags":{{{}}},"fields":{{"x":1}}}})", tags));
  };
  EXPECT_EQ(with_tags(40).front(), 'm');
  EXPECT_EQ(with_tags(41), "!1: there are more than 40 tags;");
  const auto with_fields = [](int n) {
    std::string fields;
    for (int i = 0; i < n; ++i) fields += fmt::format(R"({}"f{}":1)", i ? "," : "", i);
    return read(fmt::format(R"({{"name":"m","fields":{{{}}}}})", fields));
  };
  EXPECT_EQ(with_fields(1024).front(), 'm');
  EXPECT_EQ(with_fields(1025), "!1: there are more than 1024 fields;");
  const auto named = [](size_t n) {
    return read(fmt::format(R"({{"name":"{}","fields":{{"x":1}}}})", std::string(n, 'm')));
  };
  EXPECT_EQ(named(256).front(), 'm');
  EXPECT_EQ(named(257), "!1: 'name' has 257 bytes; at most 256;");
}

TEST(TelegrafJson, BentDatagramsEnd) {
  const std::string good =
      R"({"name":"cpu","tags":{"vmId":"v","cpu":"cpu0"},"fields":{"a":1,"b":1.5},"timestamp":1700000000})";
  SeededRandom random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    for (uint64_t i = 0; i <= random.below(4); ++i)
      bad[random.below(bad.size())] = static_cast<char>(random.below(256));
    bad.resize(random.below(bad.size() + 1));
    const std::string out = read(bad);
    EXPECT_TRUE(out.ends_with(';')) << bad;
  }
}

}  // namespace
}  // namespace dragonfly
