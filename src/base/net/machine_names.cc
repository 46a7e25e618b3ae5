#include "base/net/machine_names.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>

#include "base/net/endpoint.h"

namespace dragonfly {
namespace {

constexpr size_t kNamesMax = 100;

void add(std::vector<std::string>& all, std::string text) {
  if (!text.empty() && all.size() < kNamesMax && std::find(all.begin(), all.end(), text) == all.end())
    all.push_back(std::move(text));
}

void add_host_names(std::vector<std::string>& names) {
  char host[256] = "";
  if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') return;
  add(names, host);
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host, nullptr, &hints, &found) != 0) return;
  if (found->ai_canonname != nullptr) add(names, found->ai_canonname);
  freeaddrinfo(found);
}

bool is_link_local(const sockaddr& address) {
  if (address.sa_family == AF_INET6)
    return IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 16 == 0xa9fe;  // 169.254.0.0/16
}

void add_addresses(std::vector<std::string>& addresses) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    const sockaddr* const address = one->ifa_addr;
    if (address == nullptr || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) continue;
    if ((one->ifa_flags & IFF_UP) == 0 || is_link_local(*address)) continue;
    const socklen_t length = address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    add(addresses, Endpoint(address, length).host());
  }
  freeifaddrs(all);
}

}  // namespace

MachineNames this_machine() {
  MachineNames out;
  out.names = {"localhost"};
  out.addresses = {"127.0.0.1", "::1"};
  add_host_names(out.names);
  add_addresses(out.addresses);
  return out;
}

}  // namespace dragonfly
