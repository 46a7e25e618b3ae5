#include "line_poster.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/rt/clock.h"

namespace dragonfly {
namespace {

constexpr long kTimeoutMs = 30'000;
constexpr long kConnectMs = 5'000;
constexpr Duration kAgain = 100ms;
constexpr Duration kAgainMax = 5s;

size_t keep_answer(const char* data, size_t size, size_t count, void* into) {
  auto& out = *static_cast<std::string*>(into);
  out.append(data, std::min(size * count, LinePoster::kAnswerMax - std::min(out.size(), LinePoster::kAnswerMax)));
  return size * count;
}

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

Easy open(const std::string& url, std::string& answer) {
  Easy easy(curl_easy_init(), curl_easy_cleanup);
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_POST, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, kTimeoutMs);
  curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, keep_answer);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer);
  return easy;
}

// The status of the answer; 0 = there was none, and `answer` says why.
long post_lines(CURL* easy, const std::string& lines, std::string& answer) {
  answer.clear();
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, lines.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(lines.size()));
  if (const CURLcode code = curl_easy_perform(easy); code != CURLE_OK) return answer = curl_easy_strerror(code), 0;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

bool is_final(long status) { return status == 204 || (status >= 400 && status < 500 && status != 429); }

}  // namespace

LinePoster::LinePoster(const Endpoint& server)
    : url_(fmt::format("http://{}/write?db=cbmon&precision=ms", server.to_string())) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  for (size_t i = 0; i < kConnections; ++i) threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

LinePoster::~LinePoster() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

bool LinePoster::post(Batch batch) {
  const std::lock_guard lock(mutex_);
  if (waiting_bytes_ + batch.lines.size() > kBytesMax) return false;
  waiting_bytes_ += batch.lines.size();
  waiting_.push_back(std::move(batch));
  changed_.notify_one();
  return true;
}

std::vector<LinePoster::Outcome> LinePoster::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(outcomes_, {});
}

uint64_t LinePoster::rows_again() const {
  const std::lock_guard lock(mutex_);
  return again_;
}

std::string LinePoster::last_trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void LinePoster::run(const std::stop_token& stop) {
  const SystemClock clock;
  std::string answer;
  const Easy easy = open(url_, answer);
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !waiting_.empty(); })) {
    const Batch batch = std::move(waiting_.front());
    waiting_.pop_front();
    for (Duration wait = kAgain;; wait = std::min(kAgainMax, wait * 2)) {
      lock.unlock();
      const long status = post_lines(easy.get(), batch.lines, answer);
      const MonotonicTime answered = clock.monotonic();
      lock.lock();
      if (status != 204) trouble_ = fmt::format("{} {}", status, answer);
      if (is_final(status)) {
        outcomes_.push_back({batch.rows, status == 204, batch.made, answered});
        break;
      }
      again_ += batch.rows;
      if (changed_.wait_for(lock, stop, wait, [] { return false; }) || stop.stop_requested()) return;
    }
    waiting_bytes_ -= batch.lines.size();
  }
}

}  // namespace dragonfly
