// LegacyListener: HTTP in clear and without tokens for clients of earlier releases, on an address of its own, for named
// networks only.
//
// Units      none.
// Ownership  borrows the Api, clock and workers, which outlive it.
// Threading  start() and the destructor from one thread.
// Errors     kInvalidArgument names the key of the configuration.
// Limits     HttpOptions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/net/network.h"
#include "fleet/policy/server_keys.h"
#include "surface/api/api.h"

namespace dragonfly {

class LegacyListener {
 public:
  static Result<std::unique_ptr<LegacyListener>> start(const ServerSettings& settings, const Api& api, Clock& clock,
                                                       Executor& workers);
  // For people: where, and for whom.
  std::string told() const;

 private:
  LegacyListener(const Api& api, std::vector<Network> networks) : api_(api), networks_(std::move(networks)) {}
  void handle(HttpRequest request, Responder responder) const;
  const Api& api_;
  const std::vector<Network> networks_;
  std::string networks_told_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace dragonfly
