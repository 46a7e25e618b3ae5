// Endpoint: an IPv4 or IPv6 address with a port.
//
// Units      ports in host order.
// Ownership  a value.
// Threading  pure; resolve() blocks (DNS) and may be called from any thread.
// Errors     kInvalidArgument names the text and the form that is allowed; kNotFound where a name does not resolve.
// Limits     none.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace dragonfly {

class Endpoint {
 public:
  Endpoint() = default;
  Endpoint(const sockaddr* address, socklen_t length);
  // "127.0.0.1:8094", "[::1]:8094"; digits only, no names.
  static Result<Endpoint> parse(std::string_view text);
  // As parse(), and names ("collector.example:8094") by getaddrinfo.
  static Result<Endpoint> resolve(std::string_view text);

  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t length() const;
  uint16_t port() const;
  bool is_ipv6() const { return storage_.sin6_family == AF_INET6; }
  // 127.0.0.0/8, ::1, and 127.0.0.0/8 mapped into IPv6.
  bool is_loopback() const;
  // Exact, so that parse() reads it back: "127.0.0.1:8094", "[::ffff:127.0.0.1]:8094".
  std::string to_string() const;
  // For people: the address without the port, "127.0.0.1" or "::1"; IPv4 mapped into IPv6 as IPv4.
  std::string host() const;
  bool operator==(const Endpoint& other) const;

 private:
  sockaddr_in6 storage_{};  // Large enough for both families; sin6_family tells which.
};

}  // namespace dragonfly
