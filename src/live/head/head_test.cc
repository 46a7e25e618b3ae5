#include "live/head/head.h"

#include <gtest/gtest.h>

#include <map>

#include "live/head/head_reader.h"
#include "live/head/testing/head_parts.h"

namespace dragonfly {
namespace {

class HeadTest : public testing::Test {
 protected:
  void take(int64_t ms, double speed, uint64_t position) { take_into(head_, ms, position, speed); }
  void take_into(Head& head, int64_t ms, uint64_t position, double speed = 1) {
    Bytes block;
    Row row;
    row.reset(GroupId::kCpufreq, from_unix_ms(ms), 1);
    row.values[0] = Value::of(speed);
    RowBlockWriter(block, RowBlockWriter::Unit::kMilliseconds, row.time).add(row);
    RowsRecord record;
    record.vm = vm_.id;
    record.row_block = block;
    head.apply(record, vm_, nullptr, LogPosition{position});
  }

  std::map<int64_t, double> read(int64_t from_ms, int64_t to_ms, Duration previous = Duration(0)) {
    HeadReader reader(directory_, {{&executor_, &head_}}, executor_);
    ReadRequest request;
    request.vms = {vm_.id};
    request.group = GroupId::kCpufreq;
    request.range = {from_unix_ms(from_ms), from_unix_ms(to_ms)};
    request.previous_within = previous;
    std::map<int64_t, double> out;
    reader.read(request, [&](Result<ReadAnswer> answer) {
      ASSERT_TRUE(answer.has_value()) << answer.error().message;
      if (answer->series.empty()) return;
      const ColumnSet& rows = answer->series[0].rows;
      for (size_t i = 0; i < rows.rows(); ++i) out[rows.times_ns[i] / 1'000'000] = rows.columns[0].as_double(i);
    });
    return out;
  }

  Vms directory_;
  VmEntry& vm_ = directory_.add(0);
  RecordingStore store_;
  InlineExecutor executor_;
  StreamHub hub_;
  HeadStats stats_;
  Head head_{{.keep = 10s, .seal_after_min = 30s, .seal_spread = 0s}, directory_, store_, executor_, hub_, stats_};
  MonotonicTime now_{Duration(1h)};
};

TEST_F(HeadTest, ReadsARangeWithTheRowBefore) {
  for (int i = 0; i < 5; ++i) take(i * 2000, 100 + i, static_cast<uint64_t>(i));
  EXPECT_EQ(read(4000, 8000), (std::map<int64_t, double>{{4000, 102}, {6000, 103}}));
  EXPECT_EQ(read(4000, 8000, 2s), (std::map<int64_t, double>{{2000, 101}, {4000, 102}, {6000, 103}}));
  EXPECT_EQ(vm_.last_row_ns, 8'000'000'000);
  EXPECT_EQ(stats_.rows_stored.value(), 5u);
}

TEST_F(HeadTest, OnlyTheFieldsThatAreAsked) {
  take(1000, 7, 1);
  HeadReader reader(directory_, {{&executor_, &head_}}, executor_);
  ReadRequest request;
  request.vms = {vm_.id};
  request.group = GroupId::kCpufreq;
  request.fields = {0, 7};
  request.range = {from_unix_ms(0), from_unix_ms(2000)};
  const auto answer = read_and_wait(reader, request, 10s);
  ASSERT_TRUE(answer.has_value());
  const ColumnSet& rows = answer->series.at(0).rows;
  ASSERT_EQ(rows.columns.size(), 2u);
  EXPECT_EQ(rows.columns[0].as_double(0), 7);
  EXPECT_EQ(rows.columns[1].present, std::vector<uint8_t>{0});
  request.cancellation = Cancellation::make();
  request.cancellation.cancel();
  EXPECT_EQ(read_and_wait(reader, request, 10s).error().code, ErrorCode::kUnavailable);
}

TEST_F(HeadTest, HoursWithRowsThatTheStoreHasNotAreUncovered) {
  constexpr int64_t kHourMs = 3'600'000;
  HeadReader reader(directory_, {{&executor_, &head_}}, executor_);
  const auto f = [&](const std::string& want) {
    RollupRequest request;
    request.vms = {vm_.id};
    request.group = GroupId::kCpufreq;
    request.fields = {0};
    request.range = {from_unix_ms(60'000), from_unix_ms(10 * kHourMs)};
    const auto answer = read_rollups_and_wait(reader, request, 10s);
    ASSERT_TRUE(answer.has_value());
    EXPECT_TRUE(answer->series.empty());
    std::string got;
    for (const VmRanges& vm : answer->uncovered) {
      for (const TimeRange& range : vm.ranges)
        got += fmt::format("{}-{} ", unix_ms(range.begin) / 60'000, unix_ms(range.end) / 60'000);  // Minutes.
    }
    EXPECT_EQ(got, want);
  };
  head_.tick(now_);
  f("");
  take(120'000, 1, 1);
  f("1-60 ");
  take(3 * kHourMs, 1, 2);
  f("1-60 180-240 ");
  take(2 * kHourMs, 1, 3);  // Late.
  f("1-60 120-240 ");
  head_.tick(now_ + 31s);
  f("1-60 120-240 ");  // On its way.
  for (auto& answer : store_.answers) answer(SealOutcome{1, 0}, {});
  EXPECT_FALSE(read(0, 10 * kHourMs).empty());  // The window stays here …
  f("");                                        // … but the store has it.
}

TEST_F(HeadTest, RowsStayReadableWhileTheyAreSealedAndTheWindowAfterwards) {
  head_.tick(now_);
  for (int i = 0; i < 20; ++i) take(i * 2000, i, static_cast<uint64_t>(i));
  EXPECT_EQ(head_.oldest_unsealed(), LogPosition{0});
  head_.tick(now_ + 31s);
  ASSERT_EQ(store_.batches.size(), 1u);
  EXPECT_EQ(store_.batches[0].at(0).rows.rows(), 20u);
  EXPECT_EQ(read(0, 100'000).size(), 20u);
  take(40'000, 20, 99);
  store_.answers[0](SealOutcome{20, 0}, std::move(store_.batches[0]));
  EXPECT_EQ(head_.oldest_unsealed(), LogPosition{99});
  EXPECT_EQ(read(0, 100'000).begin()->first, 30'000) << "keeps the last 10 s before the newest row";
}

TEST_F(HeadTest, ColumnsThatComeBackForTheirMemoryAreEmptyAgain) {
  for (int round = 0; round < 3; ++round) {
    head_.tick(now_);
    const int rows = 5 - round;
    for (int i = 0; i < rows; ++i) take(round * 100'000 + i * 2000, i, 1);
    head_.tick(now_ += 31s);
    ASSERT_EQ(store_.batches.size(), 1u);
    ASSERT_EQ(store_.batches[0].size(), 1u);
    const ColumnSet& sealed = store_.batches[0][0].rows;
    ASSERT_EQ(sealed.rows(), static_cast<size_t>(rows));
    EXPECT_EQ(sealed.times_ns.front(), round * 100'000'000'000);
    EXPECT_EQ(sealed.columns[0].present, std::vector<uint8_t>(static_cast<size_t>(rows), 1));
    EXPECT_EQ(sealed.columns[0].as_double(static_cast<size_t>(rows) - 1), rows - 1);
    store_.answers[0](SealOutcome{5, 0}, std::move(store_.batches[0]));
    store_.batches.clear();
    store_.answers.clear();
  }
}

// Bytes that wait for the store, late ones too, bound what is taken; from half of it on rows are sealed earlier.
TEST_F(HeadTest, IsFullAtItsBoundAndSealsEarlierBefore) {
  const size_t row_bytes = [&] {
    take(0, 1, 1);
    return head_.not_stored_bytes();
  }();
  ASSERT_GT(row_bytes, 8u);
  const auto f = [&](size_t bound_in_rows, int rows, bool late, Duration after, bool full, size_t batches) {
    RecordingStore store;
    HeadStats stats;
    HeadOptions options{.keep = 10s, .seal_after_min = 32s, .seal_spread = 0s};
    options.not_stored_max = bound_in_rows * row_bytes;
    Head head(options, directory_, store, executor_, hub_, stats);
    head.tick(now_);
    for (int i = 0; i < rows; ++i) take_into(head, late && i > 0 ? 500 - i : 1000 + i, static_cast<uint64_t>(i));
    EXPECT_EQ(head.not_stored_bytes(), static_cast<size_t>(rows) * row_bytes);
    EXPECT_EQ(head.is_full(), full);
    head.tick(now_ + after);
    EXPECT_EQ(store.batches.size(), batches);
    EXPECT_EQ(head.is_full(), full) << "on its way is not there";
    for (auto& answer : store.answers) answer(SealOutcome{1, 0}, {});
    if (batches > 0) {
      EXPECT_FALSE(head.is_full());
    }
  };
  f(10, 4, false, 31s, false, 0);
  f(10, 4, false, 32s, false, 1);
  f(10, 5, false, 3s, false, 0);
  f(10, 5, false, 4s, false, 1);
  f(10, 9, false, 4s, false, 1);
  f(10, 10, false, 1s, true, 1);
  f(10, 11, false, 900ms, true, 0);
  f(10, 10, true, 11s, true, 2);
}

TEST_F(HeadTest, AFullStoreLosesNothing) {
  head_.tick(now_);
  take(0, 1, 5);
  store_.full = true;
  head_.tick(now_ + 31s);
  EXPECT_EQ(stats_.seals_refused.value(), 1u);
  EXPECT_EQ(head_.oldest_unsealed(), LogPosition{5});
  store_.full = false;
  head_.tick(now_ + 62s);
  ASSERT_EQ(store_.answers.size(), 1u);
  store_.answers[0](fail(ErrorCode::kNoSpace, "full"), {});
  EXPECT_EQ(head_.oldest_unsealed(), LogPosition{5});
  EXPECT_EQ(read(0, 10).size(), 1u);
}

TEST_F(HeadTest, LateRowsAreReadableAndClassedAtTheSeal) {
  head_.tick(now_);
  take(10'000, 1, 1);
  take(4'000, 2, 2);   // Late and new.
  take(10'000, 1, 3);  // Late and a duplicate of one that is here.
  take(2'000, 3, 4);   // Late; the store will say that it has it.
  EXPECT_EQ(stats_.rows_pending.value(), 3);
  EXPECT_EQ(read(0, 20'000), (std::map<int64_t, double>{{2'000, 3}, {4'000, 2}, {10'000, 1}}));
  head_.tick(now_ + 11s);
  ASSERT_EQ(store_.batches.size(), 1u);
  EXPECT_TRUE(store_.batches[0].at(0).late);
  EXPECT_EQ(store_.batches[0].at(0).rows.times_ns, (std::vector<int64_t>{2'000'000'000, 4'000'000'000}));
  store_.answers[0](SealOutcome{1, 1}, {});
  EXPECT_EQ(stats_.rows_pending.value(), 0);
  EXPECT_EQ(stats_.rows_stored.value(), 2u);
  EXPECT_EQ(stats_.rows_duplicate.value(), 2u);
}

TEST_F(HeadTest, RefusesToReadMoreRowsThanAsked) {
  for (int i = 0; i < 5; ++i) take(i * 2000, i, 0);
  HeadReader reader(directory_, {{&executor_, &head_}}, executor_);
  ReadRequest request;
  request.vms = {vm_.id};
  request.group = GroupId::kCpufreq;
  request.range = {from_unix_ms(0), from_unix_ms(100'000)};
  request.rows_max = 4;
  bool asked = false;
  reader.read(request, [&](Result<ReadAnswer> answer) {
    asked = true;
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kResourceExhausted);
  });
  EXPECT_TRUE(asked);
}

}  // namespace
}  // namespace dragonfly
