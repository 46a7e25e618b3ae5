// Inside surface/api: by what name a caller reached this server.
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     own_url: empty where the request has no Host that may stand in a command.
// Limits     none.
#pragma once

#include <string>

#include "base/http/http_message.h"

namespace dragonfly {

// "https://192.0.2.1:9090", as the request's Host says it.
std::string own_url(const HttpRequest& request, bool tls);

}  // namespace dragonfly
