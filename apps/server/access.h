// Access: how this server is guarded, by its settings.
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     none.
// Limits     none.
#pragma once

#include "fleet/access/token_store.h"
#include "fleet/policy/server_keys.h"

namespace dragonfly {

// Whether others than this machine can reach the API.
bool is_reachable(const ServerSettings& settings);
// Whether callers need a token: where api.access says so, and wherever others can reach it but by --insecure.
bool needs_tokens(const ServerSettings& settings);
// What is open that should not be; empty where nothing is.
std::string openness(const ServerSettings& settings);
// The first admin's token, where nobody could ask otherwise; else empty.
Result<std::string> first_token(const ServerSettings& settings, TokenStore& tokens);

}  // namespace dragonfly
