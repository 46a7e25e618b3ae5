#include "base/net/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr unsigned kMappedBits = 96;

}  // namespace

bool Network::read_address(std::string_view text, Address& out) {
  const std::string terminated(text);
  out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return inet_pton(AF_INET, terminated.c_str(), out.data() + 12) == 1 ||
         inet_pton(AF_INET6, terminated.c_str(), out.data()) == 1;
}

Result<Network> Network::parse(std::string_view text) {
  const std::string_view address = text.substr(0, text.find('/'));
  const bool is_ipv4 = address.find(':') == std::string_view::npos;
  const unsigned max = is_ipv4 ? 32 : 128;
  unsigned bits = max;
  Network out;
  bool good = read_address(address, out.address_);
  if (address.size() < text.size()) {
    bits = parse_number<unsigned>(text.substr(address.size() + 1)).value_or(max + 1);
    good = good && bits <= max;
  }
  if (!good) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is no network; allowed are addresses and ranges like 10.0.0.0/8, fd00::/8", text.substr(0, 100));
  }
  out.bits_ = is_ipv4 ? kMappedBits + bits : bits;
  return out;
}

bool Network::contains(std::string_view address) const {
  Address other{};
  if (!read_address(address, other)) return false;
  const unsigned bytes = bits_ / 8, rest = bits_ % 8;
  if (!std::equal(other.begin(), other.begin() + bytes, address_.begin())) return false;
  const auto mask = static_cast<uint8_t>(0xff00u >> rest);
  return rest == 0 || ((other[bytes] ^ address_[bytes]) & mask) == 0;
}

}  // namespace dragonfly
