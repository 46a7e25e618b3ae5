#include "base/net/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

constexpr size_t kHostBytesMax = 253;  // Of a DNS name.

struct Parts {
  std::string_view host;  // Without brackets.
  uint16_t port;
  bool bracketed;
};

bool parse_port(std::string_view text, uint16_t& port) {
  if (text.empty() || text.size() > 5) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

bool split(std::string_view text, Parts& parts) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !parse_port(text.substr(colon + 1), parts.port)) return false;
  parts.host = text.substr(0, colon);
  parts.bracketed = parts.host.starts_with('[');
  if (parts.bracketed) {
    if (!parts.host.ends_with(']')) return false;
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  }
  return !parts.host.empty() && parts.host.size() <= kHostBytesMax;
}

bool parse_digits(const Parts& parts, sockaddr_storage& out, socklen_t& length) {
  const std::string host(parts.host);
  if (host.find('\0') != std::string::npos) return false;
  std::memset(&out, 0, sizeof out);
  if (parts.bracketed) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(parts.port);
    length = sizeof v6;
    return ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(out);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(parts.port);
  length = sizeof v4;
  return ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1;
}

// Letters, digits, '-', '_' and '.'; the last label not of digits alone, which would be a cut-off address ("10.1:80").
bool is_name(std::string_view host) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto allowed = [&](char c) {
    return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  };
  if (!std::all_of(host.begin(), host.end(), allowed)) return false;
  while (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !std::all_of(last.begin(), last.end(), digit);
}

const sockaddr_in& as_v4(const sockaddr_in6& storage) { return reinterpret_cast<const sockaddr_in&>(storage); }

}  // namespace

Endpoint::Endpoint(const sockaddr* address, socklen_t length) {
  DF_ASSERT(length >= sizeof(sockaddr_in) && length <= sizeof storage_);
  DF_ASSERT(address->sa_family == AF_INET || (address->sa_family == AF_INET6 && length == sizeof storage_));
  std::memcpy(&storage_, address, length);
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  Parts parts{};
  sockaddr_storage address{};
  socklen_t length = 0;
  if (!split(text, parts) || !parse_digits(parts, address, length))
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is not an address with a port; allowed is \"127.0.0.1:8094\" or \"[::1]:8094\"", text);
  return Endpoint(reinterpret_cast<const sockaddr*>(&address), length);
}

Result<Endpoint> Endpoint::resolve(std::string_view text) {
  Parts parts{};
  sockaddr_storage address{};
  socklen_t length = 0;
  if (split(text, parts)) {
    if (parse_digits(parts, address, length)) return Endpoint(reinterpret_cast<const sockaddr*>(&address), length);
  }
  if (!split(text, parts) || parts.bracketed || !is_name(parts.host))
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is not an address or a name with a port; allowed is \"127.0.0.1:8094\", \"[::1]:8094\" or "
                "\"name.example:8094\"",
                text);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(std::string(parts.host).c_str(), nullptr, &hints, &found);
  if (error != 0) return fail(ErrorCode::kNotFound, "'{}' does not resolve: {}", parts.host, ::gai_strerror(error));
  // The resolver lists the address that it would use first (RFC 6724).
  Endpoint endpoint(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  endpoint.storage_.sin6_port = htons(parts.port);  // At the same place in both families.
  return endpoint;
}

static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

socklen_t Endpoint::length() const { return is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

uint16_t Endpoint::port() const { return ntohs(storage_.sin6_port); }

bool Endpoint::is_loopback() const {
  if (!is_ipv6()) return storage_.sin6_family == AF_INET && ntohl(as_v4(storage_).sin_addr.s_addr) >> 24 == 127;
  const in6_addr& address = storage_.sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

std::string Endpoint::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_ipv6() && IN6_IS_ADDR_V4MAPPED(&storage_.sin6_addr))
    ::inet_ntop(AF_INET, &storage_.sin6_addr.s6_addr[12], text, sizeof text);
  else if (is_ipv6())
    ::inet_ntop(AF_INET6, &storage_.sin6_addr, text, sizeof text);
  else
    ::inet_ntop(AF_INET, &as_v4(storage_).sin_addr, text, sizeof text);
  return text;
}

std::string Endpoint::to_string() const {
  if (!is_ipv6()) return host() + ":" + std::to_string(port());
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET6, &storage_.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(port());
}

bool Endpoint::operator==(const Endpoint& other) const {
  if (storage_.sin6_family != other.storage_.sin6_family || storage_.sin6_port != other.storage_.sin6_port)
    return false;
  if (!is_ipv6()) return as_v4(storage_).sin_addr.s_addr == as_v4(other.storage_).sin_addr.s_addr;
  return std::memcmp(&storage_.sin6_addr, &other.storage_.sin6_addr, sizeof(in6_addr)) == 0 &&
         storage_.sin6_scope_id == other.storage_.sin6_scope_id;
}

}  // namespace dragonfly
