// Tiers: rollups and rows together say what the rows alone say, whenever rows came and whatever was merged.
#include <gmock/gmock.h>

#include "store/tsdb/store_fixture.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

constexpr int64_t kHourS = 3600;
constexpr TimeRange kAlways{Timestamp::min(), Timestamp::max()};
const Timestamp kMidnight = parse_rfc3339("2026-01-31T00:00:00Z").value();

class ChunkDbTiersTest : public StoreFixture {
 protected:
  Result<RollupAnswer> rollups(RollupRequest request) {
    return read_rollups_and_wait(*db, std::move(request), std::chrono::seconds(30));
  }

  static RollupRequest asked(GroupId group, std::vector<uint16_t> fields, TimeRange range, Duration period) {
    RollupRequest out;
    out.vms = {VmId{1}};
    out.group = group;
    out.fields = std::move(fields);
    out.range = range;
    out.period = period;
    return out;
  }

  // Hours after kMidnight.
  static TimeRange hours(int64_t begin, int64_t end) {
    return {kMidnight + std::chrono::hours(begin), kMidnight + std::chrono::hours(end)};
  }

  // A row every `step_s` of [begin, end) seconds after kMidnight: a counter of the network group that gains 3 a second.
  static SealedRows network_rows(int64_t begin_s, int64_t end_s, int64_t step_s, bool late = false) {
    SealedRows out{VmId{1}, GroupId::kNetwork, "", ColumnSet::for_group(GroupId::kNetwork), late};
    for (int64_t s = begin_s; s < end_s; s += step_s)
      add_row(out.rows, unix_ns(kMidnight) + s * kSecondNs, 1, {Value::of(static_cast<uint64_t>(3 * s))});
    return out;
  }

  // "rows of rollups; raw: hours that are uncovered".
  std::string coverage(const RollupRequest& request) {
    const auto answer = rollups(request);
    if (!answer) return answer.error().message;
    std::string out;
    for (const SeriesRollups& series : answer->series) out += fmt::format("{} ", series.rows.rows());
    out += "raw:";
    for (const VmRanges& vm : answer->uncovered) {
      for (const TimeRange range : vm.ranges)
        out += fmt::format(" {}-{}", (range.begin - kMidnight) / 1h, (range.end - kMidnight) / 1h);
    }
    return out;
  }
};

TEST_F(ChunkDbTiersTest, TheCoarsestTierThatIsExact) {
  open();
  ASSERT_TRUE(append({network_rows(0, 48 * kHourS, 6)}).has_value());
  const auto f = [&](TimeRange range, Duration period, const std::string& want) {
    EXPECT_EQ(coverage(asked(GroupId::kNetwork, {0}, range, period)), want);
  };
  f(hours(0, 48), 1h, "raw: 0-48");  // Nothing is merged yet.
  ASSERT_TRUE(db->merge_all().has_value());
  f(hours(0, 48), 24h, "2 raw:");
  f(hours(0, 48), 1h, "48 raw:");
  f(hours(0, 48), 2h, "48 raw:");
  f(hours(1, 48), 24h, "24 raw:");                        // 23 hours and a day.
  f({kMidnight + 30min, kMidnight + 2h}, 1h, "31 raw:");  // 30 minutes and an hour.
  f(hours(0, 2), 1min, "120 raw:");
  f(hours(0, 2), 90min, "120 raw:");
  f(hours(48, 50), 1h, "raw:");  // Nothing there is all that there is.
  f(hours(3, 3), 1h, "raw:");
  RollupRequest excluded = asked(GroupId::kNetwork, {0}, hours(0, 48), 24h);
  excluded.excluded = {{VmId{1}, {hours(30, 31)}}};
  EXPECT_EQ(coverage(excluded), "24 raw:");  // A day, 6 and 17 hours.
  excluded.rows_max = 23;
  EXPECT_EQ(rollups(excluded).error().code, ErrorCode::kResourceExhausted);
  excluded.cancellation = Cancellation::make();
  excluded.cancellation.cancel();
  EXPECT_EQ(rollups(excluded).error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(db->damage(), IsEmpty());
}

TEST_F(ChunkDbTiersTest, SeriesWithFewRowsHaveNoMinutes) {
  open();
  ASSERT_TRUE(append({network_rows(0, 3 * kHourS, 30)}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  EXPECT_EQ(coverage(asked(GroupId::kNetwork, {0}, hours(0, 3), 1h)), "3 raw:");
  EXPECT_EQ(coverage(asked(GroupId::kNetwork, {0}, hours(0, 3), 1min)), "raw: 0-3");
  EXPECT_EQ(coverage(asked(GroupId::kNetwork, {0}, {kMidnight + 30min, kMidnight + 3h}, 1h)), "2 raw: 0-1");
}

TEST_F(ChunkDbTiersTest, ALateRowUncoversUntilItIsMerged) {
  open();
  ASSERT_TRUE(append({network_rows(0, 12 * kHourS, 6)}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  ASSERT_TRUE(append({network_rows(2 * kHourS + 1, 2 * kHourS + 2, 1, true)}).has_value());
  const auto all = asked(GroupId::kNetwork, {0}, hours(0, 12), 1h);
  EXPECT_EQ(coverage(all), "5 raw: 2-9");  // As far as a counter's value reaches.
  ASSERT_TRUE(db->merge_all().has_value());
  EXPECT_EQ(coverage(all), "12 raw:");
}

// An hour whose last row comes late: the increase of the next hour's first row becomes smaller.
TEST_F(ChunkDbTiersTest, ALateRowChangesTheHourAfter) {
  open();
  ASSERT_TRUE(append({network_rows(0, kHourS / 2, 6), network_rows(kHourS, 3 * kHourS, 6)}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  const auto seconds_of = [&](int64_t hour) {
    RollupRequest request = asked(GroupId::kNetwork, {0}, hours(hour, hour + 1), 1h);
    request.parts = RollupParts{} | RollupPart::kSeconds;
    return rollups(request).value().series.at(0).rows.columns.at(0).as_double(0);
  };
  EXPECT_EQ(seconds_of(1), 3600 + 1800);
  ASSERT_TRUE(append({network_rows(kHourS / 2, kHourS, 6, true)}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  EXPECT_EQ(seconds_of(1), 3600);
  EXPECT_EQ(seconds_of(2), 3600);
}

TEST_F(ChunkDbTiersTest, ColumnsThatAreAsked) {
  open();
  SealedRows rows{VmId{1}, GroupId{kFirstCustomGroup}, "", {}, false};
  rows.rows = ColumnSet::for_types(std::vector{ValueType::kInt64, ValueType::kFloat64});
  for (int64_t s = 0; s < kHourS; s += 2)
    add_row(rows.rows, unix_ns(kMidnight) + s * kSecondNs, 0, {Value::of(s), Value::of(0.25)});
  ASSERT_TRUE(append({rows}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  // The measurement gets a field.
  rows.rows = ColumnSet::for_types(std::vector{ValueType::kInt64, ValueType::kFloat64, ValueType::kBool});
  add_row(rows.rows, unix_ns(kMidnight) + kHourS * kSecondNs, 0, {std::nullopt, std::nullopt, Value::of(true)});
  ASSERT_TRUE(append({rows}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  RollupRequest request = asked(GroupId{kFirstCustomGroup}, {1, 2, 9}, hours(0, 2), 1h);
  request.parts = RollupParts{} | RollupPart::kCount | RollupPart::kSum;
  const auto answer = rollups(request);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  std::string got;
  const ColumnSet& columns = answer->series.at(0).rows;
  for (size_t row = 0; row < columns.rows(); ++row) {
    for (const Column& column : columns.columns)
      got += column.present[row] == 0 ? "- " : fmt::format("{} ", column.as_double(row));
  }
  EXPECT_EQ(got, "1800 450 - - - - - - 1 1 - - ");

  ReadRequest read_some = of_vms({VmId{1}});
  read_some.group = GroupId{kFirstCustomGroup};
  read_some.fields = {1, 2, 9};
  const auto some = read(read_some);
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->series.at(0).rows.columns.size(), 3u);
  EXPECT_EQ(some->series.at(0).rows.columns[0].as_double(0), 0.25);
  EXPECT_EQ(some->series.at(0).rows.columns[1].type, ValueType::kBool);
  read_some.cancellation = Cancellation::make();
  read_some.cancellation.cancel();
  EXPECT_EQ(read(read_some).error().code, ErrorCode::kUnavailable);
}

TEST_F(ChunkDbTiersTest, TheRowBeforeIsLookedForAsFarAsAsked) {
  open();
  ASSERT_TRUE(append({network_rows(0, 1, 1), network_rows(5 * kHourS, 5 * kHourS + 2, 1)}).has_value());
  const auto f = [&](Duration within, size_t want) {
    ReadRequest request = of_vms({VmId{1}});
    request.group = GroupId::kNetwork;
    request.fields = {0};
    request.range = hours(5, 6);
    request.previous_within = within;
    EXPECT_EQ(read(request).value().series.at(0).rows.rows(), want);
  };
  for (int merged = 0; merged < 2; ++merged) {
    f(0s, 2);
    f(1h, 2);
    f(5h - 1s, 2);
    f(5h, 3);
    f(6h, 3);
    ASSERT_TRUE(db->merge_all().has_value());
  }
}

constexpr GroupId kGroups[] = {GroupId::kNetwork, GroupId::kMemory, GroupId{kFirstCustomGroup}};

SealedRows some_rows(Random& random, GroupId group) {
  SealedRows out{VmId{1}, group, random.below(3) == 0 ? "dev" : "", ColumnSet::for_group(group), random.below(2) == 0};
  if (out.rows.columns.empty()) out.rows = ColumnSet::for_types(std::vector{ValueType::kFloat64, ValueType::kInt64});
  const auto from = static_cast<int64_t>(random.below(12 * kHourS));
  const auto count = static_cast<int64_t>(1 + random.below(400));
  const auto step = static_cast<int64_t>(1 + random.below(random.below(4) == 0 ? 60 : 10));
  uint64_t boot = random.below(3);
  uint64_t total = random.below(100'000);
  for (int64_t row = 0; row < count; ++row) {
    if (random.below(50) == 0) boot = random.below(3);
    if (random.below(50) == 0) total = 0;
    total += random.below(1000);
    std::vector<std::optional<Value>> values(out.rows.columns.size());
    for (size_t i = 0; i < values.size(); ++i) {
      if (random.below(4) == 0) continue;
      switch (out.rows.columns[i].type) {
        case ValueType::kUint64: values[i] = Value::of(total + i); break;
        case ValueType::kInt64: values[i] = Value::of(static_cast<int64_t>(total) - 50'000); break;
        default: values[i] = Value::of(static_cast<double>(random.below(10'000)) / 100); break;
      }
    }
    // Every row has a time of its own: what wins where two have one is tested elsewhere.
    add_row(out.rows,
            unix_ns(kMidnight) + (from + row * step) * kSecondNs + static_cast<int64_t>(random.below(kSecondNs)), boot,
            values);
  }
  return out;
}

using Model = std::map<std::pair<GroupId, std::string>, ColumnSet>;

class TiersAgainstRows : public ChunkDbTiersTest {
 protected:
  void do_something(Random& random) {
    switch (random.below(8)) {
      case 0:
        ASSERT_TRUE(db->checkpoint(LogPosition{1}).has_value());
        since_checkpoint_.clear();
        break;
      case 1:
      case 2: (void)db->merge_all(); break;
      case 3:
        open();
        for (const SealedRows& rows : since_checkpoint_) append_or_merge(rows);
        ending_ = random.below(2) == 0;
        break;
      default: {
        SealedRows rows = some_rows(random, kGroups[random.below(std::size(kGroups))]);
        ColumnSet& model = model_[{rows.group, rows.device}];
        if (model.columns.empty()) {
          for (const Column& column : rows.rows.columns) model.columns.push_back({column.type, {}, {}});
        }
        model.append_all(rows.rows);
        since_checkpoint_.push_back(rows);
        append_or_merge(rows);
      }
    }
  }

  // Rows of more hours than may wait are taken once those are merged.
  void append_or_merge(const SealedRows& rows) {
    if (append({rows}).has_value()) return;
    const bool ending = std::exchange(ending_, false);
    ASSERT_TRUE(db->merge_all().has_value());
    ending_ = ending;
    ASSERT_TRUE(append({rows}).has_value());
  }

  // What rollups and, where they do not cover, rows give.
  std::map<std::string, ColumnSet> answered(const RollupRequest& request) {
    const auto kinds = kinds_of(request.group, request.fields);
    const auto answer = rollups(request);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    std::map<std::string, ColumnSet> out;
    for (const SeriesRollups& series : answer->series) {
      rollups_used_ += series.rows.rows();
      out.emplace(series.device, series.rows);
    }
    for (const VmRanges& vm : answer->uncovered) {
      for (const TimeRange range : vm.ranges) {
        ReadRequest raw;
        static_cast<SeriesSelection&>(raw) = request;
        raw.range = range;
        raw.previous_within = kCounterGapMax;
        const auto read_rows = read(raw);
        EXPECT_TRUE(read_rows.has_value());
        for (const SeriesRows& series : read_rows->series) {
          auto& into = out.try_emplace(series.device, rollup_columns(kinds, request.parts)).first->second;
          into.append_all(roll_rows(series.rows, kinds, 1min, range, request.parts));
        }
      }
    }
    for (auto& [device, rows] : out) {
      rows.sort_and_merge();
      rows = roll_rollups(rows, kinds, request.period, kAlways, request.parts);
    }
    std::erase_if(out, [](const auto& one) { return one.second.empty(); });
    return out;
  }

  void compare(Random& random) {
    constexpr Duration kPeriods[] = {1min, 5min, 1h, 3h, 24h};
    for (int i = 0; i < 10; ++i) {
      const GroupId group = kGroups[random.below(std::size(kGroups))];
      std::vector<uint16_t> fields;
      for (uint16_t field = 0; field < 2; ++field) {
        if (random.below(2) == 0) fields.push_back(field);
      }
      if (is_catalogue_group(group)) fields.push_back(static_cast<uint16_t>(metrics_of(group).size() - 1));
      if (fields.empty()) fields.push_back(0);
      const Timestamp begin = kMidnight + std::chrono::minutes(random.below(12 * 60));
      const TimeRange range =
          i == 0 ? hours(-24, 96) : TimeRange{begin, begin + std::chrono::minutes(1 + random.below(2 * 24 * 60))};
      RollupRequest request = asked(group, fields, range, kPeriods[random.below(std::size(kPeriods))]);
      request.devices = SeriesSelection::Devices::kAll;
      request.parts = {static_cast<uint8_t>(1 + random.below(63))};
      const auto got = answered(request);
      for (auto [name, rows] : model_) {
        if (name.first != group) continue;
        rows.sort_and_merge();
        rows.select(fields);
        const ColumnSet want = roll_rows(rows, kinds_of(group, fields), request.period, range, request.parts);
        const auto at = got.find(name.second);
        EXPECT_EQ(at == got.end() ? rollup_columns(kinds_of(group, fields), request.parts) : at->second, want)
            << fmt::format("group {} device '{}' from {} for {} by {}, parts {}", static_cast<uint32_t>(group),
                           name.second, format_rfc3339(range.begin), format_duration(range.end - range.begin),
                           format_duration(request.period), request.parts.bits);
      }
    }
  }

  void forget() {
    db.reset();
    fs::remove_all(directory / "store");
    model_.clear();
    since_checkpoint_.clear();
    ending_ = false;
  }

  Model model_;
  std::vector<SealedRows> since_checkpoint_;  // What a log would hold.
  bool ending_ = false;
  size_t rollups_used_ = 0;
};

TEST_F(TiersAgainstRows, AnyOrderOfRowsMergesAndCrashes) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    forget();
    merge_options.probe = [&](MergeStep) { return !ending_ || random.below(6) != 0; };
    open();
    for (int i = 0; i < 24; ++i) {
      do_something(random);
      if (i % 8 != 7) continue;
      const bool ending = ending_;
      ending_ = ending && random.below(2) == 0;
      (void)db->merge_all();
      ending_ = ending;
      compare(random);
    }
    ending_ = false;
    ASSERT_TRUE(db->merge_all().has_value());
    compare(random);
    if (HasFailure()) break;
  }
  EXPECT_GT(rollups_used_, 100u);
}

}  // namespace
}  // namespace dragonfly
