#include "model/row/column_set.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rt/random.h"

namespace dragonfly {
namespace {

constexpr ValueType kTypes[] = {ValueType::kFloat64, ValueType::kUint64, ValueType::kBool};

Bytes fields_of(const std::vector<std::optional<Value>>& values) {
  Bytes out;
  ByteWriter writer(out);
  encode_fields(writer, values);
  return out;
}

void add(ColumnSet& set, int64_t time, uint64_t boot, const std::vector<std::optional<Value>>& values) {
  ASSERT_TRUE(set.append_row(from_unix_ns(time), boot, fields_of(values)));
}

TEST(ColumnSet, HasTheColumnsOfTheCatalogue) {
  const ColumnSet set = ColumnSet::for_group(GroupId::kCpu);
  ASSERT_EQ(set.columns.size(), metrics_of(GroupId::kCpu).size());
  for (const Metric& metric : metrics_of(GroupId::kCpu)) EXPECT_EQ(set.columns[metric.field].type, metric.type);
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(ColumnSet::for_group(GroupId{kFirstCustomGroup}).columns.empty());
}

TEST(ColumnSet, AppendsConvertedValuesAndLeavesOutWhatDoesNotFit) {
  ColumnSet set = ColumnSet::for_types(kTypes);
  add(set, 1, 7, {Value::of(2.0), Value::of(uint64_t{3}), Value::of(true), Value::of(4.0)});  // One field too many.
  add(set, 2, 7, {std::nullopt, Value::of(0.5), Value::of(int64_t{1})});                      // Neither fits.
  add(set, 3, 8, {Value::of(0.25)});
  EXPECT_EQ(set.times_ns, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(set.boots, (std::vector<uint64_t>{7, 7, 8}));
  EXPECT_EQ(set.columns[0].present, (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(set.columns[0].value(0), Value::of(2.0));
  EXPECT_EQ(set.columns[0].as_double(2), 0.25);
  EXPECT_EQ(set.columns[1].present, (std::vector<uint8_t>{1, 0, 0}));
  EXPECT_EQ(set.columns[1].bits, (std::vector<uint64_t>{3, 0, 0}));
  EXPECT_EQ(set.columns[2].present, (std::vector<uint8_t>{1, 0, 0}));
}

TEST(ColumnSet, AMalformedRowChangesNothing) {
  ColumnSet set = ColumnSet::for_types(kTypes);
  add(set, 1, 0, {Value::of(2.0)});
  const ColumnSet before = set;
  Bytes cut = fields_of({Value::of(2.0), Value::of(uint64_t{3})});
  cut.pop_back();
  EXPECT_FALSE(set.append_row(from_unix_ns(2), 0, cut));
  EXPECT_EQ(set, before);
}

TEST(ColumnSet, AppendsFromASetWithFewerColumns) {
  ColumnSet narrow = ColumnSet::for_types(std::span(kTypes).first(1));
  add(narrow, 1, 5, {Value::of(1.0)});
  add(narrow, 2, 6, {Value::of(2.0)});
  ColumnSet by_row = ColumnSet::for_types(kTypes);
  by_row.append_from(narrow, 0);
  by_row.append_from(narrow, 1);
  ColumnSet at_once = ColumnSet::for_types(kTypes);
  at_once.append_all(narrow);
  EXPECT_EQ(by_row, at_once);
  EXPECT_EQ(by_row.rows(), 2u);
  EXPECT_EQ(by_row.columns[0].as_double(1), 2.0);
  EXPECT_EQ(by_row.columns[2].present, (std::vector<uint8_t>{0, 0}));
}

TEST(ColumnSet, MergesRowsOfOneTimeFieldByField) {
  ColumnSet set = ColumnSet::for_types(kTypes);
  add(set, 5, 1, {Value::of(1.0), Value::of(uint64_t{10})});
  add(set, 5, 0, {Value::of(2.0)});                               // Later wins; absent erases nothing.
  add(set, 3, 1, {std::nullopt, std::nullopt, Value::of(true)});  // Out of order.
  add(set, 5, 2, {std::nullopt, std::nullopt, Value::of(false)});
  EXPECT_EQ(set.sort_and_merge(), 2u);
  EXPECT_EQ(set.times_ns, (std::vector<int64_t>{3, 5}));
  EXPECT_EQ(set.boots, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(set.columns[0].as_double(1), 2.0);
  EXPECT_EQ(set.columns[1].value(1), Value::of(uint64_t{10}));
  EXPECT_EQ(set.columns[2].value(1), Value::of(false));
  EXPECT_EQ(set.columns[0].present, (std::vector<uint8_t>{0, 1}));
  EXPECT_EQ(set.sort_and_merge(), 0u);
}

// Against a plain map from time to row.
TEST(ColumnSetProperty, SortsAndMergesLikeAMap) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    ColumnSet set = ColumnSet::for_types(kTypes);
    std::map<int64_t, std::vector<std::optional<Value>>> expected;
    const uint64_t rows = random.below(40);
    const bool sorted = random.below(2) == 0;
    int64_t time = 0;
    for (uint64_t i = 0; i < rows; ++i) {
      time = sorted ? time + static_cast<int64_t>(random.below(3)) : static_cast<int64_t>(random.below(30));
      std::vector<std::optional<Value>> values(3);
      if (random.below(2) == 0) values[0] = Value::of(static_cast<double>(random.below(1000)) / 8);
      if (random.below(2) == 0) values[1] = Value::of(random.next());
      if (random.below(2) == 0) values[2] = Value::of(random.below(2) == 0);
      add(set, time, 1, values);
      auto& row = expected.try_emplace(time, 3).first->second;
      for (size_t field = 0; field < 3; ++field) {
        if (values[field]) row[field] = values[field];
      }
    }
    EXPECT_EQ(set.sort_and_merge(), rows - expected.size());
    ASSERT_EQ(set.rows(), expected.size());
    size_t at = 0;
    for (const auto& [when, row] : expected) {
      EXPECT_EQ(set.times_ns[at], when);
      for (size_t field = 0; field < 3; ++field) {
        ASSERT_EQ(set.columns[field].present[at] == 1, row[field].has_value());
        if (row[field]) {
          EXPECT_EQ(set.columns[field].value(at), *row[field]);
        }
      }
      ++at;
    }
  }
}

TEST(ColumnSet, KeepsAHalfOpenRange) {
  const auto f = [](int64_t begin, int64_t end) {
    ColumnSet set = ColumnSet::for_types(kTypes);
    for (int64_t time = 10; time <= 50; time += 10) add(set, time, 0, {Value::of(static_cast<double>(time))});
    set.keep({from_unix_ns(begin), from_unix_ns(end)});
    for (size_t row = 0; row < set.rows(); ++row) {
      EXPECT_EQ(set.columns[0].as_double(row), static_cast<double>(set.times_ns[row]));
    }
    EXPECT_EQ(set.columns[2].bits.size(), set.rows());
    return set.times_ns;
  };
  EXPECT_EQ(f(20, 40), (std::vector<int64_t>{20, 30}));
  EXPECT_EQ(f(0, 100), (std::vector<int64_t>{10, 20, 30, 40, 50}));
  EXPECT_EQ(f(21, 51), (std::vector<int64_t>{30, 40, 50}));
  EXPECT_EQ(f(20, 20), (std::vector<int64_t>{}));
  EXPECT_EQ(f(40, 20), (std::vector<int64_t>{}));
  EXPECT_EQ(f(60, 70), (std::vector<int64_t>{}));
}

}  // namespace
}  // namespace dragonfly
