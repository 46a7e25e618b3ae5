#include "model/rollup/window.h"

#include <algorithm>
#include <cmath>

#include "model/row/row.h"

namespace dragonfly {
namespace {

struct GroupSpan {
  size_t first = 0;
  size_t count = 0;
};

GroupSpan span_of(GroupId group) {
  static const auto kSpans = [] {
    std::array<GroupSpan, std::size(kCatalogueGroups) + 1> spans;
    for (const GroupId each : kCatalogueGroups) {
      const auto metrics = metrics_of(each);
      spans[static_cast<size_t>(each)] = {static_cast<size_t>(metrics.data() - catalogue().data()), metrics.size()};
    }
    return spans;
  }();
  return is_catalogue_group(group) ? kSpans[static_cast<size_t>(group)] : GroupSpan{};
}

void take(VmWindow::Sums& sums, double value) {
  sums.min = sums.count == 0 ? value : std::min(sums.min, value);
  sums.max = sums.count == 0 ? value : std::max(sums.max, value);
  sums.last = value;
  ++sums.count;
}

void fold(WindowSummary::Metric& into, const WindowSummary::Metric& from) {
  into.min = into.vms == 0 ? from.min : std::min(into.min, from.min);
  into.max = into.vms == 0 ? from.max : std::max(into.max, from.max);
  into.avg_sum += from.avg_sum;
  into.last_sum += from.last_sum;
  into.vms += from.vms;
}

}  // namespace

size_t metric_index(GroupId group, size_t field) {
  const GroupSpan span = span_of(group);
  return field < span.count ? span.first + field : kCatalogueMetrics;
}

void VmWindow::clear() {
  sums_.fill({});
  before_.fill({});
  rows_ = 0;
}

template <class Use>
void VmWindow::walk_row(GroupId group, ByteView fields, Use&& use) {
  const GroupSpan span = span_of(group);
  fields::walk(fields, [&](size_t field, Value value) {
    if (field >= span.count) return;
    const ValueType type = catalogue()[span.first + field].type;
    uint64_t bits;
    if (!fields::fit(value, type, bits)) return;
    const double number = Value{type, bits}.as_double();
    if (std::isfinite(number)) use(span.first + field, number, bits);
  });
}

void VmWindow::set_before(GroupId group, Timestamp time, uint64_t boot, ByteView fields) {
  walk_row(group, fields, [&](size_t metric, double, uint64_t bits) {
    before_[metric] = {{unix_ns(time), boot, bits}, true};
  });
}

void VmWindow::add_row(GroupId group, Timestamp time, uint64_t boot, ByteView fields) {
  ++rows_;
  walk_row(group, fields, [&](size_t index, double number, uint64_t bits) {
    const Metric& metric = catalogue()[index];
    Sums& sums = sums_[index];
    if (metric.kind == MetricKind::kGauge) {
      sums.sum += number;
      return take(sums, number);
    }
    const CounterReading reading{unix_ns(time), boot, bits};
    const auto [before, there] = std::exchange(before_[index], Last{reading, true});
    const int64_t elapsed_ns = reading.time_ns - before.time_ns;
    if (!there || elapsed_ns > kCounterGapMax.count()) return;
    const auto increase = counter_increase(metric.type, before, reading);
    if (!increase) return;
    const double elapsed_s = static_cast<double>(elapsed_ns) / 1e9;
    sums.sum += *increase;
    sums.seconds += elapsed_s;
    take(sums, *increase / elapsed_s);
  });
}

void WindowSummary::add(const VmWindow& vm) {
  rows += vm.rows();
  for (size_t i = 0; i < kCatalogueMetrics; ++i) {
    const VmWindow::Sums& sums = vm.of(i);
    if (sums.count == 0) continue;
    fold(metrics[i], {1, sums.avg(catalogue()[i].kind), sums.min, sums.max, sums.last});
  }
}

void WindowSummary::add(const WindowSummary& other) {
  rows += other.rows;
  for (size_t i = 0; i < kCatalogueMetrics; ++i) {
    if (other.metrics[i].vms > 0) fold(metrics[i], other.metrics[i]);
  }
}

}  // namespace dragonfly
