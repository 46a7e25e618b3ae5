// Inside surface/api: which answers pages of other sites may read (CORS), and which of their requests are refused.
//
// Units      none.
// Ownership  results own their text.
// Threading  pure.
// Errors     refused_origin: a message for 403.
// Limits     none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/http/http_server.h"
#include "surface/api/routes.h"

namespace dragonfly {

// Headers for the answer to a request of `route`; none where the page may not read it.
NamedValues cors_headers(const Route& route, const HttpRequest& request, const std::vector<std::string>& listed);

// Why the request is refused: it writes or watches and comes from a page of a site that is neither ours nor listed.
// A browser would send it without asking first where it looks like a form's.
std::optional<std::string> refused_origin(const Route& route, const HttpRequest& request,
                                          const std::vector<std::string>& listed);

// The answer to OPTIONS on a path: `allow` are its methods, `route` the one that is asked about (or null).
HttpResponse preflight(const Route* route, const std::string& allow, const HttpRequest& request,
                       const std::vector<std::string>& listed);

}  // namespace dragonfly
