// URL: the target of a request taken apart, and the query (or form body) within it.
//
// Units      none.
// Ownership  results own their text.
// Threading  pure.
// Errors     kInvalidArgument says what is wrong and where: a % that is not followed by two hexadecimal digits, a
//            decoded NUL, text that is not UTF-8, a target of neither form, too many parameters.
// Limits     kQueryParametersMax. Lengths are bounded by the caller.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kQueryParametersMax = 256;

using NamedValues = std::vector<std::pair<std::string, std::string>>;

struct Target {
  std::vector<std::string> path;  // Decoded segments; "/" has none, one slash at the end counts for nothing.
  NamedValues query;              // Decoded, in order; a name without "=" has an empty value.
  std::string authority;          // "host:port" of an absolute target (http://host:port/path); else empty.
};

// "/path?query", "http://authority/path?query" or "*" (no segments). A segment that decodes to "..", "." or to text
// with a slash is a name like any other: no part of a target ever becomes a file name.
Result<Target> parse_target(std::string_view target);

// "a=1&b=two+words"; what HTML calls application/x-www-form-urlencoded.
Result<NamedValues> parse_query(std::string_view query);

enum class Plus { kIsItself, kIsSpace };
Result<std::string> percent_decode(std::string_view text, Plus plus);

// Everything but letters, digits and -._~ becomes %XX.
std::string percent_encode(std::string_view text);

}  // namespace dragonfly
