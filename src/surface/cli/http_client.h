// HttpClient: how cbmon asks a server; replaced by canned answers in tests.
//
// Units      s.
// Ownership  values.
// Threading  one object, one thread.
// Errors     kUnavailable: nobody there (the message says why); kTimeout: no answer in time; kInvalidArgument: no URL.
//            kUnauthenticated: the server's certificate is not trusted. Whatever the server answers, also 404, is an answer.
// Limits     CurlClient: 5 s to connect, 30 s in all, an answer of kAnswerBytesMax; no redirects.
#pragma once

#include <atomic>
#include <string>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kAnswerBytesMax = 64u << 20;

struct HttpAnswer {
  long status = 0;
  std::string body;
  double seconds = 0;
};

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::string body;  // Empty: none.
  std::string content_type = "application/json";
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpAnswer> send(const HttpCall& call) = 0;
  Result<HttpAnswer> get(const std::string& url) { return send({"GET", url, {}}); }
};

struct CurlOptions {
  std::string user_agent;
  std::string authority_file;  // Who may vouch for servers, beside those of the system; empty: only those.
  std::string token;           // Never sent in clear to another machine.
  const std::atomic<bool>* stopping =
      nullptr;  // Where it becomes true, an answer is no longer waited for (within 1 s).
};

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(CurlOptions options);
  ~CurlClient() override;
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;
  Result<HttpAnswer> send(const HttpCall& call) override;

 private:
  Error error_of(int code, const std::string& url, std::string_view why) const;
  const CurlOptions options_;
  void* handle_;
};

// "a b/c" → "a%20b%2Fc": one segment or value of a URL.
std::string url_encoded(std::string_view text);

}  // namespace dragonfly
