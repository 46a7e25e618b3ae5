// ServerAddress: the server's endpoint, asked for anew now and then where it is a name.
//
// Units      monotonic ns.
// Ownership  a look-up runs on a thread of its own that shares its result only; it is left behind at the end, because
//            getaddrinfo cannot be interrupted.
// Threading  one thread calls; one short-lived thread a look-up (std::mutex: its result).
// Errors     a failed look-up keeps the last endpoint; error() says why.
// Limits     one look-up at a time; kLookUpEvery apart while the server answers, kLookUpSilent while it does not.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/core/time.h"
#include "base/net/endpoint.h"

namespace dragonfly {

class ServerAddress {
 public:
  static constexpr Duration kLookUpEvery = 10min;
  static constexpr Duration kLookUpSilent = 15s;
  // Digits are taken at once; a name is looked up, which may block as long as the resolver takes.
  ServerAddress(std::string text, MonotonicTime now);
  ~ServerAddress();
  ServerAddress(const ServerAddress&) = delete;
  ServerAddress& operator=(const ServerAddress&) = delete;

  const std::optional<Endpoint>& endpoint() const { return endpoint_; }
  const std::string& text() const { return text_; }
  const std::string& error() const { return error_; }
  // Starts a look-up where one is due, takes its result where one is there; true where the endpoint changed.
  bool update(bool silent, MonotonicTime now);

 private:
  struct LookUp;
  bool take(const Result<Endpoint>& found);
  const std::string text_;
  bool is_name_ = false;
  std::optional<Endpoint> endpoint_;
  std::string error_;
  MonotonicTime looked_up_{};
  std::shared_ptr<LookUp> running_;
};

}  // namespace dragonfly
