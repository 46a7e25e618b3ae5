#include "edge/agent/https_uplink.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/rt/wakeup.h"

namespace dragonfly {

struct HttpsUplink::Shared {
  Shared(HttpsOptions given, const Clock& the_clock, Random& the_random)
      : options(std::move(given)), clock(the_clock), random(the_random) {}
  const HttpsOptions options;
  const Clock& clock;
  Random& random;
  Wakeup wakeup;
  mutable std::mutex mutex;  // Of all below.
  std::condition_variable changed;
  bool stopping = false;
  std::deque<Bytes> waiting;
  std::vector<Bytes> came;
  HttpsUplinkStats stats;
};

namespace {

// What the server said, or why it said nothing; `pause`: for how long to leave it alone.
Result<std::vector<Bytes>> post(HttpsClient& client, const std::vector<Bytes>& frames, Duration& pause) {
  Bytes body;
  for (const Bytes& one : frames) add_to_batch(one, body);
  HttpsQuestion question{"POST", "/api/v1/frames", {}, "application/octet-stream"};
  question.body = body;
  const auto answer = client.ask(question);
  if (!answer) return fail(answer.error());
  if (answer->status != 200) {
    pause = std::max<Duration>(pause, std::chrono::seconds(answer->retry_after_s));
    return fail(ErrorCode::kUnavailable, "the server answers {}: {}", answer->status,
                as_text(answer->body).substr(0, 300));
  }
  const auto batch = read_batch(answer->body);
  if (!batch) return fail(batch.error());
  std::vector<Bytes> out;
  for (const ByteView one : batch->datagrams) out.emplace_back(one.begin(), one.end());
  return out;
}

}  // namespace

HttpsUplink::HttpsUplink(HttpsOptions options, const Clock& clock, Random& random)
    : shared_(std::make_shared<Shared>(std::move(options), clock, random)) {}

HttpsUplink::~HttpsUplink() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_one();
}

void HttpsUplink::add(ByteView datagram) { gathered_.emplace_back(datagram.begin(), datagram.end()); }

void HttpsUplink::flush() {
  if (gathered_.empty()) return;
  {
    const std::lock_guard lock(shared_->mutex);
    for (Bytes& one : gathered_) shared_->waiting.push_back(std::move(one));
    while (shared_->waiting.size() > kFramesMax) {
      shared_->waiting.pop_front();
      ++shared_->stats.dropped;
    }
  }
  gathered_.clear();
  if (running_) return shared_->changed.notify_one();
  try {
    std::thread([shared = shared_] { run(shared); }).detach();
    running_ = true;
  } catch (const std::system_error& e) {
    const std::lock_guard lock(shared_->mutex);
    shared_->stats.error = e.what();
  }
}

void HttpsUplink::run(const std::shared_ptr<Shared>& shared) {
  HttpsClient client(shared->options, shared->clock, shared->random);
  Duration pause = kPauseMin;
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->changed.wait(lock, [&] { return shared->stopping || !shared->waiting.empty(); });
    if (shared->stopping) return;
    std::vector<Bytes> frames;
    while (!shared->waiting.empty() && frames.size() < kBatchFramesMax) {
      frames.push_back(std::move(shared->waiting.front()));
      shared->waiting.pop_front();
    }
    lock.unlock();
    Duration wanted = pause;
    auto answer = post(client, frames, wanted);
    lock.lock();
    ++shared->stats.batches;
    shared->stats.frames += frames.size();
    if (answer) {
      pause = kPauseMin;
      shared->stats.error.clear();
      for (Bytes& one : *answer) shared->came.push_back(std::move(one));
      shared->wakeup.signal();
      continue;
    }
    ++shared->stats.failed;
    shared->stats.error = answer.error().message;
    pause = std::min(kPauseMax, pause * 2);
    // What waits meanwhile would only come again.
    shared->changed.wait_for(lock, std::min(kPauseMax, wanted), [&] { return shared->stopping; });
    shared->waiting.clear();
  }
}

std::vector<Bytes> HttpsUplink::take() {
  const std::lock_guard lock(shared_->mutex);
  shared_->wakeup.clear();
  return std::exchange(shared_->came, {});
}

int HttpsUplink::descriptor() const { return shared_->wakeup.descriptor(); }

HttpsUplinkStats HttpsUplink::stats() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->stats;
}

}  // namespace dragonfly
