// Names: what namespaces, groups, VMs, devices and measurements may be called.
//
// Units      lengths in bytes of UTF-8.
// Ownership  none.
// Threading  pure.
// Errors     check_name: kInvalidArgument that names the parameter and what is allowed.
// Limits     kNameBytesMax.
#pragma once

#include <string_view>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kNameBytesMax = 256;

// Bytes of the first character of `text`, or 0 where it is not well-formed UTF-8 (RFC 3629).
size_t utf8_length(std::string_view text);

// 1 to 256 bytes of UTF-8 without control characters. `parameter` is the name of the input, for the message.
Result<> check_name(std::string_view parameter, std::string_view name);

}  // namespace dragonfly
