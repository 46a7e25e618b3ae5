// Network: a range of IP addresses, as CIDR writes it.
//
// Units      none.
// Ownership  a value.
// Threading  pure.
// Errors     kInvalidArgument names the text and the form that is allowed.
// Limits     none.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/core/result.h"

namespace dragonfly {

class Network {
 public:
  // "10.0.0.0/8", "fd00::/8", "192.0.2.7" (that address alone).
  static Result<Network> parse(std::string_view text);
  // Of the address without a port; an IPv4 address that is mapped into IPv6 counts as IPv4.
  bool contains(std::string_view address) const;

 private:
  using Address = std::array<uint8_t, 16>;  // IPv4 mapped into IPv6.
  static bool read_address(std::string_view text, Address& out);
  Address address_{};
  unsigned bits_ = 128;
};

}  // namespace dragonfly
