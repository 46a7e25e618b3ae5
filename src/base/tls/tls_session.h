// TLS 1.2 and 1.3 for a server: a context made from a certificate and its key, and one session over a descriptor that
// never blocks. Nothing waits here: a step says for what the caller has to wait before it calls again.
//
// Units      sizes in bytes.
// Ownership  a TlsContext is shared by its sessions and lives until the last of them ends, so it can be replaced while
//            they run. A session borrows the descriptor.
// Threading  TlsContext: any thread. A session: one thread at a time.
// Errors     make(): kInvalidArgument as check_pair(). Steps: kFailed, with error().
// Limits     an idle session holds no buffers; a record is at most 16 KiB.
// Source     RFC 8446, RFC 5246 with the cipher suites of RFC 7525.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/tls/certificate.h"

struct ssl_ctx_st;
struct ssl_st;

namespace dragonfly {

class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> make(const PemPair& pair);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* const context_;
};

class TlsSession {
 public:
  enum class Outcome {
    kDone,        // `bytes` were read or written; the handshake is over.
    kWaitsRead,   // Wait until the descriptor can be read, then call the same again.
    kWaitsWrite,  // … written …
    kClosed,      // The peer has said that it ends.
    kFailed,
  };
  struct Step {
    Outcome outcome;
    size_t bytes = 0;
  };
  TlsSession(std::shared_ptr<const TlsContext> context, int descriptor);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  Step handshake();
  Step read(std::span<char> out);
  Step write(std::string_view bytes);
  // Whether read() has something without the descriptor.
  bool has_pending() const;
  // Says that nothing more comes, as far as that goes without waiting.
  void say_end();
  // Of the handshake that failed: whether the peer spoke HTTP instead of TLS.
  bool peer_spoke_http() const { return peer_spoke_http_; }
  const std::string& error() const { return error_; }

 private:
  Step step_of(int result, size_t bytes);
  const std::shared_ptr<const TlsContext> context_;
  ssl_st* const ssl_;
  std::string error_;
  bool peer_spoke_http_ = false;
  bool failed_ = false;
};

}  // namespace dragonfly
