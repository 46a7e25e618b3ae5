#include "text_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace dragonfly {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TickRows rows_of_a_tick() {
  TickRows rows;
  fill_tick(1, {3, 6s, 2s}, from_unix_ms(1'700'000'000'123), rows);
  return rows;
}

AgentKey vm(const std::string& name) {
  AgentKey out;
  out.ns = "ns-1";
  out.mcis = "mcis-1";
  out.vm = name;
  return out;
}

TEST(TextRows, LinesHaveAllMetrics) {
  std::string text;
  append_lines(vm("vm 1,a=b"), {"aws", ""}, rows_of_a_tick(), text);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_THAT(text,
              StartsWith("cpu,nsId=ns-1,mcisId=mcis-1,vmId=vm\\ 1\\,a\\=b,osType=LINUX,cspType=aws cpu_utilization="));
  EXPECT_THAT(text, HasSubstr(" 1700000000123\nmemory,nsId="));
  for (const Metric& metric : catalogue()) {
    const size_t at = text.find(std::string(metric.name) + "=");
    ASSERT_NE(at, std::string::npos) << metric.name;
    const size_t end = text.find_first_of(", ", at);
    EXPECT_EQ(text[end - 1] == 'i', metric.type != ValueType::kFloat64) << metric.name;
  }
}

TEST(TextRows, TelegrafObjectsHaveAllMetrics) {
  std::string text;
  append_telegraf(vm("vm-\"1\""), {"", "r"}, rows_of_a_tick(), text);
  EXPECT_THAT(text,
              StartsWith(R"({"name":"cpu","tags":{"nsId":"ns-1","mcisId":"mcis-1","vmId":"vm-\"1\"","osType":"LINUX",)"
                         R"("region":"r"},"fields":{"cpu_utilization":)"));
  EXPECT_THAT(text, HasSubstr(R"(},"timestamp":1700000000123}{"name":"memory")"));
  for (const Metric& metric : catalogue()) EXPECT_THAT(text, HasSubstr(fmt::format("\"{}\":", metric.name)));
}

}  // namespace
}  // namespace dragonfly
