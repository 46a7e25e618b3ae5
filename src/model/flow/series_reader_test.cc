#include "model/flow/series_reader.h"

#include <gmock/gmock.h>

#include <thread>

#include "model/row/row.h"

namespace dragonfly {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr ValueType kTypes[] = {ValueType::kFloat64, ValueType::kFloat64};

struct Point {
  int64_t time;
  std::optional<double> a;
  std::optional<double> b;
};

SeriesRows series(uint32_t vm, std::string device, const std::vector<Point>& points, size_t columns = 2) {
  SeriesRows out{VmId{vm}, std::move(device), ColumnSet::for_types(std::span(kTypes).first(columns))};
  for (const Point& point : points) {
    std::vector<std::optional<Value>> values;
    values.push_back(point.a ? std::optional(Value::of(*point.a)) : std::nullopt);
    if (columns > 1) values.push_back(point.b ? std::optional(Value::of(*point.b)) : std::nullopt);
    Bytes fields;
    ByteWriter writer(fields);
    encode_fields(writer, values);
    EXPECT_TRUE(out.rows.append_row(from_unix_ns(point.time), 1, fields));
  }
  return out;
}

// Answers at once, or when it is told.
class FakeReader final : public SeriesReader {
 public:
  explicit FakeReader(Result<ReadAnswer> answer, bool wait = false) : answer_(std::move(answer)), wait_(wait) {}
  void read(ReadRequest request, Done done) override {
    requested = std::move(request);
    done_ = std::move(done);
    if (!wait_) answer();
  }
  void answer() { done_(answer_); }
  ReadRequest requested;

 private:
  Result<ReadAnswer> answer_;
  bool wait_;
  Done done_;
};

ReadRequest request(int64_t begin, int64_t end, size_t rows_max = 100) {
  ReadRequest out;
  out.range = {from_unix_ns(begin), from_unix_ns(end)};
  out.rows_max = rows_max;
  return out;
}

Result<ReadAnswer> merged(std::vector<SeriesReader*> parts, ReadRequest what) {
  MergedReader reader(std::move(parts));
  std::optional<Result<ReadAnswer>> out;
  int calls = 0;
  reader.read(std::move(what), [&](Result<ReadAnswer> answer) {
    out = std::move(answer);
    ++calls;
  });
  EXPECT_EQ(calls, 1);
  return std::move(*out);
}

TEST(MergedReader, TheLaterPartWinsFieldByField) {
  FakeReader chunks(ReadAnswer{{series(2, "", {{10, 1.0, 2.0}, {20, 3.0, {}}})}, {}});
  FakeReader head(ReadAnswer{{series(2, "", {{20, {}, 9.0}, {30, 5.0, {}}}), series(1, "sda", {{10, 7.0, {}}})}, {}});
  const auto answer = merged({&chunks, &head}, request(0, 100));
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->series.size(), 2u);
  EXPECT_EQ(answer->series[0].vm, VmId{1});
  EXPECT_EQ(answer->series[0].device, "sda");
  const ColumnSet& rows = answer->series[1].rows;
  EXPECT_THAT(rows.times_ns, ElementsAre(10, 20, 30));
  EXPECT_EQ(rows.columns[0].as_double(1), 3.0);
  EXPECT_EQ(rows.columns[1].as_double(1), 9.0);
  EXPECT_THAT(rows.columns[1].present, ElementsAre(1, 1, 0));

  FakeReader old_value(ReadAnswer{{series(1, "", {{10, 1.0, {}}})}, {}});
  FakeReader new_value(ReadAnswer{{series(1, "", {{10, 2.0, {}}})}, {}});
  EXPECT_EQ(merged({&old_value, &new_value}, request(0, 100))->series[0].rows.columns[0].as_double(0), 2.0);
  EXPECT_EQ(merged({&new_value, &old_value}, request(0, 100))->series[0].rows.columns[0].as_double(0), 1.0);
}

TEST(MergedReader, OneRowBeforeTheRangeRemains) {
  FakeReader chunks(ReadAnswer{{series(1, "", {{4, 1.0, {}}, {10, 2.0, {}}})}, {}});
  FakeReader head(ReadAnswer{{series(1, "", {{8, 3.0, {}}, {12, 4.0, {}}})}, {}});
  const auto answer = merged({&chunks, &head}, request(10, 100));
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT(answer->series[0].rows.times_ns, ElementsAre(8, 10, 12));
}

TEST(MergedReader, PartsMayKnowFewerColumns) {
  FakeReader chunks(ReadAnswer{{series(1, "", {{10, 1.0, {}}}, 1)}, {}});
  FakeReader head(ReadAnswer{{series(1, "", {{20, 2.0, 3.0}})}, {}});
  for (const bool swapped : {false, true}) {
    const auto answer = swapped ? merged({&head, &chunks}, request(0, 100)) : merged({&chunks, &head}, request(0, 100));
    ASSERT_TRUE(answer.has_value());
    const ColumnSet& rows = answer->series[0].rows;
    ASSERT_EQ(rows.columns.size(), 2u);
    EXPECT_THAT(rows.times_ns, ElementsAre(10, 20));
    EXPECT_THAT(rows.columns[1].present, ElementsAre(0, 1));
  }
}

TEST(MergedReader, LimitsRowsOfAllSeriesTogether) {
  FakeReader chunks(ReadAnswer{{series(1, "", {{10, 1.0, {}}, {20, 1.0, {}}})}, {}});
  FakeReader head(ReadAnswer{{series(1, "", {{20, 1.0, {}}}), series(2, "", {{30, 1.0, {}}})}, {}});
  EXPECT_TRUE(merged({&chunks, &head}, request(0, 100, 3)).has_value());
  const auto answer = merged({&chunks, &head}, request(0, 100, 2));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(answer.error().message, HasSubstr("more than 2 rows"));
}

TEST(MergedReader, PassesOnErrorsAndWhatIsMissing) {
  FakeReader good(ReadAnswer{{}, {"chunk 7 is damaged"}});
  FakeReader other(ReadAnswer{{}, {"shard 1 is late"}});
  FakeReader bad(fail(ErrorCode::kUnavailable, "stopping"));
  EXPECT_THAT(merged({&good, &other}, request(0, 1))->missing_parts,
              ElementsAre("chunk 7 is damaged", "shard 1 is late"));
  EXPECT_EQ(merged({&good, &bad}, request(0, 1)).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(merged({&bad}, request(0, 1)).error().message, "stopping");
  EXPECT_TRUE(merged({}, request(0, 1))->series.empty());
  EXPECT_EQ(good.requested.rows_max, 100u);
}

TEST(MergedReader, AnswersWhenTheLastPartHasAnswered) {
  FakeReader slow(ReadAnswer{{series(1, "", {{10, 1.0, {}}})}, {}}, true);
  FakeReader fast(ReadAnswer{{series(1, "", {{20, 1.0, {}}})}, {}});
  std::optional<Result<ReadAnswer>> out;
  {
    MergedReader reader({&slow, &fast});
    reader.read(request(0, 100), [&](Result<ReadAnswer> answer) { out = std::move(answer); });
  }
  EXPECT_FALSE(out.has_value());
  slow.answer();
  ASSERT_TRUE(out.has_value());
  EXPECT_THAT((*out)->series[0].rows.times_ns, ElementsAre(10, 20));
}

TEST(MergedReader, PartsMayAnswerOnTheirOwnThreads) {
  FakeReader first(ReadAnswer{{series(1, "", {{10, 1.0, {}}})}, {}}, true);
  FakeReader second(ReadAnswer{{series(1, "", {{20, 1.0, {}}})}, {}}, true);
  MergedReader reader({&first, &second});
  size_t rows = 0;
  reader.read(request(0, 100), [&](Result<ReadAnswer> answer) { rows = answer->series[0].rows.rows(); });
  for (FakeReader* part : {&second, &first}) std::thread([&] { part->answer(); }).join();
  EXPECT_EQ(rows, 2u);
}

// Rows are sealed while a question runs: they leave the head when the store has them. A store that was read before the head
// would have missed them, and the head no longer had them.
TEST(MergedReader, RowsThatMoveMeanwhileAreMet) {
  class Store final : public SeriesReader {
   public:
    void read(ReadRequest, Done done) override {
      asked = true;
      done(ReadAnswer{{series(1, "", {{10, 1.0, {}}})}, {}});
    }
    bool asked = false;
  };
  Store store;
  FakeReader head(ReadAnswer{{series(1, "", {{20, 1.0, {}}})}, {}}, true);
  MergedReader reader({&store, &head});
  std::optional<Result<ReadAnswer>> out;
  reader.read(request(0, 100), [&](Result<ReadAnswer> answer) { out = std::move(answer); });
  EXPECT_FALSE(store.asked);
  head.answer();
  EXPECT_TRUE(store.asked);
  ASSERT_TRUE(out.has_value());
  EXPECT_THAT((*out)->series[0].rows.times_ns, ElementsAre(10, 20));
}

TEST(ReadAndWait, ReturnsTheAnswerOrTimesOut) {
  FakeReader at_once(ReadAnswer{{series(1, "", {{10, 1.0, {}}})}, {}});
  EXPECT_EQ(read_and_wait(at_once, request(0, 100), 1s)->series.size(), 1u);
  FakeReader late(ReadAnswer{{series(1, "", {{10, 1.0, {}}})}, {}}, true);
  const auto none = read_and_wait(late, request(0, 100), 1ms);
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(none.error().message, HasSubstr("1ms"));
  late.answer();  // Nobody waits; nothing breaks.

  class Threaded final : public SeriesReader {
   public:
    void read(ReadRequest, Done done) override {
      thread = std::jthread([done = std::move(done)] { done(fail(ErrorCode::kIo, "disk")); });
    }
    std::jthread thread;
  } threaded;
  EXPECT_EQ(read_and_wait(threaded, request(0, 100), 10s).error().code, ErrorCode::kIo);
}

// Gives all its work away, from a thread of its own; what nobody takes it does itself.
class Handing final : public SeriesReader {
 public:
  void read(ReadRequest asked, Done done) override {
    thread_ = std::jthread([this, asked = std::move(asked), done = std::move(done)] {
      const auto work = [this, done] {
        worker = std::this_thread::get_id();
        done(ReadAnswer{});
      };
      while (hold) std::this_thread::yield();
      taken = hand_over(asked, work, [](const auto& own) {
        own();
        return false;
      });
    });
  }
  void finish() { thread_.join(); }
  std::atomic<bool> hold{false};
  std::thread::id worker;
  bool taken = false;

 private:
  std::jthread thread_;
};

TEST(ReadAndWait, WhoWaitsMayDoTheWork) {
  Handing reader;
  EXPECT_TRUE(read_and_wait(reader, request(0, 100), 10s, Waiting::kHelps).has_value());
  reader.finish();
  EXPECT_TRUE(reader.taken);
  EXPECT_EQ(reader.worker, std::this_thread::get_id());
  EXPECT_TRUE(read_and_wait(reader, request(0, 100), 10s).has_value());
  reader.finish();
  EXPECT_FALSE(reader.taken);
  EXPECT_NE(reader.worker, std::this_thread::get_id());
  reader.hold = true;  // Who gave up takes nothing.
  EXPECT_EQ(read_and_wait(reader, request(0, 100), 1ms, Waiting::kHelps).error().code, ErrorCode::kTimeout);
  reader.hold = false;
  reader.finish();
  EXPECT_FALSE(reader.taken);
}

constexpr Duration kHour = std::chrono::hours(1);
Timestamp hour(int64_t number) { return from_unix_ns(number * kHour.count()); }

// Has rollups of a gauge (a count an hour) in some hours, and rows without rollups in others.
class RollupReader final : public SeriesReader {
 public:
  RollupReader(std::vector<int64_t> covered, std::vector<int64_t> uncovered)
      : covered_(std::move(covered)), uncovered_(std::move(uncovered)) {}
  void read(ReadRequest, Done done) override { done(ReadAnswer{}); }
  void read_rollups(RollupRequest request, RollupDone done) override {
    ++calls;
    RollupAnswer out;
    SeriesRollups series{VmId{1}, "", rollup_columns(kinds_of(request.group, request.fields), request.parts)};
    for (const int64_t number : covered_) {
      bool excluded = false;
      for (const VmRanges& vm : request.excluded) {
        for (const TimeRange& range : vm.ranges) excluded |= range.contains(hour(number));
      }
      if (excluded) continue;
      series.rows.times_ns.push_back(unix_ns(hour(number)));
      series.rows.boots.push_back(0);
      for (Column& column : series.rows.columns) {
        column.bits.push_back(1);
        column.present.push_back(1);
      }
    }
    if (!series.rows.empty()) out.series.push_back(std::move(series));
    std::vector<TimeRange> ranges;
    for (const int64_t number : uncovered_) unite(ranges, {{hour(number), hour(number + 1)}});
    if (!ranges.empty()) out.uncovered.push_back({VmId{1}, ranges});
    done(std::move(out));
  }
  int calls = 0;

 private:
  const std::vector<int64_t> covered_;
  const std::vector<int64_t> uncovered_;
};

TEST(MergedReader, RollupsOnlyWhereNoPartHasNewerRows) {
  const auto f = [](std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> parts, const std::string& want) {
    std::vector<std::unique_ptr<RollupReader>> readers;
    std::vector<SeriesReader*> all;
    for (auto& [covered, uncovered] : parts) {
      readers.push_back(std::make_unique<RollupReader>(covered, uncovered));
      all.push_back(readers.back().get());
    }
    MergedReader merged(all);
    RollupRequest request;
    request.vms = {VmId{1}};
    request.fields = {0};
    request.parts = RollupParts{} | RollupPart::kCount;
    request.range = {hour(0), hour(10)};
    request.period = kHour;
    const auto answer = read_rollups_and_wait(merged, request, 10s);
    ASSERT_TRUE(answer.has_value());
    std::string got;
    for (const SeriesRollups& series : answer->series) {
      for (const int64_t time : series.rows.times_ns) got += fmt::format("{} ", time / kHour.count());
    }
    got += "raw:";
    for (const VmRanges& vm : answer->uncovered) {
      for (const TimeRange& range : vm.ranges)
        got += fmt::format(" {}-{}", unix_ns(range.begin) / kHour.count(), unix_ns(range.end) / kHour.count());
    }
    EXPECT_EQ(got, want);
  };
  f({{{1, 2, 3}, {}}, {{}, {}}}, "1 2 3 raw:");
  f({{{1, 2, 3}, {}}, {{}, {3}}}, "1 2 raw: 3-4");
  f({{{1, 2, 3}, {4}}, {{}, {3}}}, "1 2 raw: 3-5");
  f({{{1}, {2}}, {{1, 2}, {}}}, "1 raw: 2-3");  // The later one is asked again: the earlier has newer rows.
  f({{{}, {}}, {{}, {}}}, "raw:");
  FakeReader plain(ReadAnswer{});
  RollupRequest request;
  request.vms = {VmId{2}, VmId{1}};
  request.fields = {0};
  request.range = {hour(0) + 1min, hour(2)};
  const auto answer = read_rollups_and_wait(plain, request, 10s);
  ASSERT_EQ(answer->uncovered.size(), 2u);
  EXPECT_EQ(answer->uncovered[0].vm, VmId{1});
  EXPECT_EQ(answer->uncovered[1].ranges.at(0).begin, hour(0) + 1min);
}

}  // namespace
}  // namespace dragonfly
