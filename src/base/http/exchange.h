// Inside base/http: the two objects by which other threads answer a connection.
//
// Units      see http_server.h.
// Ownership  both outlive the connection where somebody keeps them; neither keeps it alive.
// Threading  any thread; what reaches the connection is posted to its loop.
// Errors     none.
// Limits     HttpOptions.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/http/gzip.h"
#include "base/http/http_server.h"
#include "base/http/loop.h"

namespace dragonfly::http_internal {

// A stream's side that any thread may touch.
class Stream final : public HttpStream {
 public:
  Stream(std::weak_ptr<Loop> loop, std::weak_ptr<Connection> connection, std::shared_ptr<Shared> shared,
         HttpStreamOptions options)
      : loop_(std::move(loop)),
        connection_(std::move(connection)),
        shared_(std::move(shared)),
        options_(std::move(options)) {}

  Write write(std::string chunk) override;
  void on_close(std::function<void()> closed) override;
  void close() override;

  // For the connection, on its loop's thread: what waits; false once the stream has ended and nothing waits.
  bool take(std::string& out) {
    const std::lock_guard lock(mutex_);
    out.clear();
    std::swap(out, pending_);
    return !ending_ || !out.empty();
  }
  void ended();  // By the connection, once.
  const HttpStreamOptions& options() const { return options_; }

 private:
  void wake();
  const std::weak_ptr<Loop> loop_;  // Weak: the loop's frames hold streams.
  const std::weak_ptr<Connection> connection_;
  const std::shared_ptr<Shared> shared_;
  const HttpStreamOptions options_;
  std::mutex mutex_;
  std::string pending_;
  std::function<void()> closed_;
  bool ending_ = false;  // No more writes.
  bool ended_ = false;
};

// The rest of an answer that is made piece by piece. On workers, one call at a time.
class Pieces {
 public:
  // `chunked`: else bare bytes.
  Pieces(std::unique_ptr<HttpBody> body, bool packs, bool chunked) : body_(std::move(body)), chunked_(chunked) {
    if (packs) packer_.emplace();
  }
  struct Piece {
    std::string bytes;  // As they go to the peer; may be none.
    bool last = false;
    std::optional<Error> error;  // Then it breaks off.
  };
  Piece first(std::string_view text) { return made(text, false); }
  Piece next();

 private:
  Piece made(std::string_view text, bool last);
  const std::unique_ptr<HttpBody> body_;
  const bool chunked_;
  std::optional<GzipWriter> packer_;
};

struct Delivery {
  HttpResponse response;
  std::shared_ptr<Stream> stream = nullptr;  // Set where the answer is one.
  std::shared_ptr<Pieces> pieces = nullptr;  // The same; then the response's body is its first piece.
};

class Exchange final : public HttpExchange {
 public:
  // What the peer understands: gzip, chunks.
  struct Peer {
    bool packs = false;
    bool chunked = true;
  };
  Exchange(std::shared_ptr<Loop> loop, std::weak_ptr<Connection> connection, std::shared_ptr<Shared> shared, Peer peer)
      : loop_(std::move(loop)), connection_(std::move(connection)), shared_(std::move(shared)), peer_(peer) {}
  ~Exchange() override;
  void answer(HttpResponse response) override;
  std::shared_ptr<HttpStream> start_stream(HttpResponse head, HttpStreamOptions options) override;
  void answer_in_pieces(HttpResponse begin, std::unique_ptr<HttpBody> rest) override;

 private:
  void deliver(Delivery delivery);
  const std::shared_ptr<Loop> loop_;
  const std::weak_ptr<Connection> connection_;
  const std::shared_ptr<Shared> shared_;
  const Peer peer_;
  std::atomic<bool> answered_{false};
};

}  // namespace dragonfly::http_internal
