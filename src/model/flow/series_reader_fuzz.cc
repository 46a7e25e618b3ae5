// MergedReader over two parts whose rows come from the input, against a plain map from time to values.
#include <map>

#include "base/core/assert.h"
#include "model/flow/series_reader.h"
#include "model/row/row.h"

namespace dragonfly {
namespace {

constexpr ValueType kTypes[] = {ValueType::kInt64, ValueType::kInt64};
constexpr int64_t kBegin = 100;

class Part final : public SeriesReader {
 public:
  ColumnSet rows = ColumnSet::for_types(kTypes);
  void read(ReadRequest, Done done) override {
    ReadAnswer answer;
    if (!rows.empty()) answer.series.push_back({VmId{1}, "", rows});
    done(std::move(answer));
  }
};

using Expected = std::map<int64_t, std::array<std::optional<int64_t>, 2>>;

void append(Part& part, int64_t time, uint8_t present, int64_t value, Expected& expected) {
  ColumnSet& rows = part.rows;
  rows.times_ns.push_back(time);
  rows.boots.push_back(0);
  auto& row = expected[time];
  for (unsigned i = 0; i < 2; ++i) {
    const bool has = (present >> i & 1) != 0;
    rows.columns[i].bits.push_back(has ? static_cast<uint64_t>(value) : 0);
    rows.columns[i].present.push_back(has ? 1 : 0);
    if (has) row[i] = value;
  }
}

// Of the rows before the range only the newest that has each field.
void drop_earlier(Expected& expected) {
  bool found[2] = {};
  for (auto row = expected.lower_bound(kBegin); row != expected.begin();) {
    --row;
    bool is_last = false;
    for (size_t i = 0; i < 2; ++i) {
      if (!row->second[i] || found[i]) continue;
      found[i] = is_last = true;
    }
    if (!is_last) row = expected.erase(row);
  }
}

void check(const ColumnSet& rows, const Expected& expected) {
  DF_ASSERT(rows.rows() == expected.size());
  auto want = expected.begin();
  for (size_t row = 0; row < rows.rows(); ++row, ++want) {
    DF_ASSERT(rows.times_ns[row] == want->first);
    for (size_t i = 0; i < 2; ++i) {
      DF_ASSERT((rows.columns[i].present[row] == 1) == want->second[i].has_value());
      if (want->second[i]) DF_ASSERT(rows.columns[i].bits[row] == static_cast<uint64_t>(*want->second[i]));
    }
  }
}

}  // namespace
}  // namespace dragonfly

// Rows of 4 bytes: time, fields, value; the first half goes to the first part.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  Part parts[2];
  Expected expected;
  const size_t rows = size / 4;
  for (size_t i = 0; i < rows; ++i) {
    const uint8_t* const at = data + i * 4;
    append(parts[i < rows / 2 ? 0 : 1], at[0], at[1], static_cast<int8_t>(at[2]), expected);
  }
  drop_earlier(expected);
  ReadRequest request;
  request.range = {from_unix_ns(kBegin), from_unix_ns(1000)};
  MergedReader reader({&parts[0], &parts[1]});
  bool called = false;
  reader.read(request, [&](Result<ReadAnswer> answer) {
    DF_ASSERT(!called && answer.has_value());
    called = true;
    // A part alone is passed on as it is, so that only a series of both is sorted here.
    if (!parts[0].rows.empty() && !parts[1].rows.empty()) check(answer->series.at(0).rows, expected);
  });
  DF_ASSERT(called);
  return 0;
}
