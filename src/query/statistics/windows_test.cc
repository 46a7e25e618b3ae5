#include "query/statistics/windows.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

constexpr Timestamp kNow = from_unix_ns(1'800'000'000'000'000'000);

// One row a second of every group, the first 100 s before kNow; `failing` is not answered.
class Rows final : public SeriesReader {
 public:
  void read(ReadRequest request, Done done) override {
    if (request.group == failing) return done(fail(ErrorCode::kUnavailable, "not now"));
    ReadAnswer answer;
    for (const VmId vm : request.vms) {
      SeriesRows series{vm, "", ColumnSet::for_group(request.group)};
      for (int64_t s = 100; s >= 0; --s) {
        const Timestamp time = kNow - std::chrono::seconds(s);
        if (time < request.range.begin - request.previous_within || time >= request.range.end) continue;
        series.rows.times_ns.push_back(unix_ns(time));
        series.rows.boots.push_back(1);
        for (Column& column : series.rows.columns) {
          column.bits.push_back(0);
          column.present.push_back(1);
        }
      }
      answer.series.push_back(std::move(series));
    }
    done(std::move(answer));
  }
  GroupId failing = GroupId{999};
};

TEST(Windows, CountsTheRowsAndValuesOfEachVmsOwnWindow) {
  Rows rows;
  // The second VM's clock is 5 s behind.
  const std::vector<WindowVm> vms = {{VmId{1}, kNow}, {VmId{2}, kNow - 5s}};
  const auto answer = read_windows(rows, vms, Statistic::kAvg, 10s, 1s);
  EXPECT_EQ(answer.rows, 2u * 10 * std::size(kCatalogueGroups));
  EXPECT_EQ(answer.values, 2u * 52);
  EXPECT_EQ(answer.unanswered, 0u);
  EXPECT_EQ(read_windows(rows, {}, Statistic::kAvg, 10s, 1s).rows, 0u);
}

TEST(Windows, AGroupThatIsNotAnsweredIsTold) {
  Rows rows;
  rows.failing = GroupId::kDisk;
  const std::vector<WindowVm> vms = {{VmId{1}, kNow}, {VmId{2}, kNow}};
  const auto answer = read_windows(rows, vms, Statistic::kMax, 10s, 1s);
  EXPECT_EQ(answer.rows, 2u * 10 * (std::size(kCatalogueGroups) - 1));
  EXPECT_EQ(answer.unanswered, 2u);
}

}  // namespace
}  // namespace dragonfly
