#include "bench/store/line_load.h"

#include <thread>
#include <vector>

#include "base/rt/clock.h"
#include "bench/store/http_poster.h"
#include "bench/store/line_text.h"

namespace dragonfly::bench {
namespace {

constexpr int kTriesMax = 600;
constexpr Duration kPause = 100ms;

struct Sender {
  VmSource source;
  LineText text;
};

class Connection {
 public:
  Connection(const Dataset& data, const LineLoadOptions& options, uint64_t first, uint64_t end)
      : data_(data), options_(options), poster_(options.server) {
    for (uint64_t vm = first; vm < end; ++vm) senders_.push_back({data.source(vm), LineText(Dataset::names(vm))});
  }

  Result<LoadReport> run() {
    TickRows rows;
    for (uint64_t tick = 0; tick < data_.spec().ticks; ++tick) {
      for (Sender& sender : senders_) {
        sender.source.next(rows);
        sender.text.add(rows, body_);
        lines_ += kRowsPerTick;
        if (lines_ >= LineLoadOptions::kLinesPerPost) DF_TRY(post());
      }
    }
    if (lines_ > 0) DF_TRY(post());
    return report_;
  }

 private:
  Result<> post() {
    ++report_.requests;
    for (int i = 0; i < kTriesMax; ++i) {
      const auto answer = poster_.post(options_.target, body_);
      if (!answer) return fail(answer.error());
      if (answer->status == 204 || answer->status == 200) {
        report_.rows += lines_;
        report_.bytes += body_.size();
        body_.clear();
        lines_ = 0;
        return {};
      }
      if (answer->status != 429 && answer->status != 503 && answer->status != 507)
        return fail(ErrorCode::kInvalidArgument, "status {}: {}", answer->status, answer->body.substr(0, 500));
      ++report_.again;
      std::this_thread::sleep_for(kPause);
    }
    return fail(ErrorCode::kUnavailable, "the server did not take a post in {} tries", kTriesMax);
  }

  const Dataset& data_;
  const LineLoadOptions& options_;
  HttpPoster poster_;
  std::vector<Sender> senders_;
  std::string body_;
  uint64_t lines_ = 0;
  LoadReport report_;
};

}  // namespace

Result<LoadReport> load_lines(const Dataset& data, const LineLoadOptions& options) {
  const SystemClock clock;
  const MonotonicTime begun = clock.monotonic();
  const double cpu_before = process_cpu_seconds();
  const uint64_t vms = data.spec().vms;
  const uint64_t count = std::min(options.connections, vms);
  std::vector<Result<LoadReport>> results(count);
  {
    std::vector<std::jthread> threads;
    for (uint64_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        Connection connection(data, options, vms * i / count, vms * (i + 1) / count);
        results[i] = connection.run();
      });
    }
  }
  LoadReport out;
  for (const auto& result : results) {
    if (!result) return fail(result.error());
    out.rows += result->rows;
    out.requests += result->requests;
    out.again += result->again;
    out.bytes += result->bytes;
  }
  out.samples = out.rows / kRowsPerTick * catalogue().size();
  out.seconds = seconds(clock.monotonic() - begun);
  out.cpu_s = process_cpu_seconds() - cpu_before;
  return out;
}

}  // namespace dragonfly::bench
