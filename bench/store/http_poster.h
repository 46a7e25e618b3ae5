// HttpPoster: one kept connection that posts bodies and reads answers, as plainly as can be, so that a load's cost is
// the server's.
//
// Units      none.
// Ownership  owns its connection.
// Threading  one thread; post() blocks.
// Errors     kUnavailable where the server cannot be reached or hangs up; kCorruption for an answer that is none.
// Limits     answers of kAnswerBytesMax.
#pragma once

#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/endpoint.h"

namespace dragonfly::bench {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class HttpPoster {
 public:
  static constexpr size_t kAnswerBytesMax = 1 << 20;
  explicit HttpPoster(const Endpoint& server) : server_(server) {}
  ~HttpPoster();
  HttpPoster(const HttpPoster&) = delete;
  HttpPoster& operator=(const HttpPoster&) = delete;
  // `target` with its query.
  Result<HttpAnswer> post(std::string_view target, std::string_view body);

 private:
  Result<> connect();
  void close();
  Result<> send(std::string_view head, std::string_view body);
  Result<HttpAnswer> receive();
  Endpoint server_;
  int descriptor_ = -1;
};

}  // namespace dragonfly::bench
