// GET /api/v1/stream: rows as they arrive, as server-sent events.
#include <deque>
#include <memory>
#include <mutex>

#include "surface/api/api.h"
#include "surface/api/live_rates.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/selection.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

using SharedRow = std::shared_ptr<const RowEvent>;

void append_event(std::string& out, const RowEvent& row, LiveRates& rates) {
  out += "data: ";
  JsonWriter json(out);
  json.begin_object().field("ns", std::string_view(row.vm->identity.ns));
  json.field("mcis", std::string_view(row.vm->identity.mcis)).field("vm", std::string_view(row.vm->identity.vm));
  json.field("group", group_name(row.group));
  if (!row.device.empty()) json.field("device", std::string_view(row.device));
  json.field("time", std::string_view(format_rfc3339(row.time))).key("values").begin_object();
  for (const auto& [metric, value] : rates.take(row)) {
    json.key(metric->name);
    write_value(json, value);
  }
  json.end_object().end_object();
  out += "\n\n";
}

// Rows come on shards' threads, which only leave them here; a worker writes them out.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Executor& workers) : workers_(workers) {}

  // On a shard's thread.
  void take(const SharedRow& row) {
    if (!is_catalogue_group(row->group)) return;
    const std::lock_guard lock(mutex_);
    if (rows_.size() >= kStreamEventsMax) {
      ++dropped_;
      return;
    }
    rows_.push_back(row);
    schedule();
  }
  void start(std::shared_ptr<HttpStream> stream) {
    const std::lock_guard lock(mutex_);
    stream_ = std::move(stream);
    schedule();
  }
  // Ends itself with the stream.
  void keep(std::unique_ptr<RowFeed::Subscription> subscription) { subscription_ = std::move(subscription); }
  void end() { subscription_.reset(); }

 private:
  // With the lock. Where the workers are too busy, the next row tries again.
  void schedule() {
    if (scheduled_ || !stream_ || rows_.empty()) return;
    scheduled_ = workers_.post([self = shared_from_this()] { self->write_out(); });
  }
  void write_out() {
    std::deque<SharedRow> rows;
    std::shared_ptr<HttpStream> stream;
    uint64_t dropped = 0;
    {
      const std::lock_guard lock(mutex_);
      std::swap(rows, rows_);
      std::swap(dropped, dropped_);
      stream = stream_;
    }
    std::string out;
    if (dropped > 0) out += fmt::format("event: dropped\ndata: {{\"rows\":{}}}\n\n", dropped);
    for (const SharedRow& row : rows) {
      append_event(out, *row, rates_);
      if (out.size() < kWriteBytes) continue;
      stream->write(std::exchange(out, {}));
    }
    if (!out.empty()) stream->write(std::move(out));
    const std::lock_guard lock(mutex_);
    scheduled_ = false;
    schedule();
  }
  static constexpr size_t kWriteBytes = 32 * 1024;
  Executor& workers_;
  std::mutex mutex_;
  std::deque<SharedRow> rows_;
  std::shared_ptr<HttpStream> stream_;
  uint64_t dropped_ = 0;
  bool scheduled_ = false;
  LiveRates rates_;  // Of the one write_out() that runs.
  std::unique_ptr<RowFeed::Subscription> subscription_;
};

Result<RowFilter> filter_of(const HttpRequest& request) {
  DF_TRY(only_parameters(request, "ns mcis vm group devices"));
  RowFilter filter;
  const auto any = [](std::string text) { return text == "*" ? std::string() : text; };
  filter.ns = any(text_parameter(request, "ns"));
  filter.mcis = any(text_parameter(request, "mcis"));
  filter.vm = any(text_parameter(request, "vm"));
  const std::string group = any(text_parameter(request, "group"));
  if (!group.empty()) {
    const auto found = find_group(group);
    if (!found) {
      return fail(ErrorCode::kInvalidArgument,
                  "parameter 'group' is '{}'; allowed are cpu, cpufreq, memory, disk, network", group.substr(0, 100));
    }
    filter.group = group_name(*found);
  }
  const auto devices = word_parameter(request, "devices", "true|false", "false");
  if (!devices) return fail(devices.error());
  filter.devices = *devices == "true";
  return filter;
}

}  // namespace

void answer_stream(const ApiParts& parts, Call call) {
  auto filter = filter_of(call.request);
  if (!filter) return answer_error(call.responder, filter.error());
  const auto session = std::make_shared<Session>(parts.workers);
  auto subscription = parts.feed.subscribe(std::move(*filter), [weak = std::weak_ptr(session)](const SharedRow& row) {
    if (const auto self = weak.lock()) self->take(row);
  });
  if (!subscription) {
    const bool full = subscription.error().code == ErrorCode::kResourceExhausted;
    return call.responder.answer(
        error_response(full ? 503 : http_status(subscription.error().code), subscription.error().message));
  }
  session->keep(std::move(*subscription));
  HttpResponse head;
  head.content_type = "text/event-stream";
  head.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  const auto stream = call.responder.start_stream(std::move(head), {":\n\n", 10s});
  stream->write("retry: 1000\n\n");
  session->start(stream);
  stream->on_close([session] { session->end(); });
}

}  // namespace dragonfly
