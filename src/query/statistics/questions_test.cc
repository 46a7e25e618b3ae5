#include "query/statistics/questions.h"

#include <gmock/gmock.h>

#include <functional>
#include <mutex>
#include <numeric>

#include "base/rt/random.h"
#include "base/rt/worker_pool.h"
#include "model/catalogue/fields.h"
#include "query/statistics/query_pieces.h"
#include "query/statistics/test_rows.h"

namespace dragonfly {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const SystemClock kClock;

// A reader of rows in memory that keeps to the interface: at most one row before the range, no more than rows_max.
class MemoryReader final : public SeriesReader {
 public:
  void read(ReadRequest request, Done done) override {
    const std::lock_guard lock(mutex);
    requests.push_back(request);
    ReadAnswer answer;
    answer.missing_parts = missing;
    size_t rows = 0;
    for (const SeriesRows& one : series) {
      if (std::ranges::find(request.vms, one.vm) == request.vms.end()) continue;
      if (request.devices == ReadRequest::Devices::kVmOnly && !one.device.empty()) continue;
      SeriesRows out = one;
      if (!request.fields.empty()) out.rows.select(request.fields);
      out.rows.keep({request.range.begin - request.previous_within, request.range.end});
      const auto first =
          std::ranges::lower_bound(out.rows.times_ns, unix_ns(request.range.begin)) - out.rows.times_ns.begin();
      if (first > 1)
        out.rows.keep({from_unix_ns(out.rows.times_ns[static_cast<size_t>(first) - 1]), request.range.end});
      rows += out.rows.rows();
      if (!out.rows.empty()) answer.series.push_back(std::move(out));
    }
    if (rows > std::min(request.rows_max, rows_max)) {
      done(fail(ErrorCode::kResourceExhausted, "too many rows"));
      return;
    }
    done(std::move(answer));
  }

  // cpu_utilization of `vm` at seconds after kStart.
  void add_cpu(uint32_t vm, const std::vector<std::pair<double, double>>& values, std::string device = {}) {
    SeriesRows out{VmId{vm}, std::move(device), ColumnSet::for_group(GroupId::kCpu)};
    for (const auto& [time_s, value] : values) {
      out.rows.times_ns.push_back(unix_ns(at_s(time_s)));
      out.rows.boots.push_back(1);
      for (size_t i = 0; i < out.rows.columns.size(); ++i) {
        out.rows.columns[i].bits.push_back(i == 0 ? Value::of(value).bits : 0);
        out.rows.columns[i].present.push_back(i == 0 ? 1 : 0);
      }
    }
    series.push_back(std::move(out));
  }
  // bytes_in-like: the first counter of the network group.
  void add_network(uint32_t vm, const std::vector<std::pair<double, uint64_t>>& values) {
    SeriesRows out{VmId{vm}, "", ColumnSet::for_group(GroupId::kNetwork)};
    for (const auto& [time_s, value] : values) {
      out.rows.times_ns.push_back(unix_ns(at_s(time_s)));
      out.rows.boots.push_back(1);
      for (Column& column : out.rows.columns) {
        column.bits.push_back(value);
        column.present.push_back(1);
      }
    }
    series.push_back(std::move(out));
  }

  std::vector<SeriesRows> series;
  std::vector<std::string> missing;
  std::vector<ReadRequest> requests;
  size_t rows_max = SIZE_MAX;
  std::mutex mutex;  // Of a query in parallel.
};

std::string show(const std::vector<Bucket>& rows) {
  std::string out;
  for (const Bucket& row : rows) {
    out += fmt::format("{}{}=", out.empty() ? "" : " ", seconds(row.start - kStart));
    out += row.fields[0] ? fmt::format("{}", *row.fields[0]) : std::string("-");
  }
  return out;
}

std::string show(const QueryAnswer& answer) {
  std::string out;
  for (const QuerySeries& series : answer.series) {
    out += "{";
    for (const auto& [key, value] : series.labels)
      out += fmt::format("{}{}:{}", out.back() == '{' ? "" : ",", key, value);
    out += "} " + show(series.rows) + "\n";
  }
  return out;
}

TEST(Questions, InfoFloorsItsStartAndHasTheRunningBucket) {
  MemoryReader reader;
  reader.add_cpu(1, {{-61, 1}, {-60, 2}, {-1, 4}, {0, 5}, {119, 7}, {120, 8}, {130, 10}, {179, 12}, {180, 99}});
  const auto answer =
      Questions(reader, kClock).info({.vm = VmId{1}, .bucket = 1min, .duration = 150s, .now = at_s(130)});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  // now - 150 s = -20 s, in the bucket that begins at -60 s.
  EXPECT_EQ(show(answer->buckets), "-60=3 0=5 60=7 120=10");
  EXPECT_EQ(reader.requests.at(0).previous_within, Duration(0));  // No counter among its fields.
}

TEST(Questions, InfoCountersUseTheRowBefore) {
  MemoryReader reader;
  reader.add_network(1, {{-30, 1000}, {30, 1600}, {90, 2200}});
  const auto answer =
      Questions(reader, kClock)
          .info({.vm = VmId{1}, .group = GroupId::kNetwork, .bucket = 1min, .duration = 1min, .now = at_s(70)});
  EXPECT_EQ(show(answer->buckets), "0=10 60=10");
}

TEST(Questions, InfoRefuses) {
  MemoryReader reader;
  const auto f = [&](Duration bucket, Duration duration) {
    const auto answer =
        Questions(reader, kClock).info({.vm = VmId{1}, .bucket = bucket, .duration = duration, .now = at_s(0)});
    return answer ? std::string("good") : answer.error().message;
  };
  EXPECT_EQ(f(1min, 1h), "good");
  EXPECT_THAT(f(1min, 0s), HasSubstr("duration must be positive"));
  EXPECT_EQ(f(1min, std::chrono::minutes(kBucketsMax - 1)), "good");
  EXPECT_THAT(f(1min, std::chrono::minutes(kBucketsMax)), HasSubstr("at most 100000"));
}

TEST(Questions, AKnownVmWithoutDataHasNoRows) {
  MemoryReader reader;
  EXPECT_THAT(Questions(reader, kClock).info({.vm = VmId{1}, .now = at_s(0)})->buckets, IsEmpty());
  const auto window = Questions(reader, kClock).real_time({.vm = VmId{1}, .now = at_s(0)});
  EXPECT_EQ(window->values.newest, std::nullopt);
  EXPECT_THAT(window->values.fields, IsEmpty());
}

TEST(Questions, RealTimeWindowExcludesItsStartAndIncludesNow) {
  MemoryReader reader;
  reader.add_cpu(1, {{90, 1}, {90.001, 2}, {95, 4}, {100, 6}, {100.001, 100}});
  const auto f = [&](Statistic statistic) {
    const auto answer =
        Questions(reader, kClock).real_time({.vm = VmId{1}, .statistic = statistic, .window = 10s, .now = at_s(100)});
    EXPECT_EQ(answer->values.newest, at_s(100));
    return answer->values.fields.at(0);
  };
  EXPECT_EQ(f(Statistic::kAvg), 4.0);
  EXPECT_EQ(f(Statistic::kMin), 2.0);
  EXPECT_EQ(f(Statistic::kMax), 6.0);
  EXPECT_EQ(f(Statistic::kLast), 6.0);
}

TEST(Questions, RealTimeTakesAtMostTheNewestRows) {
  MemoryReader reader;
  std::vector<std::pair<double, double>> values;
  for (int i = 1; i <= 700; ++i) values.emplace_back(i * 0.1, i);
  reader.add_cpu(1, values);
  std::vector<std::pair<double, uint64_t>> totals;
  for (int i = 1; i <= 700; ++i) totals.emplace_back(i * 0.5, i <= 100 ? 0 : static_cast<uint64_t>(i - 100) * 5);
  reader.add_network(2, totals);
  const Questions questions(reader, kClock);
  const auto count =
      questions.real_time({.vm = VmId{1}, .statistic = Statistic::kCount, .window = 100s, .now = at_s(70)});
  EXPECT_EQ(count->values.fields.at(0), 600.0);
  const auto least =
      questions.real_time({.vm = VmId{1}, .statistic = Statistic::kMin, .window = 100s, .now = at_s(70)});
  EXPECT_EQ(least->values.fields.at(0), 101.0);
  // Each of the 600 rows has a rate: the row before them tells the first one's.
  const auto rate = questions.real_time(
      {.vm = VmId{2}, .group = GroupId::kNetwork, .statistic = Statistic::kMin, .window = 1000s, .now = at_s(400)});
  EXPECT_EQ(rate->values.fields.at(0), 10.0);
}

TEST(Questions, TellsMissingParts) {
  MemoryReader reader;
  reader.missing = {"raw/6: damaged"};
  Query query;
  query.vms = {{VmId{1}, "ns", "m", "a", "", ""}};
  query.fields = {0};
  query.range = between_s(0, 10);
  EXPECT_THAT(Questions(reader, kClock).query(query)->missing_parts, ElementsAre("raw/6: damaged"));
  EXPECT_THAT(Questions(reader, kClock).info({.vm = VmId{1}, .now = at_s(0)})->missing_parts,
              ElementsAre("raw/6: damaged"));
  EXPECT_THAT(Questions(reader, kClock).real_time({.vm = VmId{1}, .now = at_s(0)})->missing_parts,
              ElementsAre("raw/6: damaged"));
}

// Four VMs: a and b in MCIS m, c in MCIS n of the same namespace, d in another namespace and cloud.
class QueryTest : public ::testing::Test {
 protected:
  QueryTest() {
    reader.add_cpu(1, {{0, 1}, {5, 3}, {10, 10}});
    reader.add_cpu(1, {{0, 50}}, "cpu0");
    reader.add_cpu(2, {{1, 4}, {12, 20}});
    reader.add_cpu(2, {{1, 60}, {2, 80}}, "cpu0");
    reader.add_cpu(3, {{2, 9}});
    reader.add_cpu(4, {{3, 100}});
    query.vms = {{VmId{1}, "x", "m", "a", "aws", "east"},
                 {VmId{2}, "x", "m", "b", "aws", "west"},
                 {VmId{3}, "x", "n", "c", "gcp", "east"},
                 {VmId{4}, "y", "m", "a", "gcp", "east"}};
    query.fields = {0};
    query.range = between_s(0, 20);
    query.step = 10s;
  }
  std::string ask() {
    const auto answer = Questions(reader, kClock).query(query);
    return answer ? show(*answer) : answer.error().message;
  }
  MemoryReader reader;
  Query query;
};

TEST_F(QueryTest, RawRows) {
  query.step = Duration::zero();
  EXPECT_EQ(ask(),
            "{ns:x,mcis:m,vm:a} 0=1 5=3 10=10\n"
            "{ns:x,mcis:m,vm:b} 1=4 12=20\n"
            "{ns:x,mcis:n,vm:c} 2=9\n"
            "{ns:y,mcis:m,vm:a} 3=100\n");
}

TEST_F(QueryTest, RawCountersAreRates) {
  reader.add_network(7, {{-10, 100}, {0, 150}, {10, 400}});
  query.vms = {{VmId{7}, "x", "m", "a", "", ""}};
  query.group = GroupId::kNetwork;
  query.step = Duration::zero();
  EXPECT_EQ(ask(), "{ns:x,mcis:m,vm:a} 0=5 10=25\n");
}

TEST_F(QueryTest, Buckets) {
  EXPECT_EQ(ask(),
            "{ns:x,mcis:m,vm:a} 0=2 10=10\n"
            "{ns:x,mcis:m,vm:b} 0=4 10=20\n"
            "{ns:x,mcis:n,vm:c} 0=9\n"
            "{ns:y,mcis:m,vm:a} 0=100\n");
}

TEST_F(QueryTest, GroupsCountEachVmOnce) {
  const auto f = [&](GroupBy by, Statistic statistic) {
    query.by = by;
    query.statistic = statistic;
    return ask();
  };
  // The mean of the VMs' means, not of all samples.
  EXPECT_EQ(f(GroupBy::kMcis, Statistic::kAvg), "{ns:x,mcis:m} 0=3 10=15\n{ns:x,mcis:n} 0=9\n{ns:y,mcis:m} 0=100\n");
  EXPECT_EQ(f(GroupBy::kNs, Statistic::kSum), "{ns:x} 0=15 10=30\n{ns:y} 0=100\n");
  EXPECT_EQ(f(GroupBy::kNs, Statistic::kMin), "{ns:x} 0=1 10=10\n{ns:y} 0=100\n");
  EXPECT_EQ(f(GroupBy::kNs, Statistic::kMax), "{ns:x} 0=9 10=20\n{ns:y} 0=100\n");
  EXPECT_EQ(f(GroupBy::kNs, Statistic::kCount), "{ns:x} 0=3 10=2\n{ns:y} 0=1\n");
  EXPECT_EQ(f(GroupBy::kNs, Statistic::kLast), "{ns:x} 0=5.333333333333333 10=15\n{ns:y} 0=100\n");
  EXPECT_EQ(f(GroupBy::kCsp, Statistic::kP95), "{csp:aws} 0=4 10=20\n{csp:gcp} 0=100\n");
  EXPECT_EQ(f(GroupBy::kRegion, Statistic::kSum),
            "{csp:aws,region:east} 0=2 10=10\n{csp:aws,region:west} 0=4 10=20\n{csp:gcp,region:east} 0=109\n");
  EXPECT_EQ(f(GroupBy::kNone, Statistic::kSum), "{} 0=115 10=30\n");
}

TEST_F(QueryTest, DevicesNeverMixWithTheirVm) {
  query.devices = ReadRequest::Devices::kAll;
  query.by = GroupBy::kDevice;
  query.statistic = Statistic::kSum;
  EXPECT_EQ(ask(), "{} 0=115 10=30\n{device:cpu0} 0=120\n");
  query.by = GroupBy::kMcis;
  query.statistic = Statistic::kAvg;
  EXPECT_EQ(ask(), "{ns:x,mcis:m} 0=3 10=15\n{ns:x,mcis:m,device:cpu0} 0=60\n{ns:x,mcis:n} 0=9\n{ns:y,mcis:m} 0=100\n");
  query.by = GroupBy::kVm;
  query.vms.resize(1);
  EXPECT_EQ(ask(), "{ns:x,mcis:m,vm:a} 0=2 10=10\n{ns:x,mcis:m,vm:a,device:cpu0} 0=50\n");
}

TEST_F(QueryTest, TopKeepsTheLargest) {
  query.top = 2;
  EXPECT_EQ(ask(), "{ns:y,mcis:m,vm:a} 0=100\n{ns:x,mcis:m,vm:b} 0=4 10=20\n");
  query.statistic = Statistic::kMin;  // By their least: c's is 9, b's is 4.
  EXPECT_EQ(ask(), "{ns:y,mcis:m,vm:a} 0=100\n{ns:x,mcis:n,vm:c} 0=9\n");
  query.top = 99;
  EXPECT_EQ(Questions(reader, kClock).query(query)->series.size(), 4u);
}

// Whatever the number of threads and of VMs at once, the answer is the same to the last bit.
TEST_F(QueryTest, ThreadsAndBatchesDoNotShow) {
  SeededRandom random(1);
  query.vms.clear();
  for (uint32_t vm = 100; vm < 400; ++vm) {
    std::vector<std::pair<double, double>> values;
    for (int i = 0; i < 20; ++i) values.emplace_back(i, static_cast<double>(random.next() % 1000) / 7);
    reader.add_cpu(vm, values);
    query.vms.push_back({VmId{vm}, "x", fmt::format("m{}", vm % 3), fmt::format("v{}", vm), "aws", "east"});
  }
  WorkerPool helpers("helper", 3, 10);
  for (const GroupBy by : {GroupBy::kVm, GroupBy::kMcis, GroupBy::kNone}) {
    query.by = by;
    reader.rows_max = SIZE_MAX;
    const std::string want = ask();
    for (const size_t rows_max : {size_t{20}, size_t{100}, SIZE_MAX}) {
      for (const size_t threads : {2, 4}) {
        reader.rows_max = rows_max;
        const auto answer = Questions(reader, kClock, {.helpers = &helpers, .parallel = threads}).query(query);
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(show(*answer), want) << rows_max << " " << threads;
      }
    }
  }
}

TEST_F(QueryTest, NothingIsReadForWhoHasLeft) {
  query.cancellation = Cancellation::make();
  query.cancellation.cancel();
  const auto answer = Questions(reader, kClock).query(query);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(reader.requests, IsEmpty());
  query.cancellation = Cancellation::make();
  EXPECT_EQ(Questions(reader, kClock).query(query)->series.size(), 4u);
  EXPECT_TRUE(reader.requests.back().cancellation.can_cancel());
}

// One that answers nothing until its question was cancelled.
TEST_F(QueryTest, TheTimeOfAQuestionIsThatOfAllItsReads) {
  class Silent final : public SeriesReader {
   public:
    void read(ReadRequest request, Done done) override {
      cancellation = request.cancellation;
      waiting = std::move(done);
    }
    Cancellation cancellation;
    Done waiting;
  };
  Silent silent;
  const auto answer = Questions(silent, kClock, {.timeout = 20ms}).query(query);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
  EXPECT_TRUE(silent.cancellation.cancelled());
  ManualClock clock(kStart);
  class Slow final : public SeriesReader {
   public:
    Slow(MemoryReader& reader, ManualClock& clock) : reader_(reader), clock_(clock) {}
    void read(ReadRequest request, Done done) override {
      clock_.advance(6s);
      reader_.read(std::move(request), std::move(done));
    }

   private:
    MemoryReader& reader_;
    ManualClock& clock_;
  };
  Slow slow(reader, clock);
  EXPECT_TRUE(Questions(slow, clock, {.timeout = 10s}).query(query));
  reader.rows_max = 2;  // One VM at a time, after reads of several: 6 s each.
  const auto late = Questions(slow, clock, {.timeout = 10s}).query(query);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
}

TEST_F(QueryTest, FieldsInTheOrderAsked) {
  query.vms.resize(1);
  query.fields = {5, 0, 900};
  const auto answer = Questions(reader, kClock).query(query);
  ASSERT_EQ(answer->series.size(), 1u);
  EXPECT_THAT(answer->series[0].rows[0].fields, ElementsAre(std::nullopt, 2.0, std::nullopt));
}

TEST_F(QueryTest, ReadsFewerVmsAtOnceWhereTheyHaveMoreRows) {
  const std::string whole = ask();
  EXPECT_EQ(reader.requests.size(), 1u);
  reader.rows_max = 3;  // No two of the first VMs fit.
  EXPECT_EQ(ask(), whole);
  EXPECT_GT(reader.requests.size(), 3u);
  reader.rows_max = 2;
  EXPECT_EQ(ask(), "too many rows");
}

TEST_F(QueryTest, Refuses) {
  const auto f = [&](auto change) {
    const Query before = query;
    change(query);
    const std::string out = ask();
    query = before;
    return out;
  };
  EXPECT_THAT(f([](Query& q) { q.range = between_s(10, 10); }), HasSubstr("is not before end"));
  EXPECT_THAT(f([](Query& q) { q.fields.clear(); }), HasSubstr("metric: none"));
  EXPECT_THAT(f([](Query& q) { q.step = -1s; }), HasSubstr("step must be positive"));
  EXPECT_THAT(f([](Query& q) { q.step = 0s, q.by = GroupBy::kMcis; }), HasSubstr("by=mcis needs a step"));
  EXPECT_THAT(f([](Query& q) { q.step = Duration(100'000); }), HasSubstr("at most 100000"));
  EXPECT_THAT(f([](Query& q) { q.range = {Timestamp::min(), Timestamp::max()}; }), HasSubstr("at most 100000"));
}

TEST_F(QueryTest, LimitsTheAnswer) {
  std::vector<std::pair<double, double>> values;
  for (int i = 0; i < 90'000; ++i) values.emplace_back(i, i);
  reader.series.clear();
  reader.add_cpu(1, values);
  query.vms.resize(1);
  query.range = between_s(0, 90'000);
  query.step = 1s;
  query.fields.resize(44);
  std::iota(query.fields.begin(), query.fields.end(), uint16_t{0});
  EXPECT_EQ(Questions(reader, kClock).query(query)->series.size(), 1u);
  query.fields.resize(45, 0);
  EXPECT_THAT(ask(), HasSubstr("more than 4000000 values"));
}

// Rollups of rows in memory, in the hours that are covered; only rows elsewhere.
class TieredReader final : public SeriesReader {
 public:
  explicit TieredReader(ColumnSet rows) : rows_(std::move(rows)) {}
  void read(ReadRequest request, Done done) override {
    ReadAnswer answer;
    SeriesRows out{VmId{1}, "", rows_};
    out.rows.select(request.fields);
    out.rows.keep_with_previous(request.range, request.previous_within);
    rows_read += out.rows.rows();
    answer.series.push_back(std::move(out));
    done(std::move(answer));
  }
  void read_rollups(RollupRequest request, RollupDone done) override {
    RollupAnswer answer;
    const auto kinds = kinds_of(request.group, request.fields);
    SeriesRollups out{VmId{1}, "", rollup_columns(kinds, request.parts)};
    ColumnSet rows = rows_;
    rows.select(request.fields);
    std::vector<TimeRange> uncovered;
    for (Timestamp hour = floor_to(request.range.begin, 1h); hour < request.range.end; hour += 1h) {
      const TimeRange range{std::max(hour, request.range.begin), std::min(hour + 1h, request.range.end)};
      const bool whole = range.end - range.begin == 1h && request.period % Duration(1h) == Duration(0);
      if (covered(hour))
        out.rows.append_all(roll_rows(rows, kinds, whole ? Duration(1h) : Duration(1min), range, request.parts));
      else
        unite(uncovered, {range});
    }
    if (!uncovered.empty()) answer.uncovered.push_back({VmId{1}, uncovered});
    if (!out.rows.empty()) answer.series.push_back(std::move(out));
    done(std::move(answer));
  }
  std::function<bool(Timestamp)> covered;
  size_t rows_read = 0;

 private:
  const ColumnSet rows_;
};

TEST(QuestionsOverTiers, AgreeWithRows) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    ColumnSet rows = ColumnSet::for_group(GroupId::kMemory);
    int64_t time = unix_ns(kStart);
    uint64_t total = 0;
    for (size_t i = 0; i < 300; ++i) {
      time += static_cast<int64_t>(1 + random.below(random.below(20) == 0 ? 7200 : 60)) * 1'000'000'000;
      total = random.below(50) == 0 ? 0 : total + random.below(1000);
      rows.times_ns.push_back(time);
      rows.boots.push_back(0);
      for (Column& column : rows.columns) {
        const bool there = random.below(4) != 0;
        const Value value = column.type == ValueType::kFloat64
                                ? Value::of(static_cast<double>(random.below(10'000)) / 100)
                                : Value::of(total);
        column.bits.push_back(there ? value.bits : 0);
        column.present.push_back(there ? 1 : 0);
      }
    }
    TieredReader reader(rows);
    Query query;
    query.vms = {{VmId{1}, "ns", "m", "vm"}};
    query.group = GroupId::kMemory;
    query.fields = {memory_field::kPageIn, memory_field::kUtilization, memory_field::kUsed};
    query.range = between_s(static_cast<double>(random.below(7200)), static_cast<double>(7300 + random.below(20'000)));
    constexpr Duration kSteps[] = {1min, 5min, 1h, 24h, 90s};
    query.step = kSteps[random.below(std::size(kSteps))];
    query.statistic = static_cast<Statistic>(random.below(7));
    const auto answer = [&](std::function<bool(Timestamp)> covered) {
      reader.covered = std::move(covered);
      auto out = Questions(reader, kClock).query(query);
      EXPECT_TRUE(out.has_value());
      return std::move(*out);
    };
    const auto from_rows = answer([](Timestamp) { return false; });
    EXPECT_EQ(from_rows.tier, "raw");
    const uint64_t salt = random.next();
    const auto mixed = answer(
        [&](Timestamp hour) { return (static_cast<uint64_t>(unix_ns(hour) / 3'600'000'000'000) ^ salt) % 3 != 0; });
    EXPECT_EQ(show(mixed), show(from_rows)) << to_string(query.statistic) << " by " << format_duration(query.step);
    reader.rows_read = 0;
    query.range = {floor_to(query.range.begin, 1h), floor_to(query.range.end, 1h)};
    const auto all = answer([](Timestamp) { return true; });
    if (query.statistic == Statistic::kP95 || query.step == 90s) continue;
    EXPECT_EQ(reader.rows_read, 0u);
    EXPECT_EQ(all.tier == "raw", all.series.empty());
  }
}

TEST(QuestionsNames, GroupBy) {
  EXPECT_EQ(find_group_by("region"), GroupBy::kRegion);
  EXPECT_EQ(find_group_by("none"), GroupBy::kNone);
  EXPECT_EQ(find_group_by("vm"), GroupBy::kVm);
  EXPECT_EQ(find_group_by("zone"), std::nullopt);
}

// The parts of an answer, put together, are the answer.
TEST(QueryPieces, AreTheWholeInOrder) {
  const uint64_t seed = 20'260'131;
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  MemoryReader counters;
  MemoryReader reader;
  for (uint32_t vm = 1; vm <= 40; ++vm) {
    std::vector<std::pair<double, uint64_t>> values;
    std::vector<std::pair<double, double>> gauges;
    uint64_t counter = 0;
    for (double at = -600; at < 20'000; at += static_cast<double>(1 + random.below(vm % 7 == 0 ? 4000 : 60))) {
      values.emplace_back(at, counter += random.below(1000));
      gauges.emplace_back(at, static_cast<double>(random.below(100)));
    }
    counters.add_network(vm, values);
    reader.add_cpu(vm, gauges);
    if (vm % 3 == 0) reader.add_cpu(vm, gauges, "cpu0");
  }
  const auto f = [&](Query query) {
    const Questions questions(query.group == GroupId::kNetwork ? counters : reader, kClock);
    query.range = between_s(-100, 15'000);
    query.interval = 30s;
    for (const uint32_t vm : {7u, 3u, 40u, 21u, 1u, 2u, 5u, 30u})
      query.vms.push_back({VmId{vm}, "ns", vm % 2 == 0 ? "a" : "b", "vm-" + std::to_string(vm), "aws", "r"});
    const auto whole = questions.query(query);
    ASSERT_TRUE(whole) << whole.error().message;
    for (const size_t cells : {1, 7, 500, 100'000}) {
      QueryPieces pieces(questions, query, cells);
      QueryAnswer sum;
      size_t parts = 0;
      for (;; ++parts) {
        auto part = pieces.next();
        ASSERT_TRUE(part) << part.error().message;
        if (!*part) break;
        for (QuerySeries& series : (*part)->series) {
          if (sum.series.empty() || sum.series.back().labels != series.labels) {
            sum.series.push_back(std::move(series));
          } else {
            std::ranges::move(series.rows, std::back_inserter(sum.series.back().rows));
          }
        }
      }
      EXPECT_EQ(show(sum), show(*whole)) << cells;
      EXPECT_TRUE(cells > 1 || query.by != GroupBy::kVm || query.top > 0 || parts > 1);
    }
  };
  f({.group = GroupId::kNetwork, .fields = {0}});
  f({.group = GroupId::kNetwork, .fields = {0, 1}, .step = 1min});
  f({.group = GroupId::kNetwork, .fields = {0}, .step = 7min, .statistic = Statistic::kMax});
  f({.group = GroupId::kNetwork, .fields = {0}, .step = 2h, .statistic = Statistic::kP95});
  f({.group = GroupId::kCpu, .fields = {0}, .devices = ReadRequest::Devices::kAll});
  f({.group = GroupId::kCpu, .fields = {0}, .devices = ReadRequest::Devices::kAll, .step = 1h});
  f({.group = GroupId::kCpu, .fields = {0}, .step = 1min, .by = GroupBy::kMcis});
  f({.group = GroupId::kCpu, .fields = {0}, .step = 1min, .top = 3});
}

// A VM with more rows than one read may bring is read in shorter stretches.
TEST(QueryPieces, AVmWithManyRowsIsReadByTime) {
  MemoryReader reader;
  std::vector<std::pair<double, double>> values;
  for (double at = 0; at < 40'000; at += 10) values.emplace_back(at, at);
  reader.add_cpu(1, values);
  reader.rows_max = 500;
  const Questions questions(reader, kClock);
  const Query query{.vms = {{VmId{1}, "ns", "m", "vm", "", ""}}, .fields = {0}, .range = between_s(0, 40'000)};
  EXPECT_EQ(questions.query(query).error().code, ErrorCode::kResourceExhausted);
  QueryPieces pieces(questions, query);
  size_t rows = 0;
  for (auto part = pieces.next();; part = pieces.next()) {
    ASSERT_TRUE(part) << part.error().message;
    if (!*part) break;
    rows += (*part)->series.front().rows.size();
  }
  EXPECT_EQ(rows, values.size());
}

TEST(QueryPieces, RefuseWhatIsWrongAtOnce) {
  MemoryReader reader;
  const Questions questions(reader, kClock);
  QueryPieces pieces(questions, {.fields = {0}, .range = between_s(0, 1e9), .step = 1s});
  EXPECT_EQ(pieces.next().error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace dragonfly
