#include "base/core/time.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Time, Rfc3339RoundTrips) {
  const auto f = [](const char* text, int64_t ns, const char* again) {
    const auto time = parse_rfc3339(text);
    ASSERT_TRUE(time.has_value()) << text;
    EXPECT_EQ(unix_ns(*time), ns);
    EXPECT_EQ(format_rfc3339(*time), again);
  };
  f("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z");
  f("1969-12-31T23:59:59Z", -1'000'000'000, "1969-12-31T23:59:59Z");
  f("2019-11-15T16:30:00+09:00", 1573803000'000'000'000, "2019-11-15T07:30:00Z");
  f("2019-11-15T07:30:00.25Z", 1573803000'250'000'000, "2019-11-15T07:30:00.250Z");
}

TEST(Time, Rfc3339RefusesWhatIsNotATime) {
  for (const char* text :
       {"", "2019", "2019-13-01T00:00:00Z", "2019-02-30T00:00:00Z", "2019-01-01T00:00:00", "2019-01-01T24:00:00Z",
        "2019-01-01T00:00:00.Z", "2019-01-01T00:00:00Zx", "9999-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(Time, Durations) {
  EXPECT_EQ(parse_duration("2s"), Duration(2s));
  EXPECT_EQ(parse_duration("1.5h"), Duration(90min));
  EXPECT_EQ(parse_duration("500ms"), Duration(500ms));
  for (const char* text : {"", "2", "-1s", "0s", "s", "2 s", "1e999s", "5y"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
  EXPECT_EQ(format_duration(90min), "90m");
  EXPECT_EQ(format_duration(48h), "2d");
}

}  // namespace
}  // namespace dragonfly
