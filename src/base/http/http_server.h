// HttpServer: HTTP/1.1 on a TCP port, in clear or under TLS. Reads whole requests within limits, asks a handler on the worker threads, writes
// the answers. Requests of one connection are answered in their order; the next is read when the one before is
// answered, so a peer that pipelines is bounded by its own socket.
//
// Units      sizes in bytes, times as Duration.
// Ownership  owns its io threads and connections. Clock, Executor and handler outlive it; a Responder or HttpStream may
//            outlive it (its answer then goes nowhere).
// Threading  the handler runs on the Executor. A Responder and an HttpStream may be used from any thread. stop(): any
//            thread but an io thread or a worker.
// Errors     start(): kInvalidArgument (the address), kIo (the port is taken). What a peer sends wrong is answered with
//            {"message": …} and 400, 408, 413, 414, 415, 417, 421, 431, 501, 505; too much load with 503.
// Limits     HttpOptions; each is tested at its limit and beyond.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "base/http/http_message.h"
#include "base/http/http_stats.h"
#include "base/rt/clock.h"
#include "base/rt/executor.h"
#include "base/tls/server_identity.h"

namespace dragonfly {

struct HttpOptions {
  std::string listen = "127.0.0.1:9090";        // "ADDR:PORT", "[ADDR6]:PORT"; port 0 = any. [::] takes IPv4 too.
  size_t io_threads = 2;                        // 1 ..= 64
  std::vector<std::string> allowed_hosts;       // Names beside the loopback ones that a loopback listener answers to.
  NamedValues common_headers;                   // On every answer, the server's own errors included.
  size_t header_bytes_max = 16 * 1024;          // Request line and headers; 431.
  size_t target_bytes_max = 8 * 1024;           // 414
  size_t body_bytes_max = 32u << 20;            // Packed and unpacked; 413.
  size_t bodies_bytes_max = 256u << 20;         // Of all requests that are being read or answered; 503.
  size_t inflate_ratio_max = 100;               // 413
  size_t stream_buffer_bytes_max = 256 * 1024;  // Of one stream; then write() refuses.
  size_t connections_max = 10'000;              // 503, then closed.
  size_t connections_per_source_max = 1'000;
  size_t gzip_bytes_min = 1024;               // Smaller answers are not packed.
  std::shared_ptr<const ServerIdentity> tls;  // Null: in clear. Each connection takes what is current when it comes.
  Duration handshake_time = 10s;              // Of TLS, from accepting on.
  Duration header_time = 10s;                 // From a request's first byte to the end of its headers; 408.
  Duration idle_time = 60s;                   // Between requests.
  Duration body_grace = 10s;                  // From here on a body must average body_bytes_per_s; 408.
  size_t body_bytes_per_s = 1024;
  Duration write_stall =
      10s;                  // A reader that takes nothing for so long is cut off, as is one that takes an answer more
                            // slowly than a body may come.
  size_t pieces_max = 128;  // Answers that are being made piece by piece; 503.
  size_t pieces_per_source_max = 32;
  Duration stop_time = 2s;  // What stop() leaves running answers.
};

// An answer that goes on until one side ends it (server-sent events).
class HttpStream {
 public:
  enum class Write {
    kTaken,
    kFull,    // The reader is too slow: this chunk was dropped (and counted).
    kClosed,  // Nobody reads any more.
  };
  virtual ~HttpStream() = default;
  virtual Write write(std::string chunk) = 0;
  // `closed` runs once, when the stream has ended whoever ended it; at once where it has already. Not in write().
  virtual void on_close(std::function<void()> closed) = 0;
  // Ends the stream after what was written.
  virtual void close() = 0;
};

// The body of an answer that is made while it is sent: the next piece when the peer has taken the one before, so that
// memory is bounded by a piece and not by the answer.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  // Appends the next piece; false with the last. Called on a worker, one call at a time, and not after an error, which
  // breaks the answer off where the peer sees it. Destroyed on any thread.
  virtual Result<bool> next(std::string& out) = 0;
};

struct HttpStreamOptions {
  std::string heartbeat;  // Sent when nothing else was for heartbeat_every; empty = none.
  Duration heartbeat_every = 15s;
};

// One request that waits for its answer; what Responder wraps. Tests make their own.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual void answer(HttpResponse response) = 0;
  virtual std::shared_ptr<HttpStream> start_stream(HttpResponse head, HttpStreamOptions options) = 0;
  virtual void answer_in_pieces(HttpResponse begin, std::unique_ptr<HttpBody> rest) = 0;
};

// Copyable, so that it fits into tasks and callbacks. Exactly one answer(), answer_in_pieces() or start_stream() for all
// copies; when the last copy dies without one, the peer gets 503.
class Responder {
 public:
  explicit Responder(std::shared_ptr<HttpExchange> exchange) : exchange_(std::move(exchange)) {}
  // Packs the body where the peer accepts gzip: call it where some CPU may be spent.
  void answer(HttpResponse response) const { exchange_->answer(std::move(response)); }
  // The body of `begin` is the first piece. Chunked, so that the connection is kept; to HTTP/1.0 it ends with the
  // connection. Packed where the peer accepts gzip.
  void answer_in_pieces(HttpResponse begin, std::unique_ptr<HttpBody> rest) const {
    exchange_->answer_in_pieces(std::move(begin), std::move(rest));
  }
  // The head's body is not used.
  std::shared_ptr<HttpStream> start_stream(HttpResponse head, HttpStreamOptions options) const {
    return exchange_->start_stream(std::move(head), std::move(options));
  }

 private:
  std::shared_ptr<HttpExchange> exchange_;
};

using HttpHandler = std::function<void(HttpRequest request, Responder responder)>;

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(HttpOptions options, Clock& clock, Executor& workers,
                                                   HttpHandler handler);
  virtual ~HttpServer() = default;  // stop()
  // "127.0.0.1:9090" with the port that was chosen.
  virtual std::string local() const = 0;
  virtual uint16_t port() const = 0;
  virtual const HttpStats& stats() const = 0;
  // Takes no more connections and requests, ends streams, gives running answers stop_time. Blocks; again is harmless.
  virtual void stop() = 0;
};

}  // namespace dragonfly
