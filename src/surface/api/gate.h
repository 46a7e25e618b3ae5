// Gate: who asks, whether they may, and how often. Where it is open (a server on loopback), everybody is an admin.
//
// Units      requests a second.
// Ownership  borrows the store and the clock, which outlive it.
// Threading  any thread.
// Errors     a refusal is the answer to send: 401, 403 or 429.
// Limits     kFailuresPerSecond wrong tokens of one source are looked at, and as many for each token that exists; GateOptions::requests_per_second.
#pragma once

#include "base/http/http_message.h"
#include "base/rt/clock.h"
#include "fleet/access/rate_limiter.h"
#include "fleet/access/token_store.h"

namespace dragonfly {

// What a route asks of its caller.
enum class Needs : uint8_t {
  kNothing,
  kViewer,
  kOperator,
  kAdmin,
  kAgentToken,  // By which a machine enrols: its handler looks at it.
  kSeal         // What comes proves itself who sent it; many agents may share an address.
};

struct GateOptions {
  bool open = true;
  double requests_per_second = 0;  // Of one token, else of one address; 0: no limit. Bursts of twice as many.
};

class Gate {
 public:
  static constexpr double kFailuresPerSecond = 10;
  using Admission = tl::expected<Principal, HttpResponse>;

  Gate(const TokenStore& tokens, Clock& clock, GateOptions options)
      : tokens_(tokens),
        clock_(clock),
        options_(options),
        failures_(kFailuresPerSecond, kFailuresPerSecond),
        requests_(options.requests_per_second, 2 * options.requests_per_second) {}
  Admission admit(const HttpRequest& request, Needs needs);
  // By a token that was given otherwise than in a header.
  Admission who_is(const HttpRequest& request, std::string_view token);
  // For handlers that look at tokens of another kind: a refusal where too many of this source were wrong, and one more
  // that is.
  std::optional<HttpResponse> refuses_source(const HttpRequest& request);
  HttpResponse refuse_token(const HttpRequest& request, std::string_view why);
  bool is_open() const { return options_.open; }
  static constexpr std::string_view kCookie = "cbd_token";

 private:
  // Where nobody says who asks, an address is a client; this machine's own has no limit.
  std::optional<HttpResponse> too_often_without_token(const HttpRequest& request);
  const TokenStore& tokens_;
  Clock& clock_;
  const GateOptions options_;
  RateLimiter failures_;
  RateLimiter requests_;
};

// The token that a request carries: `Authorization: Bearer`, else the page's cookie; empty where there is none.
struct CarriedToken {
  std::string_view text;
  bool by_cookie = false;
};
CarriedToken carried_token(const HttpRequest& request);

}  // namespace dragonfly
