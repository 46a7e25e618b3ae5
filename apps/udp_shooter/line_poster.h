// LinePoster: batches of Influx lines to POST /write, over a few connections that are kept. A batch that is not taken (no
// connection, 429, 5xx) is posted again until it is, after 100 ms, 200 ms … 5 s; one that is refused (another 4xx) is not.
//
// Units      bytes, ns.
// Ownership  owns its threads; batches that are still open when it dies are given up.
// Threading  post(), take() and counts: the owner's thread. The threads share a queue under one mutex: a batch is
//            thousands of lines.
// Errors     none: outcomes.
// Limits     kBytesMax in the queue; an answer of kAnswerMax bytes is read.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/core/time.h"
#include "base/net/endpoint.h"

namespace dragonfly {

class LinePoster {
 public:
  static constexpr size_t kConnections = 4;
  static constexpr size_t kBytesMax = 64 << 20;
  static constexpr size_t kAnswerMax = 4096;

  explicit LinePoster(const Endpoint& server);
  ~LinePoster();
  LinePoster(const LinePoster&) = delete;
  LinePoster& operator=(const LinePoster&) = delete;

  struct Batch {
    std::string lines;
    uint64_t rows = 0;
    MonotonicTime made{};
  };
  // False: the queue is full.
  [[nodiscard]] bool post(Batch batch);

  struct Outcome {
    uint64_t rows = 0;
    bool stored = false;  // Else refused.
    MonotonicTime made{};
    MonotonicTime answered{};
  };
  std::vector<Outcome> take();
  uint64_t rows_again() const;
  // What was answered last where it was not 204; empty: nothing.
  std::string last_trouble() const;

 private:
  void run(const std::stop_token& stop);

  const std::string url_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable_any changed_;
  std::deque<Batch> waiting_;
  size_t waiting_bytes_ = 0;
  std::vector<Outcome> outcomes_;
  uint64_t again_ = 0;  // Rows.
  std::string trouble_;
  std::vector<std::jthread> threads_;  // Last, so that they end first.
};

}  // namespace dragonfly
