#include "report.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/core/json_writer.h"

namespace dragonfly {
namespace {

double rounded(double value) { return std::round(value * 1000.0) / 1000.0; }

}  // namespace

// Below kSteps one bucket a microsecond; above, the six bits behind the leading one.
void AckTimes::add(Duration time) {
  const uint64_t us = std::min<uint64_t>(kMaxUs, static_cast<uint64_t>(std::max<int64_t>(0, time.count() / 1000)));
  max_us_ = std::max(max_us_, us);
  ++count_;
  const int shift = std::max(0, static_cast<int>(std::bit_width(us)) - 7);
  ++buckets_[static_cast<uint64_t>(shift) * kSteps + (us >> shift)];
}

double AckTimes::percentile_ms(double share) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (uint64_t i = 0; i < buckets_.size() && count_ > 0; ++i) {
    seen += buckets_[i];
    if (seen < std::max<uint64_t>(1, wanted)) continue;
    const uint64_t shift = i < 2 * kSteps ? 0 : i / kSteps - 1;
    const uint64_t end_us = ((i - shift * kSteps + 1) << shift) - 1;
    return static_cast<double>(std::min(end_us, max_us_)) / 1000.0;
  }
  return 0;
}

std::string ShooterReport::to_json() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("agents", agents).field("format", format).field("interval_s", rounded(interval_s));
  json.field("seconds", rounded(seconds)).field("sent", rows_sent).key("acked");
  acknowledged ? json.value(rows_acked) : json.null();
  json.field("resent", rows_resent).field("refused", rows_refused).key("lost");
  acknowledged ? json.value(rows_lost) : json.null();
  json.field("frames_sent", frames_sent).field("frames_acked", frames_acked).field("frames_resent", frames_resent);
  json.field("datagrams_unsent", datagrams_unsent).field("datagrams_dropped", datagrams_dropped);
  json.field("acks", acks).field("acks_malformed", acks_malformed).field("ack_times", ack_times.count());
  json.field("ack_p50_ms", rounded(ack_times.percentile_ms(0.5)));
  json.field("ack_p99_ms", rounded(ack_times.percentile_ms(0.99)));
  json.field("ack_max_ms", rounded(ack_times.max_ms()));
  json.field("late_max_ms", rounded(late_max_ms)).field("cpu_s", rounded(cpu_s));
  if (server_pid != 0) {
    json.key("server").begin_object().field("pid", server_pid).key("cpu_s");
    server ? json.value(rounded(server->cpu_s)) : json.null();
    json.key("rss_bytes");
    server ? json.value(server->rss_bytes) : json.null();
    json.end_object();
  }
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace dragonfly
