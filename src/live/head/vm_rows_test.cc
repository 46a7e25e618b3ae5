#include "live/head/vm_rows.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

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

// Times near and far from the ones before, exact in ms or not, through many seals, against a list.
TEST(VmRows, TellsEveryTimeExactly) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  constexpr int64_t kDayNs = 86'400'000'000'000;
  VmRows rows;
  std::deque<std::pair<int64_t, uint64_t>> model;  // Time and boot.
  size_t sealed = 0;
  int64_t now_ns = 1'700'000'000'000'000'000;
  const auto series = *rows.series_of(GroupId::kCpu, "", 0);
  const auto check = [&] {
    std::deque<std::pair<int64_t, uint64_t>> seen;
    rows.visit(VmRows::Part::kAll, [&](const VmRows::Entry& entry) {
      EXPECT_EQ(Bytes(entry.fields.begin(), entry.fields.end()), kFields);
      seen.emplace_back(unix_ns(entry.time), entry.boot);
    });
    ASSERT_EQ(seen, model);
  };
  for (int i = 0; i < 3000; ++i) {
    constexpr int64_t kSteps[] = {2'000'000'000, 1, kDayNs, 4'000'000'000'000, 1'000'000};
    now_ns += kSteps[below(30) == 0 ? below(std::size(kSteps)) : 0];
    int64_t time_ns = now_ns;
    if (below(20) == 0) time_ns -= below(static_cast<uint64_t>(kDayNs));
    if (below(200) == 0) time_ns = -time_ns;
    const auto boot = static_cast<uint64_t>(below(3));
    rows.append(series, from_unix_ns(time_ns), boot, kFields, {});
    model.emplace_back(time_ns, boot);
    if (below(20) != 0) continue;
    ASSERT_NO_FATAL_FAILURE(check());
    if (!rows.sealing()) {
      rows.start_sealing();
      sealed = model.size();
      continue;
    }
    const int64_t keep_from = now_ns - below(60) * 1'000'000'000;
    rows.finish_sealing(from_unix_ns(keep_from));
    for (; sealed > 0 && model.front().first < keep_from; --sealed) model.pop_front();
    ASSERT_NO_FATAL_FAILURE(check());
    std::vector<int64_t> recent;
    rows.visit_since(from_unix_ns(keep_from), [&](const VmRows::Entry& entry) {
      if (unix_ns(entry.time) >= keep_from) recent.push_back(unix_ns(entry.time));
    });
    std::vector<int64_t> expected;
    for (const auto& [time, boot_of] : model) {
      if (time >= keep_from) expected.push_back(time);
    }
    ASSERT_EQ(recent, expected);
  }
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
