#include "surface/api/params.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

HttpRequest with(const std::string& query) {
  HttpRequest request;
  request.query = parse_query(query).value();
  return request;
}

TEST(TimeParameter, Forms) {
  const Timestamp now = parse_rfc3339("2026-01-31T12:00:00Z").value();
  const auto f = [&](const std::string& query) {
    const auto time = time_parameter(with(query), "start", now, now - 1h);
    return time ? format_rfc3339(*time) : std::string("wrong");
  };
  EXPECT_EQ(f(""), "2026-01-31T11:00:00Z");
  EXPECT_EQ(f("start="), "2026-01-31T11:00:00Z");
  EXPECT_EQ(f("start=now"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(f("start=-90m"), "2026-01-31T10:30:00Z");
  EXPECT_EQ(f("start=0"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(f("start=1769860800.5"), "2026-01-31T12:00:00.500Z");
  EXPECT_EQ(f("start=2026-01-31T21:00:00%2B09:00"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(f("start=2026-01-31T21:00:00+09:00"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(f("start=yesterday"), "wrong");
  EXPECT_EQ(f("start=-1"), "wrong");
  EXPECT_EQ(f("start=-5000d"), "wrong");
  EXPECT_EQ(f("start=1e300"), "wrong");
  EXPECT_EQ(f("start=nan"), "wrong");
}

TEST(CountParameter, Bounds) {
  const auto f = [](const std::string& query) { return count_parameter(with(query), "limit", 100, 1000).value_or(0); };
  EXPECT_EQ(f(""), 100u);
  EXPECT_EQ(f("limit=1"), 1u);
  EXPECT_EQ(f("limit=1000"), 1000u);
  EXPECT_EQ(f("limit=0"), 0u);
  EXPECT_EQ(f("limit=1001"), 0u);
  EXPECT_EQ(f("limit=-1"), 0u);
  EXPECT_EQ(f("limit=1x"), 0u);
  EXPECT_EQ(f("limit=99999999999999999999"), 0u);
}

TEST(ListParameter, Forms) {
  const auto f = [](const std::string& query) { return list_parameter(with(query), "vm").value().size(); };
  EXPECT_EQ(f(""), 0u);
  EXPECT_EQ(f("vm=*"), 0u);
  EXPECT_EQ(f("vm=a"), 1u);
  EXPECT_EQ(f("vm=a,b,,c,"), 3u);
  std::string many = "vm=";
  for (size_t i = 0; i < kListItemsMax; ++i) many += "a,";
  EXPECT_EQ(f(many), kListItemsMax);
  EXPECT_FALSE(list_parameter(with(many + "a"), "vm"));
}

}  // namespace
}  // namespace dragonfly
