// HttpClient: how cbmon asks a server; replaced by canned answers in tests.
//
// Units      s.
// Ownership  values.
// Threading  one object, one thread.
// Errors     kUnavailable: nobody there (the message says why); kTimeout: no answer in time; kInvalidArgument: no URL.
//            Whatever the server answers, also 404, is an answer.
// Limits     CurlClient: 5 s to connect, 30 s in all, an answer of kAnswerBytesMax; no redirects.
#pragma once

#include <string>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kAnswerBytesMax = 64u << 20;

struct HttpAnswer {
  long status = 0;
  std::string body;
  double seconds = 0;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpAnswer> get(const std::string& url) = 0;
};

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(std::string user_agent);
  ~CurlClient() override;
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;
  Result<HttpAnswer> get(const std::string& url) override;

 private:
  const std::string user_agent_;
  void* handle_;
};

// "a b/c" → "a%20b%2Fc": one segment or value of a URL.
std::string url_encoded(std::string_view text);

}  // namespace dragonfly
