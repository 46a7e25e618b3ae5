// Questions: what the API's calls ask of the rows: one VM's buckets, one VM's newest interval, series of many VMs.
//
// Units      times UTC, in the VM's clock; counters as statistics.h.
// Ownership  answers are the caller's; the reader outlives the object.
// Threading  every call blocks until the reader answered: for HTTP workers, never on a shard's thread. Any number of
//            threads at once.
// Errors     kInvalidArgument names the parameter; kResourceExhausted names the limit; kTimeout; else the reader's.
// Limits     the constants below. Of one query `parallel` reads run at once, and share kRowsPerReadMax.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "base/rt/clock.h"
#include "base/rt/executor.h"
#include "model/flow/series_reader.h"
#include "model/flow/vm.h"
#include "query/statistics/statistics.h"

namespace dragonfly {

inline constexpr size_t kBucketsMax = 100'000;        // Buckets that one range may have.
inline constexpr size_t kAnswerCellsMax = 4'000'000;  // Values in one answer.
inline constexpr size_t kP95ValuesMax = 5'000'000;    // Values kept for p95 across VMs.
inline constexpr size_t kRowsPerReadMax = 1'000'000;  // Rows that one read may bring: 19 columns of them are 170 MB.
inline constexpr size_t kWindowRowsMax = 600;         // The newest rows of a window count.
inline constexpr Duration kQuestionTimeout = 10s;

struct InfoQuestion {
  VmId vm = VmId::kNone;
  GroupId group = GroupId::kCpu;  // Of the catalogue.
  std::vector<uint16_t> fields;   // Strictly ascending; the others have no values. Empty = all.
  Duration bucket = 1min;         // > 0
  Statistic statistic = Statistic::kAvg;
  Duration duration = 5min;  // Look-back; its start is floored to a whole bucket, and the running bucket is part of it.
  Timestamp now{};
  TimeRange only{Timestamp::min(), Timestamp::max()};  // Of all that, these buckets; whole ones.
  Cancellation cancellation;  // Of this and the others: looked at between reads and within; then kUnavailable.
};
struct InfoAnswer {
  std::vector<Bucket> buckets;  // fields: index = field number.
  std::vector<std::string> missing_parts;
};

struct RealTimeQuestion {
  VmId vm = VmId::kNone;
  GroupId group = GroupId::kCpu;
  Statistic statistic = Statistic::kAvg;
  Duration window = 10s;  // (now - window, now]
  Timestamp now{};        // In the VM's clock.
  Cancellation cancellation;
};
struct RealTimeAnswer {
  WindowValues values;
  std::vector<std::string> missing_parts;
};

enum class GroupBy : uint8_t { kVm, kMcis, kNs, kCsp, kRegion, kDevice, kNone };
// vm, mcis, ns, csp, region, device, none.
std::optional<GroupBy> find_group_by(std::string_view name);

// A VM with what its series can be grouped by.
struct QueryVm {
  VmId id = VmId::kNone;
  std::string ns;
  std::string mcis;
  std::string vm;
  std::string csp;
  std::string region;
};

struct Query {
  std::vector<QueryVm> vms;
  GroupId group = GroupId::kCpu;
  std::vector<uint16_t> fields;  // Field numbers in the order of the answer's values; at least one.
  ReadRequest::Devices devices = ReadRequest::Devices::kVmOnly;
  std::vector<std::string> device_names;  // For kNamed.
  TimeRange range{};
  Duration step{};  // 0 = raw rows, for kVm only.
  // Over a step of one VM; with another `by` than kVm across the VMs' values (statistic_within, Across).
  Statistic statistic = Statistic::kAvg;
  GroupBy by = GroupBy::kVm;
  size_t top = 0;       // Keeps the series with the largest first field; 0 = all.
  Duration interval{};  // The agents' longest tick, for how many VMs are read at once; 0 = not known.
  Cancellation cancellation;
};

// What info() answers about: from a whole bucket to the end of the running one, for the VM's clock may be ahead of ours.
TimeRange info_range(const InfoQuestion& question);

// Devices are never mixed: each is a series of its own, with a label `device`.
struct QuerySeries {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<Bucket> rows;  // Ascending; fields: index = that of Query::fields.
};
struct QueryAnswer {
  std::vector<QuerySeries> series;  // By labels; with `top` the largest first. Only those with rows.
  std::vector<std::string> missing_parts;
  std::string_view tier = "raw";  // The coarsest that was used: raw, 1m, 1h, 1d.
};

struct QuestionOptions {
  Duration timeout = kQuestionTimeout;  // Of a whole question.
  Executor* helpers = nullptr;          // Take part in a query over many VMs; null: it is read by its own thread.
  size_t parallel = 1;                  // Threads of a query, its own included. > 0
};

class Questions {
 public:
  explicit Questions(SeriesReader& reader, const Clock& clock, QuestionOptions options = {})
      : reader_(reader), clock_(clock), options_(options) {}

  Result<InfoAnswer> info(const InfoQuestion& question) const;
  Result<RealTimeAnswer> real_time(const RealTimeQuestion& question) const;
  Result<QueryAnswer> query(const Query& query) const;
  // What of a query is wrong before anything is read.
  static Result<> check(const Query& query);

 private:
  MonotonicTime deadline() const { return clock_.monotonic() + options_.timeout; }

  SeriesReader& reader_;
  const Clock& clock_;
  const QuestionOptions options_;
};

}  // namespace dragonfly
