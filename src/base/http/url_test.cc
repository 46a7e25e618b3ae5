#include "base/http/url.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

std::string show(const Result<Target>& target) {
  if (!target) return "error: " + target.error().message;
  std::string out = target->authority;
  for (const auto& segment : target->path) out += "/" + segment;
  for (const auto& [name, value] : target->query) out += " " + name + "=" + value;
  return out;
}

TEST(ParseTarget, TakesApart) {
  const auto f = [](std::string_view target) { return show(parse_target(target)); };
  EXPECT_EQ(f("/"), "");
  EXPECT_EQ(f("*"), "");
  EXPECT_EQ(f("/a/b"), "/a/b");
  EXPECT_EQ(f("/a/b/"), "/a/b");
  EXPECT_EQ(f("/a//b"), "/a//b");
  EXPECT_EQ(f("//"), "/");
  EXPECT_EQ(f("/a%2Fb/%41"), "/a/b/A");
  EXPECT_EQ(f("/../%2e%2e/etc"), "/../../etc");
  EXPECT_EQ(f("/a?b=c&d=&e&&f=g=h"), "/a b=c d= e= f=g=h");
  EXPECT_EQ(f("/a?b=two+words%2B"), "/a b=two words+");
  EXPECT_EQ(f("/a+b"), "/a+b");
  EXPECT_EQ(f("http://host:9090/a?b=c"), "host:9090/a b=c");
  EXPECT_EQ(f("http://host"), "host");
  EXPECT_EQ(f("https://host?a=b"), "host a=b");
  EXPECT_EQ(f("/%EA%B0%80"), "/\uAC00");
  EXPECT_EQ(f("/\uAC00"), "/\uAC00");
}

TEST(ParseTarget, RefusesWithACause) {
  const auto f = [](std::string_view target) { return show(parse_target(target)).substr(0, 7) == "error: "; };
  EXPECT_TRUE(f(""));
  EXPECT_TRUE(f("a"));
  EXPECT_TRUE(f("http:///a"));
  EXPECT_TRUE(f("ftp://host/a"));
  EXPECT_TRUE(f("/a#b"));
  EXPECT_TRUE(f("/%"));
  EXPECT_TRUE(f("/%4"));
  EXPECT_TRUE(f("/%zz"));
  EXPECT_TRUE(f("/%00"));
  EXPECT_TRUE(f("/%ff"));
  EXPECT_TRUE(f("/a?b=%"));
  EXPECT_TRUE(f("/a?%=b"));
  EXPECT_TRUE(f("/%C0%AE%C0%AE"));  // ".." in overlong UTF-8.
}

TEST(ParseQuery, BoundsTheNumberOfParameters) {
  std::string query;
  for (size_t i = 0; i < kQueryParametersMax; ++i) query += "a=1&";
  EXPECT_EQ(parse_query(query)->size(), kQueryParametersMax);
  EXPECT_FALSE(parse_query(query + "a=1"));
}

TEST(PercentEncode, IsUndoneByDecode) {
  std::string text;
  for (int c = 1; c < 128; ++c) text.push_back(static_cast<char>(c));
  EXPECT_EQ(percent_decode(percent_encode(text), Plus::kIsSpace).value(), text);
  EXPECT_EQ(percent_encode("a b/\xEA"), "a%20b%2F%EA");
}

}  // namespace
}  // namespace dragonfly
