#include "ingest/dialect/influx_line.h"

#include <gtest/gtest.h>

#include <charconv>

#include "base/rt/random.h"

namespace dragonfly {
namespace {

using Step = InfluxLineReader::Step;
using Precision = RowDoor::Precision;

std::string shown(const Point::Field& field) {
  if (field.is_text) return "text";
  switch (field.value.type) {
    case ValueType::kFloat64: return fmt::format("{}", field.value.as_double());
    case ValueType::kInt64: return fmt::format("{}i", static_cast<int64_t>(field.value.bits));
    case ValueType::kUint64: return fmt::format("{}u", field.value.bits);
    case ValueType::kBool: return field.value.bits != 0 ? "true" : "false";
  }
  return {};
}

// name|k:v|…|f=v|…|time; "!line: problem" for a wrong one; one after the other.
std::string read(std::string_view body, Precision precision = Precision::kNanoseconds) {
  InfluxLineReader reader(body, precision);
  std::string out;
  for (Step step = reader.next(); step != Step::kEnd; step = reader.next()) {
    if (!out.empty()) out += '\n';
    if (step == Step::kWrong) {
      out += fmt::format("!{}: {}", reader.line(), reader.problem());
      continue;
    }
    const Point& point = reader.point();
    out += point.name;
    for (const auto& tag : point.tags) out += fmt::format("|{}:{}", tag.key, tag.value);
    for (const auto& field : point.fields) out += fmt::format("|{}={}", field.name, shown(field));
    if (point.time) out += fmt::format("|{}", unix_ns(*point.time));
  }
  return out;
}

TEST(InfluxLine, Points) {
  const auto f = [](std::string_view body, std::string_view expected) { EXPECT_EQ(read(body), expected) << body; };
  f("", "");
  f("\n\n  \n\r\n", "");
  f("# only a comment\n  # and one more", "");
  f("cpu usage=1", "cpu|usage=1");
  f("cpu usage=1\n", "cpu|usage=1");
  f("cpu usage=1\r\n", "cpu|usage=1");
  f("  cpu usage=1", "cpu|usage=1");
  f("\tcpu usage=1", "cpu|usage=1");
  f("cpu   usage=1   5  ", "cpu|usage=1|5");
  f("cpu,host=a,vmId=b usage=1.5,idle=2i 1465839830100400200",
    "cpu|host:a|vmId:b|usage=1.5|idle=2i|1465839830100400200");
  f("cpu usage=1 -5", "cpu|usage=1|-5");
  f("a x=1\nb x=2\n\nc x=3", "a|x=1\nb|x=2\nc|x=3");
  f("m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE",
    "m|a=true|b=true|c=true|d=true|e=true|f=false|g=false|h=false|i=false|j=false");
  f("m a=\"x\"", "m|a=text");
  f("m a=\"x\",b=1 7", "m|a=text|b=1|7");
  f("m a=\"with \\\" quote, comma and = sign\",b=1", "m|a=text|b=1");
  f("m a=\"ends with a backslash\\\\\",b=1", "m|a=text|b=1");
  f("m a=\"two\nlines\",b=1\nn c=2", "m|a=text|b=1\nn|c=2");
  f("m a=\"\"", "m|a=text");
  f("my\\ disk,a\\,b\\=c=d\\ e f\\ g=1", "my disk|a,b=c:d e|f g=1");
  f("m\\n,a=\\t x=1", "m\\n|a:\\t|x=1");
  f("m=x a=1", "m=x|a=1");
  f("m,a=\\\\ x a=1", "m|a:\\ x|a=1");  // The second backslash makes the space a literal.
  f("온도,장소=서울 값=1", "온도|장소:서울|값=1");
}

TEST(InfluxLine, Numbers) {
  const auto f = [](std::string_view value, std::string_view expected) {
    EXPECT_EQ(read(fmt::format("m a={}", value)), fmt::format("m|a={}", expected)) << value;
  };
  f("0", "0");
  f("-0", "-0");
  f("1.", "1");
  f(".5", "0.5");
  f("-.5", "-0.5");
  f("1e3", "1000");
  f("1E+3", "1000");
  f("1.25e-2", "0.0125");
  f("0.1", "0.1");
  f("97.75", "97.75");
  f("9007199254740993", "9007199254740992");
  f("123456789012345678901234567890", "1.2345678901234568e+29");
  f("0.00000000000000000001", "1e-20");
  f("1.7976931348623157e308", "1.7976931348623157e+308");
  f("0i", "0i");
  f("-9223372036854775808i", "-9223372036854775808i");
  f("9223372036854775807i", "9223372036854775807i");
  f("18446744073709551615u", "18446744073709551615u");
  f("007", "7");
}

// Every double's shortest text reads back as the same bits, also by the short way.
TEST(InfluxLine, DoublesReadBackExactly) {
  SeededRandom random(7);
  for (int i = 0; i < 20'000; ++i) {
    const double value = i % 2 ? static_cast<double>(random.below(1'000'000'000)) / 1000.0
                               : std::bit_cast<double>(random.next() & ~(uint64_t{0x400} << 52));
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    const std::string line = fmt::format("m a={}", std::string_view(text, static_cast<size_t>(end - text)));
    InfluxLineReader reader(line, Precision::kNanoseconds);
    ASSERT_EQ(reader.next(), Step::kPoint) << line;
    EXPECT_EQ(reader.point().fields[0].value, Value::of(value)) << line;
  }
}

TEST(InfluxLine, Precisions) {
  const auto f = [](Precision precision, std::string_view time, int64_t ns) {
    EXPECT_EQ(read(fmt::format("m a=1 {}", time), precision), fmt::format("m|a=1|{}", ns));
  };
  f(Precision::kNanoseconds, "1500000000000000001", 1'500'000'000'000'000'001);
  f(Precision::kMicroseconds, "1500000000000001", 1'500'000'000'000'001'000);
  f(Precision::kMilliseconds, "1500000000001", 1'500'000'000'001'000'000);
  f(Precision::kSeconds, "1500000001", 1'500'000'001'000'000'000);
  f(Precision::kMinutes, "25000000", 1'500'000'000'000'000'000);
  f(Precision::kHours, "1", 3'600'000'000'000);
  f(Precision::kHours, "2562047", 2562047 * 3'600'000'000'000);
}

TEST(InfluxLine, WrongLinesSayWhy) {
  const auto f = [](std::string_view line, std::string_view problem) {
    EXPECT_EQ(read(line), fmt::format("!1: {}: {}", problem, line.substr(0, line.find('\n')))) << line;
  };
  constexpr std::string_view kAllowed = "; allowed are numbers like 1.5, 5i, 5u, true, false and \"texts\"";
  const auto value = [&](std::string_view text) {
    return fmt::format("field 'a' has the value '{}'{}", text, kAllowed);
  };
  f("m", "there is no field");
  f("m ", "there is no field");
  f("m,t=v", "there is no field");
  f("m,t=v ", "there is no field");
  f(",t=v a=1", "the measurement's name is missing");
  f("m,=v a=1", "a tag has no name");
  f("m,t= a=1", "tag 't' has no value");
  f("m,t a=1", "tag 't' has no value");
  f("m,t,u=1 a=1", "tag 't' has no value");
  f("m,t", "tag 't' has no value");
  f("m, a=1", "a tag has no name");
  f("m,t=v, a=1", "a tag has no name");
  f("m,t=v=w a=1", "tag 't' has a second '=': write it as '\\='");
  f("m,t=v,t=w a=1", "tag 't' comes twice");
  f("m =1", "a field has no name");
  f("m a", "field 'a' has no value");
  f("m a=", "field 'a' has no value");
  f("m a= 5", "field 'a' has no value");
  f("m a=,b=1", "field 'a' has no value");
  f("m a,b=1", "field 'a' has no value");
  f("m a=1,", "a field has no name");
  f("m a=1,=2", "a field has no name");
  f("m a=1,b", "field 'b' has no value");
  f("m a=x", value("x"));
  f("m a=tRUE", value("tRUE"));
  f("m a=truee", value("truee"));
  f("m a=+1", value("+1"));
  f("m a=-", value("-"));
  f("m a=.", value("."));
  f("m a=--1", value("--1"));
  f("m a=1.2.3", value("1.2.3"));
  f("m a=1e", value("1e"));
  f("m a=1x", value("1x"));
  f("m a=0x10", value("0x10"));
  f("m a=1_000", value("1_000"));
  f("m a=1i5", value("1i5"));
  f("m a=1.5i", value("1.5i"));
  f("m a=1ii", value("1ii"));
  f("m a=i", value("i"));
  f("m a=NaN", value("NaN"));
  f("m a=inf", value("inf"));
  f("m a=-inf", value("-inf"));
  f("m a=nan", value("nan"));
  f("m a='x'", value("'x'"));
  f("m a=1,b=2=3", "field 'b' has the value '2=3'; allowed are numbers like 1.5, 5i, 5u, true, false and \"texts\"");
  f("m a=9223372036854775808i", "field 'a' has the value '9223372036854775808i', which is no int64");
  f("m a=-9223372036854775809i", "field 'a' has the value '-9223372036854775809i', which is no int64");
  f("m a=18446744073709551616u", "field 'a' has the value '18446744073709551616u', which is no uint64");
  f("m a=-1u", "field 'a' has the value '-1u', which is no uint64");
  f("m a=1e999", "field 'a' has the value '1e999', which is no float64");
  f("m a=-1e999", "field 'a' has the value '-1e999', which is no float64");
  f("m a=\"x", "the text of field 'a' has no closing '\"'");
  f("m a=\"x\\\"", "the text of field 'a' has no closing '\"'");
  f("m a=\"x\"y", "after the text of field 'a' comes 'y'");
  f("m a=\"x\"\"y\"", "after the text of field 'a' comes '\"y\"'");
  f("m a=1 x", "the time is 'x'; allowed is a whole number");
  f("m a=1 1.5", "the time is '1.5'; allowed is a whole number");
  f("m a=1 5i", "the time is '5i'; allowed is a whole number");
  f("m a=1 2020-01-01T00:00:00Z", "the time is '2020-01-01T00:00:00Z'; allowed is a whole number");
  f("m a=1 99999999999999999999",
    "the time 99999999999999999999 is beyond the years 1678 to 2262; does the precision fit?");
  f("m a=1 5 6", "after the time comes '6'");
  f("m a=1 b=2", "the time is 'b=2'; allowed is a whole number");
  f("m a=1, b=2", "a field has no name");
  f("{\"name\":\"cpu\"}", "there is no field");
  EXPECT_EQ(read("m a=1 9223372036854775807", Precision::kHours),
            "!1: the time 9223372036854775807 is beyond the years 1678 to 2262; does the precision fit?: m a=1 "
            "9223372036854775807");
}

TEST(InfluxLine, OneWrongLineCostsItself) {
  EXPECT_EQ(read("a x=1\nb\nc x=\nd x=4"), "a|x=1\n!2: there is no field: b\n!3: field 'x' has no value: c x=\nd|x=4");
  EXPECT_EQ(read("a x=1\n\n# c\nb x=\"open\nc x=3\nd x=4"),
            "a|x=1\n!4: the text of field 'x' has no closing '\"': b x=\"open\nc|x=3\nd|x=4");
  EXPECT_EQ(read("a x=\"l1\nl2\",y=z\nb x=1"),
            "!1: field 'y' has the value 'z'; allowed are numbers like 1.5, 5i, 5u, true, false and \"texts\": a "
            "x=\"l1\nb|x=1");
  EXPECT_EQ(read("a x=\"1\n2\"\nb x=y"),
            "a|x=text\n!3: field 'x' has the value 'y'; allowed are numbers like 1.5, 5i, 5u, true, false and "
            "\"texts\": b x=y");
}

TEST(InfluxLine, LimitsAndOneMore) {
  const auto name = [](size_t n) { return std::string(n, 'n'); };
  const auto good = [](const std::string& line) { EXPECT_NE(read(line).front(), '!') << read(line); };
  const auto bad = [](const std::string& line, std::string_view problem) {
    EXPECT_EQ(read(line).substr(0, 4 + problem.size()), fmt::format("!1: {}", problem)) << line.size();
  };
  good(name(256) + " a=1");
  bad(name(257) + " a=1", "the measurement's name has 257 bytes; at most 256");
  good("m," + name(256) + "=v a=1");
  bad("m," + name(257) + "=v a=1", "a tag's name has 257 bytes; at most 256");
  good("m,t=" + name(1024) + " a=1");
  bad("m,t=" + name(1025) + " a=1", "tag 't' has a value of 1025 bytes; at most 1024");
  good("m " + name(256) + "=1");
  bad("m " + name(257) + "=1", "a field's name has 257 bytes; at most 256");
  const auto tags = [](int n) {
    std::string line = "m";
    for (int i = 0; i < n; ++i) line += fmt::format(",t{}=v", i);
    return line + " a=1";
  };
  good(tags(40));
  bad(tags(41), "there are more than 40 tags");
  const auto fields = [](int n) {
    std::string line = "m ";
    for (int i = 0; i < n; ++i) line += fmt::format("{}f{}=1", i ? "," : "", i);
    return line;
  };
  good(fields(1024));
  bad(fields(1025), "there are more than 1024 fields");
  const auto of_bytes = [](size_t n) { return "m a=\"" + std::string(n - 6, 'x') + "\""; };
  good(of_bytes(64 * 1024));
  bad(of_bytes(64 * 1024 + 1), "it has more than 65536 bytes");
  good("m a=1" + std::string(64 * 1024 - 5, ' '));
  bad("m a=1" + std::string(64 * 1024 - 4, ' '), "it has 65537 bytes; at most 65536");
}

TEST(InfluxLine, ExcerptsAreShortAndPlain) {
  EXPECT_EQ(excerpt("abc"), "abc");
  EXPECT_EQ(excerpt("a\tb\x01\x7f"), "a?b??");
  EXPECT_EQ(excerpt("\xff\xfe"), "??");
  EXPECT_EQ(excerpt(std::string(1000, 'x')), std::string(197, 'x') + "…");
  EXPECT_LE(excerpt(std::string(199, 'x') + "\xed\x95\x9c").size(), 200u);
}

// However a body is cut or bent, the reader ends, and every line that was left alone is read the same.
TEST(InfluxLine, DamageStaysWhereItIs) {
  const std::string good = "cpu,vmId=a,host=h\\ 1 usage_idle=97.5,n=5i,s=\"t\" 1500000000000000000";
  SeededRandom random(11);
  for (int round = 0; round < 5000; ++round) {
    std::string bad = good;
    for (uint64_t i = 0; i <= random.below(3); ++i)
      bad[random.below(bad.size())] = static_cast<char>(random.below(256));
    bad.resize(random.below(bad.size() + 1));
    // Quotes and newlines reach beyond their line; here it is about the rest.
    std::erase_if(bad, [](char c) { return c == '"' || c == '\n'; });
    const std::string all = read(good + "\n" + bad + "\n" + good);
    const std::string one = read(good);
    EXPECT_TRUE(all.starts_with(one + "\n") && all.ends_with("\n" + one)) << all;
  }
}

}  // namespace
}  // namespace dragonfly
