// Inside surface/api: forms as multipart/form-data (RFC 7578), as old clients send them.
//
// Units      bytes.
// Ownership  answers own their text.
// Threading  pure.
// Errors     kInvalidArgument says what is not well-formed; kResourceExhausted names the limit.
// Limits     kMultipartPartsMax parts, kMultipartHeadMax bytes of a part's headers; the body is bounded by HttpOptions.
#pragma once

#include <string_view>

#include "base/core/result.h"
#include "base/http/url.h"

namespace dragonfly {

inline constexpr size_t kMultipartPartsMax = 100;
inline constexpr size_t kMultipartHeadMax = 4096;

// `content_type` names the boundary. Each part's name and content; file names are not looked at.
Result<NamedValues> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace dragonfly
