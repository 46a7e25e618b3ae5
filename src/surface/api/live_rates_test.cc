#include "surface/api/live_rates.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

class LiveRatesTest : public testing::Test {
 protected:
  // bytes_in after a row with `total` at `second`: the rate, "none", as text.
  std::string next(int64_t second, std::optional<uint64_t> total, uint64_t boot = 1, const std::string& device = {}) {
    Row row;
    row.reset(GroupId::kNetwork, from_unix_ms(second * 1000), metrics_of(GroupId::kNetwork).size());
    if (total) row.values[0] = Value::of(*total);
    RowEvent event{&vm_, GroupId::kNetwork, device, row.time, boot, {}};
    ByteWriter writer(event.fields);
    encode_fields(writer, row.values);
    const auto values = rates_.take(event);
    if (values.empty()) return "none";
    EXPECT_EQ(values.size(), 1u);
    EXPECT_EQ(values[0].metric->name, "bytes_in");
    return fmt::format("{}", values[0].value.as_double());
  }
  VmEntry vm_{VmId{1}, {"n", "m", "v"}};
  LiveRates rates_;
};

TEST_F(LiveRatesTest, RulesOfCounters) {
  EXPECT_EQ(next(0, 100), "none");
  EXPECT_EQ(next(2, 300), "100");
  EXPECT_EQ(next(4, std::nullopt), "none");
  EXPECT_EQ(next(6, 700), "100");   // Over the row without it.
  EXPECT_EQ(next(5, 650), "none");  // Late.
  EXPECT_EQ(next(8, 900), "100");   // Measured against second 6.
  EXPECT_EQ(next(10, 50), "none");  // Fell under one boot: a device left.
  EXPECT_EQ(next(12, 60), "5");
  EXPECT_EQ(next(14, 40, 2), "20");  // Another boot: from 0.
  EXPECT_EQ(next(16, 10, 0), "5");   // Fell, boot not known: from 0.
  EXPECT_EQ(next(18, 30, 0), "10");
}

TEST_F(LiveRatesTest, LargeTotalsAreExact) {
  EXPECT_EQ(next(0, (uint64_t{1} << 60) + 1), "none");
  EXPECT_EQ(next(1, (uint64_t{1} << 60) + 4), "3");
}

TEST_F(LiveRatesTest, SeriesAreApart) {
  EXPECT_EQ(next(0, 100), "none");
  EXPECT_EQ(next(1, 5, 1, "eth0"), "none");
  EXPECT_EQ(next(2, 300), "100");
  EXPECT_EQ(next(2, 6, 1, "eth0"), "1");
}

}  // namespace
}  // namespace dragonfly
