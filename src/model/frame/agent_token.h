// AgentToken: by which a machine is let in as an agent. Its text carries the fingerprint of the authority that vouches for
// the server, so that also the first connection is to the right one:
//
//   cba_<id, 16 hex>_<secret, 32 hex>[_<fingerprint, 64 hex>]        without a fingerprint: the server speaks no TLS
//
// Units      none.
// Ownership  values; the secret is one: nothing prints it.
// Threading  pure.
// Errors     kInvalidArgument, without the text.
// Limits     none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "base/crypto/crypto.h"

namespace dragonfly {

struct AgentToken {
  std::string id;
  std::string secret;
  std::optional<Digest256> authority;

  std::string text() const;
  // Of all but the fingerprint: what a server keeps.
  Digest256 digest() const;
};
Result<AgentToken> parse_agent_token(std::string_view text);

// SHA-256 over the certificates, one after the other, as DER: of one it is what browsers and openssl show.
Digest256 authority_fingerprint(const std::vector<Bytes>& certificates);

}  // namespace dragonfly
