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

// What a value's way needs of the catalogue, close together: it is asked for each of millions of values a second.
struct Shape {
  std::array<GroupSpan, std::size(kCatalogueGroups) + 1> groups;
  std::array<ValueType, kCatalogueMetrics> types{};
  std::array<bool, kCatalogueMetrics> counters{};
};

const Shape& shape() {
  static const Shape kShape = [] {
    Shape out;
    for (const GroupId each : kCatalogueGroups) {
      const auto metrics = metrics_of(each);
      out.groups[static_cast<size_t>(each)] = {static_cast<size_t>(metrics.data() - catalogue().data()),
                                               metrics.size()};
    }
    for (size_t i = 0; i < kCatalogueMetrics; ++i) {
      out.types[i] = catalogue()[i].type;
      out.counters[i] = catalogue()[i].kind == MetricKind::kCounter;
    }
    return out;
  }();
  return kShape;
}

GroupSpan span_of(GroupId group) {
  return is_catalogue_group(group) ? shape().groups[static_cast<size_t>(group)] : GroupSpan{};
}

void take(VmWindow::Sums& sums, double value) {
  if (sums.count == 0) sums.min = sums.max = value;
  sums.min = std::min(sums.min, value);
  sums.max = std::max(sums.max, value);
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
  const ValueType* const types = shape().types.data() + span.first;
  fields::walk(fields, [&](size_t field, Value value) {
    if (field >= span.count) return;
    const ValueType type = types[field];
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
  const Shape& metrics = shape();
  // Of one row all elapsed times but a few are the same.
  int64_t divided_ns = 0;
  double elapsed_s = 0;
  walk_row(group, fields, [&](size_t index, double number, uint64_t bits) {
    Sums& sums = sums_[index];
    if (!metrics.counters[index]) {
      sums.sum += number;
      return take(sums, number);
    }
    const CounterReading reading{unix_ns(time), boot, bits};
    const auto [before, there] = std::exchange(before_[index], Last{reading, true});
    const int64_t elapsed_ns = reading.time_ns - before.time_ns;
    if (!there || elapsed_ns > kCounterGapMax.count()) return;
    const auto increase = counter_increase(metrics.types[index], before, reading);
    if (!increase) return;
    if (elapsed_ns != divided_ns) {
      divided_ns = elapsed_ns;
      elapsed_s = static_cast<double>(elapsed_ns) / 1e9;
    }
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
