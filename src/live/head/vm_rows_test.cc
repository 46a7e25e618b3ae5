#include "live/head/vm_rows.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

const Bytes kFields = {1, 1, 2};  // One field, present, integer 1.

std::vector<int64_t> times(const VmRows& rows, VmRows::Part part) {
  std::vector<int64_t> out;
  rows.visit(part, [&](const VmRows::Entry& entry) {
    EXPECT_EQ(Bytes(entry.fields.begin(), entry.fields.end()), kFields);
    out.push_back(unix_ms(entry.time));
  });
  return out;
}

TEST(VmRows, SealsTrimsAndTakesBack) {
  VmRows rows;
  const auto add = [&](int64_t ms, uint64_t position) {
    rows.append(*rows.series_of(GroupId::kCpu, "", 0), from_unix_ms(ms), 7, kFields, LogPosition{position});
  };
  add(1000, 10);
  add(3000, 20);
  EXPECT_EQ(rows.oldest_position(), LogPosition{10});
  rows.start_sealing();
  add(5000, 30);
  EXPECT_EQ(times(rows, VmRows::Part::kSealing), (std::vector<int64_t>{1000, 3000}));
  EXPECT_EQ(times(rows, VmRows::Part::kAll), (std::vector<int64_t>{1000, 3000, 5000}));
  EXPECT_EQ(rows.oldest_position(), LogPosition{10});

  rows.abort_sealing();
  EXPECT_EQ(rows.oldest_position(), LogPosition{10});
  EXPECT_EQ(rows.unsealed_rows(), 3u);

  rows.start_sealing();
  EXPECT_EQ(times(rows, VmRows::Part::kSealing), (std::vector<int64_t>{1000, 3000, 5000}));
  rows.finish_sealing(from_unix_ms(3000));
  EXPECT_EQ(times(rows, VmRows::Part::kAll), (std::vector<int64_t>{3000, 5000}));
  EXPECT_EQ(rows.oldest_position(), std::nullopt);
  EXPECT_FALSE(rows.has_unsealed());
}

TEST(VmRows, RemembersTheBootOfEachRow) {
  VmRows rows;
  const auto series = *rows.series_of(GroupId::kCpu, "", 0);
  rows.append(series, from_unix_ms(1), 11, kFields, {});
  rows.append(series, from_unix_ms(2), 22, kFields, {});
  std::vector<uint64_t> boots;
  rows.visit(VmRows::Part::kAll, [&](const VmRows::Entry& entry) { boots.push_back(entry.boot); });
  EXPECT_EQ(boots, (std::vector<uint64_t>{11, 22}));
}

TEST(VmRows, RefusesSeriesBeyondItsLimit) {
  VmRows rows;
  for (size_t i = 0; i < VmRows::kSeriesMax; ++i) {
    ASSERT_TRUE(rows.series_of(GroupId::kDisk, "d" + std::to_string(i), i).has_value());
  }
  EXPECT_FALSE(rows.series_of(GroupId::kDisk, "one more", 0).has_value());
  EXPECT_TRUE(rows.series_of(GroupId::kDisk, "d0", 5).has_value());
}

}  // namespace
}  // namespace dragonfly
