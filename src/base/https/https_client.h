// HttpsClient: asks one server over HTTPS, one question at a time, over a connection that is kept while the server keeps
// it. TLS 1.2 by Mbed TLS; the server is verified against given authorities and nobody else, by name or by address.
//
// Units      sizes in bytes.
// Ownership  owns its connection; borrows the clock and the random numbers, which outlive it.
// Threading  one thread.
// Errors     kUnavailable: not reached, or the connection ended; kTimeout; kPermissionDenied: who answers is not whom it
//            should be, and why; kInvalidArgument: certificates that cannot be read; kUnsupported: an answer in a form
//            that is not understood; kResourceExhausted: longer than `body_max`. Any status is an answer, no error.
// Limits     HttpsOptions; authorities of kAuthoritiesMax certificates.
// Source     RFC 9112 (HTTP/1.1), RFC 5280 section 4.2.1.6 (names and addresses of a certificate).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/https/http_answer.h"
#include "base/rt/clock.h"
#include "base/rt/random.h"

namespace dragonfly {

inline constexpr size_t kAuthoritiesMax = 16;

struct HttpsOptions {
  ServerUrl url;
  // DER. Empty: whoever answers is believed; nothing secret may be sent then, and nothing that comes is true.
  std::vector<Bytes> authorities;
  Duration within = 15s;  // Of a question, with connecting.
  size_t body_max = 256 * 1024;
};

struct HttpsQuestion {
  std::string_view method = "GET";
  std::string_view path = "/";
  std::string_view token;  // Authorization: Bearer; empty: none.
  std::string_view content_type = "application/json";
  ByteView body;
};

struct HttpsAnswer {
  int status = 0;
  uint32_t retry_after_s = 0;
  Bytes body;
};

class HttpsClient {
 public:
  HttpsClient(HttpsOptions options, const Clock& clock, Random& random);
  ~HttpsClient();
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  // A question that finds a kept connection closed is asked once more on a new one.
  Result<HttpsAnswer> ask(const HttpsQuestion& question);

 private:
  class Connection;
  Result<> connect(MonotonicTime deadline);
  Result<HttpsAnswer> exchange(const HttpsQuestion& question, bool& answered);
  const HttpsOptions options_;
  const Clock& clock_;
  Random& random_;
  std::unique_ptr<Connection> connection_;
};

// The certificates of a PEM text, as DER. kInvalidArgument: there is none, or one is damaged.
Result<std::vector<Bytes>> read_certificates(std::string_view pem);

}  // namespace dragonfly
