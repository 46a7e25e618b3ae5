#include "store/tsdb/chunk_db.h"

#include <gmock/gmock.h>

#include "store/tsdb/store_fixture.h"

namespace dragonfly {
namespace {

using ChunkDbTest = StoreFixture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ChunkDbTest, ReadsBackWhatWasAppended) {
  open();
  const auto one = cpu_rows(1, 0, 60);
  const auto two = cpu_rows(1, 60, 60);
  const auto outcome = append({one});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_EQ(outcome->rows_stored, 60u);
  EXPECT_EQ(outcome->rows_duplicate, 0u);
  ASSERT_TRUE(append({two, cpu_rows(2, 0, 5)}).has_value());
  ColumnSet all = one.rows;
  all.append_all(two.rows);
  EXPECT_EQ(rows_of(1), all);
  EXPECT_EQ(rows_of(2), cpu_rows(2, 0, 5).rows);
  EXPECT_EQ(rows_of(3).rows(), 0u);
  EXPECT_EQ(rows_of(1, GroupId::kMemory).rows(), 0u);
}

TEST_F(ChunkDbTest, KeepsWhatWasCheckpointed) {
  open();
  EXPECT_EQ(db->log_begin(), LogPosition{0});
  ASSERT_TRUE(append({cpu_rows(1, 0, 60)}).has_value());
  ASSERT_TRUE(db->checkpoint(LogPosition{4711}).has_value());
  EXPECT_EQ(db->log_begin(), LogPosition{4711});
  ASSERT_TRUE(append({cpu_rows(1, 60, 60)}).has_value());
  open();
  EXPECT_EQ(db->log_begin(), LogPosition{4711});
  // What came after the checkpoint comes again from the log.
  EXPECT_EQ(rows_of(1), cpu_rows(1, 0, 60).rows);
  EXPECT_THAT(db->damage(), IsEmpty());
}

TEST_F(ChunkDbTest, LaterAppendedWinsAlsoAfterRestarts) {
  open();
  auto first = cpu_rows(1, 0, 3);
  auto second = cpu_rows(1, 0, 2);
  second.rows.columns[0].bits[0] = Value::of(77.0).bits;
  second.rows.columns[2].present[0] = 0;  // Absent: erases nothing.
  second.rows.columns[2].bits[0] = 0;
  ASSERT_TRUE(append({first}).has_value());
  ASSERT_TRUE(db->checkpoint(LogPosition{1}).has_value());
  open();
  ASSERT_TRUE(append({second}).has_value());
  ColumnSet expected = first.rows;
  expected.columns[0].bits[0] = Value::of(77.0).bits;
  EXPECT_EQ(rows_of(1), expected);
}

TEST_F(ChunkDbTest, CutsToTheRangeAndKnowsTheRowBefore) {
  open();
  ASSERT_TRUE(append({cpu_rows(1, 0, 100)}).has_value());
  ASSERT_TRUE(append({cpu_rows(1, 200, 100)}).has_value());
  const auto f = [&](int64_t begin_s, int64_t end_s, int64_t previous_s) {
    ReadRequest request = of_vms({VmId{1}});
    request.range = between(begin_s, end_s);
    request.previous_within = std::chrono::seconds(previous_s);
    const auto answer = read(request);
    std::vector<int64_t> out;
    if (answer && !answer->series.empty()) {
      for (const int64_t time : answer->series[0].rows.times_ns) out.push_back((time - kStartNs) / kSecondNs);
    }
    return out;
  };
  EXPECT_THAT(f(10, 13, 0), ElementsAre(10, 11, 12));
  EXPECT_THAT(f(10, 13, 5), ElementsAre(9, 10, 11, 12));
  EXPECT_THAT(f(0, 1, 1000), ElementsAre(0));
  EXPECT_THAT(f(200, 202, 100), ElementsAre(200, 201));
  EXPECT_THAT(f(200, 202, 101), ElementsAre(99, 200, 201));
  EXPECT_THAT(f(100, 200, 0), IsEmpty());
  EXPECT_THAT(f(150, 151, 51), ElementsAre(99));
  EXPECT_THAT(f(50, 50, 10), IsEmpty());
}

TEST_F(ChunkDbTest, SplitsAtAnHourAndAtPartitions) {
  open();
  SealedRows rows = cpu_rows(1, 0, 1);
  rows.rows = ColumnSet::for_group(GroupId::kCpu);
  for (int64_t minute = 0; minute < 12 * 60; ++minute)
    add_row(rows.rows, kStartNs + minute * 60 * kSecondNs, 1, {Value::of(static_cast<double>(minute))});
  ASSERT_TRUE(append({rows}).has_value());
  // 07:10 to 12:00 are five chunks, 12:00 to 18:00 six, 18:00 to 19:10 two.
  EXPECT_EQ(db->stats().chunks_written.value(), 13u);
  EXPECT_EQ(rows_of(1), rows.rows);
  // A chunk that began almost an hour before the range is found.
  ReadRequest request = of_vms({VmId{1}});
  request.range = between(59 * 60, 60 * 60);
  const auto answer = read(request);
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->series.size(), 1u);
  EXPECT_EQ(answer->series[0].rows.rows(), 1u);
}

TEST_F(ChunkDbTest, SelectsDevices) {
  open();
  ASSERT_TRUE(append({cpu_rows(1, 0, 2), cpu_rows(1, 0, 2, "cpu0"), cpu_rows(1, 0, 2, "cpu1"),
                      cpu_rows(1, 0, 2, "cpu10"), cpu_rows(2, 0, 2, "cpu0")})
                  .has_value());
  const auto f = [&](ReadRequest::Devices devices, std::vector<std::string> names) {
    ReadRequest request = of_vms({VmId{2}, VmId{1}, VmId{2}});
    request.devices = devices;
    request.device_names = std::move(names);
    const auto answer = read(request);
    std::vector<std::string> out;
    for (const auto& series : answer.value().series)
      out.push_back(fmt::format("{}:{}", static_cast<uint32_t>(series.vm), series.device));
    return out;
  };
  EXPECT_THAT(f(ReadRequest::Devices::kVmOnly, {}), ElementsAre("1:"));
  EXPECT_THAT(f(ReadRequest::Devices::kAll, {}), ElementsAre("1:", "1:cpu0", "1:cpu1", "1:cpu10", "2:cpu0"));
  EXPECT_THAT(f(ReadRequest::Devices::kNamed, {"cpu1", "cpu0", "cpu7"}), ElementsAre("1:cpu0", "1:cpu1", "2:cpu0"));
  EXPECT_THAT(f(ReadRequest::Devices::kNamed, {}), IsEmpty());
}

TEST_F(ChunkDbTest, SelectsDevicesOutsideTheRange) {
  open();
  ASSERT_TRUE(append({cpu_rows(1, -20'000, 2, "a"), cpu_rows(1, 0, 2, "a"), cpu_rows(1, 20'000, 2, "a"),
                      cpu_rows(1, 20'000, 2, "b"), cpu_rows(1, 0, 2, "c"), cpu_rows(1, -20'000, 1, "d")})
                  .has_value());
  ReadRequest request = of_vms({VmId{1}});
  request.devices = ReadRequest::Devices::kAll;
  request.range = between(0, 1);
  const auto answer = read(request);
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->series.size(), 2u);
  EXPECT_EQ(answer->series[0].device, "a");
  EXPECT_EQ(answer->series[1].device, "c");
  EXPECT_EQ(answer->series[0].rows.rows(), 1u);
}

TEST_F(ChunkDbTest, CountsWhatLateRowsRepeat) {
  open();
  ASSERT_TRUE(append({cpu_rows(1, 0, 10)}).has_value());
  const auto f = [&](SealedRows rows) {
    rows.late = true;
    const auto outcome = append({std::move(rows)});
    return std::pair(outcome.value().rows_stored, outcome.value().rows_duplicate);
  };
  EXPECT_EQ(f(cpu_rows(1, 0, 10)), std::pair(uint64_t{0}, uint64_t{10}));
  EXPECT_EQ(f(cpu_rows(1, 5, 10)), std::pair(uint64_t{5}, uint64_t{5}));
  EXPECT_EQ(f(cpu_rows(1, -3, 20)), std::pair(uint64_t{5}, uint64_t{15}));
  EXPECT_EQ(f(cpu_rows(2, 0, 4)), std::pair(uint64_t{4}, uint64_t{0}));
  EXPECT_EQ(f(cpu_rows(1, 0, 4, "cpu0")), std::pair(uint64_t{4}, uint64_t{0}));
  SealedRows part = cpu_rows(1, 0, 1);  // Fewer fields than are stored: nothing new.
  part.rows.columns[0].present[0] = 0;
  EXPECT_EQ(f(part), std::pair(uint64_t{0}, uint64_t{1}));
  SealedRows other = cpu_rows(1, 0, 1);  // Another value: stored, and wins.
  other.rows.columns[0].bits[0] = Value::of(50.0).bits;
  EXPECT_EQ(f(other), std::pair(uint64_t{1}, uint64_t{0}));
  EXPECT_EQ(f(other), std::pair(uint64_t{0}, uint64_t{1}));
  EXPECT_EQ(rows_of(1).rows(), 20u);
  EXPECT_EQ(rows_of(1).columns[0].bits[3], Value::of(50.0).bits);
}

TEST_F(ChunkDbTest, LateRowsSeeTheirOwnBatch) {
  open();
  SealedRows late = cpu_rows(1, 3, 4);
  late.late = true;
  const auto outcome = append({cpu_rows(1, 0, 5), late});
  EXPECT_EQ(outcome.value().rows_stored, 7u);
  EXPECT_EQ(outcome.value().rows_duplicate, 2u);
  EXPECT_EQ(rows_of(1), cpu_rows(1, 0, 7).rows);
}

TEST_F(ChunkDbTest, ServesCustomGroups) {
  open();
  const GroupId group{64};
  const auto f = [&](std::vector<ValueType> types, int64_t at_s, std::vector<std::optional<Value>> values) {
    SealedRows rows{VmId{1}, group, "", ColumnSet::for_types(types), false};
    add_row(rows.rows, kStartNs + at_s * kSecondNs, 0, values);
    ASSERT_TRUE(append({rows}).has_value());
  };
  f({ValueType::kInt64}, 0, {Value::of(int64_t{-4})});
  f({ValueType::kInt64, ValueType::kBool}, 1, {std::nullopt, Value::of(true)});
  f({ValueType::kFloat64, ValueType::kBool}, 2, {Value::of(1.5), Value::of(false)});  // A type that disagrees.
  const ColumnSet rows = rows_of(1, group);
  ASSERT_EQ(rows.columns.size(), 2u);
  EXPECT_EQ(rows.columns[0].type, ValueType::kInt64);
  EXPECT_THAT(rows.columns[0].present, ElementsAre(1, 0, 0));
  EXPECT_EQ(rows.columns[0].value(0), Value::of(int64_t{-4}));
  EXPECT_THAT(rows.columns[1].present, ElementsAre(0, 1, 1));
  EXPECT_EQ(rows.columns[1].value(1), Value::of(true));
}

TEST_F(ChunkDbTest, LimitsRows) {
  open();
  ASSERT_TRUE(append({cpu_rows(1, 0, 10), cpu_rows(2, 0, 10)}).has_value());
  const auto f = [&](size_t rows_max) {
    ReadRequest request = of_vms({VmId{1}, VmId{2}});
    request.rows_max = rows_max;
    const auto answer = read(request);
    return answer ? std::string("good") : answer.error().message;
  };
  EXPECT_EQ(f(20), "good");
  EXPECT_THAT(f(19), HasSubstr("more than 19 rows"));
  EXPECT_THAT(f(0), HasSubstr("more than 0 rows"));
}

TEST_F(ChunkDbTest, KeepsMetadata) {
  open();
  const auto put = [&](std::string_view key, std::string_view value) {
    ASSERT_TRUE(StoreFixture::put(std::string(key), value).has_value());
  };
  const auto all = [&](std::string_view prefix) {
    std::vector<std::string> out;
    EXPECT_TRUE(db->visit_metadata(prefix, [&](std::string_view key, ByteView value) {
                    out.push_back(fmt::format("{}={}", key, as_text(value)));
                  }).has_value());
    return out;
  };
  put("vm/2", "two");
  put("vm/1", "one");
  put("vm/1", "uno");
  put("vm/3", "");
  put("vn/1", "other");
  EXPECT_THAT(all("vm/"), ElementsAre("vm/1=uno", "vm/2=two", "vm/3="));
  ASSERT_TRUE(db->checkpoint(LogPosition{9}).has_value());
  open();
  EXPECT_THAT(all("vm/"), ElementsAre("vm/1=uno", "vm/2=two", "vm/3="));
  EXPECT_THAT(all("vn/"), ElementsAre("vn/1=other"));
  EXPECT_THAT(all("x/"), IsEmpty());
}

TEST_F(ChunkDbTest, RefusesWhenTheQueueIsFullAndAnswersEverybody) {
  auto opened = ChunkDb::open({.directory = directory.string(), .queue_max = 2}, pool, clock);
  ASSERT_TRUE(opened.has_value());
  db = std::move(*opened);
  std::promise<void> entered;
  std::promise<void> release;
  std::atomic<int> answered{0};
  ASSERT_TRUE(db->append({cpu_rows(1, 0, 1)}, [&](const auto&, const auto&) {
    entered.set_value();
    release.get_future().wait();
    ++answered;
  }));
  entered.get_future().wait();  // The store's thread is busy: what comes now waits.
  EXPECT_TRUE(db->append({cpu_rows(1, 1, 1)}, [&](const auto&, const auto&) { ++answered; }));
  EXPECT_TRUE(db->append({cpu_rows(1, 2, 1)}, [&](const auto&, const auto&) { ++answered; }));
  EXPECT_FALSE(db->append({cpu_rows(1, 3, 1)}, [&](const auto&, const auto&) { ++answered; }));
  EXPECT_EQ(db->stats().queue_batches.value(), 2);
  release.set_value();
  ASSERT_TRUE(db->checkpoint(LogPosition{1}).has_value());  // Waits for what was taken before.
  EXPECT_EQ(rows_of(1).rows(), 3u);
  db.reset();
  EXPECT_EQ(answered, 3);
}

TEST_F(ChunkDbTest, AnswersReadsThatNobodyRuns) {
  class Refusing final : public Executor {
   public:
    bool post(Task) override { return false; }
  } refusing;
  auto opened = ChunkDb::open({.directory = directory.string()}, refusing, clock);
  ASSERT_TRUE(opened.has_value());
  db = std::move(*opened);
  const auto answer = read(of_vms({VmId{1}}));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST_F(ChunkDbTest, RefusesASecondProcess) {
  open();
  const auto second = ChunkDb::open({.directory = directory.string()}, pool, clock);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(directory / "store.damaged"));
}

TEST_F(ChunkDbTest, ReadsWhileItIsWritten) {
  open();
  std::atomic<bool> stop{false};
  std::atomic<size_t> reads{0};
  std::thread reader([&] {
    while (!stop) {
      const size_t rows = rows_of(1).rows();
      EXPECT_EQ(rows % 10, 0u);
      ++reads;
    }
  });
  for (int64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(append({cpu_rows(1, i * 10 + (i / 10) * 7200, 10)}).has_value());
    if (i % 10 == 9) {
      ASSERT_TRUE(db->checkpoint(LogPosition{static_cast<uint64_t>(i)}).has_value());
    }
  }
  while (reads < 3) std::this_thread::yield();
  stop = true;
  reader.join();
  EXPECT_EQ(rows_of(1).rows(), 1000u);
  std::string text;
  MetricsText metrics(text);
  db->write_metrics(metrics);
  EXPECT_THAT(text, HasSubstr("dragonfly_store_bytes{tier=\"raw\"}"));
  EXPECT_THAT(text, HasSubstr("dragonfly_store_rows_written_total 1000"));
}

}  // namespace
}  // namespace dragonfly
