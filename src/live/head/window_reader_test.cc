#include "live/head/window_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "live/head/testing/head_parts.h"

namespace dragonfly {
namespace {

constexpr Timestamp kNow = from_unix_ms(1'800'000'000'000);

// Two shards with two VMs each.
class WindowReaderTest : public testing::Test {
 protected:
  WindowReaderTest() {
    for (uint32_t i = 0; i < 4; ++i) directory_.add(i / 2);
  }
  void take(uint32_t vm, int64_t seconds_ago, double speed) {
    Bytes block;
    Row row;
    row.reset(GroupId::kCpufreq, kNow - std::chrono::seconds(seconds_ago), 1);
    row.values[0] = Value::of(speed);
    RowBlockWriter(block, RowBlockWriter::Unit::kMilliseconds, row.time).add(row);
    RowsRecord record;
    record.vm = VmId{vm};
    record.row_block = block;
    VmEntry& entry = *directory_.find_vm(VmId{vm});
    heads_[entry.shard].apply(record, entry, nullptr, {});
  }
  std::vector<WindowReader::Answer> read(const std::vector<std::vector<VmId>>& sets) {
    WindowReader reader(directory_, clock_, {{&shards_[0], &heads_[0]}, {&shards_[1], &heads_[1]}});
    return reader.read(sets, 10s, 1s);
  }
  static WindowSummary::Metric speed_of(const WindowReader::Answer& answer) {
    return answer.window.metrics[metric_index(GroupId::kCpufreq, 0)];
  }

  ManualClock clock_{kNow};
  InlineExecutor shards_[2];
  Vms directory_;
  RecordingStore store_;
  StreamHub hub_;
  HeadStats stats_;
  Head heads_[2] = {{HeadOptions{}, directory_, store_, shards_[0], hub_, stats_},
                    {HeadOptions{}, directory_, store_, shards_[1], hub_, stats_}};
};

TEST_F(WindowReaderTest, EachSetOverAllShards) {
  for (uint32_t vm = 1; vm <= 4; ++vm) {
    for (int64_t ago : {20, 10, 8, 2, 0, -3}) take(vm, ago, 100.0 * vm - static_cast<double>(ago));
  }
  const auto answers = read({{VmId{1}, VmId{3}}, {VmId{2}}, {}, {VmId{77}}});
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0].window.rows, 6u) << "(now - 10 s, now]";
  EXPECT_EQ(speed_of(answers[0]).vms, 2u);
  EXPECT_EQ(speed_of(answers[0]).min, 92);
  EXPECT_EQ(speed_of(answers[0]).max, 300);
  EXPECT_EQ(speed_of(answers[0]).last(), 200);
  EXPECT_EQ(speed_of(answers[1]).min, 192);
  EXPECT_EQ(answers[2].window.rows, 0u);
  EXPECT_EQ(answers[3].window.rows, 0u);
  for (const auto& answer : answers) EXPECT_EQ(answer.unanswered, 0u);
}

TEST_F(WindowReaderTest, EachVmsOwnClockCounts) {
  take(1, 12, 1);
  take(1, 5, 2);
  directory_.find_vm(VmId{1})->clock_offset_ns = -std::chrono::nanoseconds(4s).count();
  EXPECT_EQ(speed_of(read({{VmId{1}}})[0]).min, 1);
}

TEST_F(WindowReaderTest, LateRowsAndRowsThatCameTwice) {
  for (int64_t ago : {6, 4, 2}) take(1, ago, static_cast<double>(ago));
  take(1, 5, 50);
  take(1, 4, 4);
  const auto answer = read({{VmId{1}}})[0];
  EXPECT_EQ(answer.window.rows, 4u);
  EXPECT_EQ(speed_of(answer).max, 50);
  EXPECT_EQ(speed_of(answer).last(), 2);
  EXPECT_EQ(speed_of(answer).avg(), (6 + 5 * 10 + 4 + 2) / 4.0);
}

TEST_F(WindowReaderTest, GoesBackWhereTheWindowBecomesLonger) {
  for (int64_t ago : {25, 8, 2}) take(1, ago, static_cast<double>(ago));
  WindowReader reader(directory_, clock_, {{&shards_[0], &heads_[0]}, {&shards_[1], &heads_[1]}});
  const std::vector<std::vector<VmId>> sets = {{VmId{1}}};
  EXPECT_EQ(reader.read(sets, 5s, 1s)[0].window.rows, 1u);
  EXPECT_EQ(reader.read(sets, 30s, 1s)[0].window.rows, 3u);
  // Sealed and trimmed: what is kept is found again.
  clock_.advance(2s);
  for (int i = 0; i < 20; ++i) heads_[0].tick(MonotonicTime{} + std::chrono::hours(1));
  ASSERT_EQ(store_.answers.size(), 1u);
  store_.answers[0](SealOutcome{}, {});
  EXPECT_EQ(reader.read(sets, 11s, 1s)[0].window.rows, 2u);
}

TEST_F(WindowReaderTest, ACounterHasARateFromTheRowBeforeTheWindow) {
  const auto take_reads = [&](int64_t seconds_ago, uint64_t reads) {
    Bytes block;
    Row row;
    row.reset(GroupId::kDisk, kNow - std::chrono::seconds(seconds_ago), metrics_of(GroupId::kDisk).size());
    const Metric& metric = *std::ranges::find(metrics_of(GroupId::kDisk), MetricKind::kCounter, &Metric::kind);
    row.values[metric.field] = *convert(Value::of(reads), metric.type);
    RowBlockWriter(block, RowBlockWriter::Unit::kMilliseconds, row.time).add(row);
    RowsRecord record;
    record.vm = VmId{1};
    record.row_block = block;
    heads_[0].apply(record, *directory_.find_vm(VmId{1}), nullptr, {});
  };
  take_reads(14, 100);
  take_reads(12, 200);
  take_reads(2, 1200);
  const auto answer = read({{VmId{1}}})[0];
  EXPECT_EQ(answer.window.rows, 1u);
  const auto counter = std::ranges::find(answer.window.metrics, 1u, &WindowSummary::Metric::vms);
  ASSERT_NE(counter, answer.window.metrics.end());
  EXPECT_EQ(counter->avg(), 100);
}

TEST_F(WindowReaderTest, AShardThatTakesNothingIsTold) {
  take(1, 1, 1);
  take(3, 1, 1);
  shards_[1].full = true;
  const auto answer = read({{VmId{1}, VmId{3}, VmId{4}}})[0];
  EXPECT_EQ(answer.window.rows, 1u);
  EXPECT_EQ(answer.unanswered, 2u);
}

TEST_F(WindowReaderTest, ManyVmsAreSeveralTasks) {
  std::vector<std::vector<VmId>> sets(2);
  for (size_t i = 0; i < WindowReader::kVmsPerTask + 10; ++i) sets[i % 2].push_back(VmId{1});
  take(1, 1, 1);
  const auto answers = read(sets);
  EXPECT_EQ(answers[0].window.rows, sets[0].size());
  EXPECT_EQ(answers[1].window.rows, sets[1].size());
  EXPECT_EQ(shards_[0].tasks, 2u);
}

}  // namespace
}  // namespace dragonfly
