// Inside surface/api: query parameters, checked.
//
// Units      as each function says.
// Ownership  results own their text.
// Threading  pure.
// Errors     kInvalidArgument names the parameter, its value and what is allowed.
// Limits     kLookBackMax, kListItemsMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "base/http/http_message.h"

namespace dragonfly {

inline constexpr Duration kLookBackMax = 3650 * 24h;
inline constexpr size_t kListItemsMax = 1000;

// The parameter's text, or `otherwise` where it is absent or empty.
std::string text_parameter(const HttpRequest& request, std::string_view name, std::string_view otherwise = {});

// One of `allowed` ("m|h|d"). Without `otherwise` the parameter must be there.
Result<std::string> word_parameter(const HttpRequest& request, std::string_view name, std::string_view allowed,
                                   std::string_view otherwise = {});

// `duration`: a number and m, h or d. It must be there.
Result<Duration> look_back_parameter(const HttpRequest& request, std::string_view name);

// RFC 3339, seconds since 1970, "now", or a look-back from `now` ("-1h").
Result<Timestamp> time_parameter(const HttpRequest& request, std::string_view name, Timestamp now, Timestamp otherwise);

// 1 ..= `max`.
Result<size_t> count_parameter(const HttpRequest& request, std::string_view name, size_t otherwise, size_t max);

// "a,b": its items; none where it is absent, empty or "*".
Result<std::vector<std::string>> list_parameter(const HttpRequest& request, std::string_view name);

// Refuses a parameter that is not in `known` (a space between names), so that a misspelt one is not simply ignored.
// `prefix`: names that begin so are known, too.
Result<> only_parameters(const HttpRequest& request, std::string_view known, std::string_view prefix = {});

}  // namespace dragonfly
