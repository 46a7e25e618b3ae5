// HttpsUplink: frames to the server by HTTPS, where UDP does not get through (docs/formats/frame_batch.md). Batches go one
// after the other on a thread of their own, so that nothing of it holds back a tick.
//
// Units      bytes.
// Ownership  the thread shares its state only; it is left behind at the end, because a connect cannot be interrupted.
//            Borrows clock and random, which outlive the process's threads.
// Threading  one thread calls; one more, from the first flush() on (std::mutex: what goes to and fro).
// Errors     none here: what is not acknowledged comes again. error() tells the last trouble.
// Limits     kFramesMax frames wait; beyond them the oldest goes. After trouble kPauseMin to kPauseMax of rest, or what the
//            server asks for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/https/https_client.h"
#include "model/frame/frame_batch.h"

namespace dragonfly {

struct HttpsUplinkStats {
  uint64_t batches = 0;
  uint64_t frames = 0;
  uint64_t failed = 0;   // Batches.
  uint64_t dropped = 0;  // Frames: too many waited.
  std::string error;     // Of the newest batch; empty: it was taken.
};

class HttpsUplink {
 public:
  static constexpr size_t kFramesMax = 4 * kBatchFramesMax;
  static constexpr Duration kPauseMin = 1s;
  static constexpr Duration kPauseMax = 60s;

  HttpsUplink(HttpsOptions options, const Clock& clock, Random& random);
  ~HttpsUplink();
  HttpsUplink(const HttpsUplink&) = delete;
  HttpsUplink& operator=(const HttpsUplink&) = delete;

  // Waits for flush(), so that the frames of a tick go together.
  void add(ByteView datagram);
  void flush();
  // What the server answered since the last call.
  std::vector<Bytes> take();
  // Readable when there is something to take.
  int descriptor() const;
  HttpsUplinkStats stats() const;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);
  std::vector<Bytes> gathered_;
  std::shared_ptr<Shared> shared_;
  bool running_ = false;
};

}  // namespace dragonfly
