// Inside surface/api: bodies (JSON, forms), checked.
//
// Units      none.
// Ownership  results own their text.
// Threading  pure.
// Errors     kInvalidArgument names the key, what was wrong, what is allowed.
// Limits     nesting of 16; kListItemsMax items a list.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "base/http/http_message.h"
#include "base/http/url.h"

namespace dragonfly {

// Texts and numbers by name: a flat JSON object, a form or a multipart form; which, the content type says, and where it is
// a form's or missing, also the first character.
Result<NamedValues> flat_body(const HttpRequest& request);
// The body as an object whose keys are all in `known` (a space between names).
Result<boost::json::object> json_body(const HttpRequest& request, std::string_view known);
// A text. Without `otherwise` the key must be there.
Result<std::string> body_text(const boost::json::object& body, std::string_view key,
                              std::optional<std::string_view> otherwise = {});
// A list of texts, or one text; none where the key is not there.
Result<std::vector<std::string>> body_texts(const boost::json::object& body, std::string_view key);

// How long from `now`: a duration (30d) or a time (RFC 3339), told as 'expires'.
Result<Duration> lifetime_of(const std::string& text, Timestamp now);

}  // namespace dragonfly
