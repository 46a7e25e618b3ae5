#include "edge/probe/linux/network.h"

#include "edge/probe/linux/text.h"

namespace dragonfly::linux_probe {
namespace {

// Bridges, tunnels, the host's ends of containers' and guests' links, and what only reflects other interfaces.
constexpr std::string_view kNeverPrefixes[] = {
    "docker", "br-",    "virbr",   "lxcbr",  "lxdbr", "podman", "cni",   "cali", "cilium", "lxc",    "flannel",
    "kube-",  "ovs-",   "tun",     "tap",    "vnet",  "wg",     "vxlan", "gre",  "ipip",   "sit",    "ip6tnl",
    "ip6gre", "ip_vti", "ip6_vti", "erspan", "ifb",   "dummy",  "nlmon", "teql", "vti",    "ip6_gre"};

// Kinds (DEVTYPE of uevent) that lie on another interface of the same machine.
constexpr std::string_view kNeverTypes[] = {"vlan", "vxlan", "geneve", "wireguard", "vrf", "macsec", "bareudp"};

constexpr std::string_view kLoopbackType = "772";  // ARPHRD_LOOPBACK

bool is_of_never_type(std::string_view uevent) {
  constexpr std::string_view kKey = "DEVTYPE=";
  while (!uevent.empty()) {
    std::string_view line = take_line(uevent);
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    return std::find(std::begin(kNeverTypes), std::end(kNeverTypes), line) != std::end(kNeverTypes);
  }
  return false;
}

// What another interface puts together out of its members, and counts for them.
bool is_aggregate(const Root& root, const std::string& name) {
  const bool is_team = name.starts_with("team") && name.find('.') == std::string::npos;  // sys does not mark it.
  return is_team || root.exists("sys/class/net/" + name + "/bonding");
}

InterfaceRank find_rank(Root& root, const std::string& name) {
  const std::string directory = "sys/class/net/" + name;
  if (!root.exists(directory)) return rank_by_name(name);
  const auto type = root.read_optional(directory + "/type");
  if (name == "lo" || (type && trim(*type) == kLoopbackType)) return kNeverCounts;
  if (root.exists(directory + "/bridge") || root.exists(directory + "/tun_flags")) return kNeverCounts;
  const bool is_device = root.exists(directory + "/device");
  const std::string master = root.link_name(directory + "/master");
  if (!master.empty()) {
    // A device may be the master too: the synthetic interface of a cloud's guest over the accelerated one.
    const bool counts_for_members = is_aggregate(root, master) || root.exists("sys/class/net/" + master + "/device");
    return is_device && !counts_for_members ? kDeviceRank : kNeverCounts;
  }
  if (is_device || is_aggregate(root, name)) return kDeviceRank;
  const auto uevent = root.read_optional(directory + "/uevent");
  if (uevent && is_of_never_type(*uevent)) return kNeverCounts;
  return rank_by_name(name);
}

}  // namespace

std::optional<InterfaceLine> parse_interface_line(std::string_view line) {
  // Old kernels write no blank after the colon; a name may have a colon itself.
  const size_t colon = line.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  InterfaceLine interface;
  interface.name = trim(line.substr(0, colon));
  if (interface.name.empty()) return std::nullopt;
  line.remove_prefix(colon + 1);
  // bytes packets errs drop fifo frame compressed multicast; then bytes packets errs drop of the other direction.
  std::array<uint64_t, 12> columns{};
  for (uint64_t& column : columns) {
    const auto value = take_u64(line);
    if (!value) return std::nullopt;
    column = *value;
  }
  interface.counters = {columns[0], columns[8],  columns[1], columns[9],
                        columns[2], columns[10], columns[3], columns[11]};
  return interface;
}

InterfaceRank rank_by_name(std::string_view name) {
  // A bond's members count where it is not known which they are; a dot makes the name of a VLAN.
  if (name == "lo" || name.starts_with("bond") || name.find('.') != std::string_view::npos) return kNeverCounts;
  const auto starts = [name](std::string_view prefix) { return name.starts_with(prefix); };
  if (std::any_of(std::begin(kNeverPrefixes), std::end(kNeverPrefixes), starts)) return kNeverCounts;
  return name.starts_with("veth") ? kVethRank : kVirtualRank;
}

void NetworkProbe::collect(Root& root, Row& row) {
  table_.begin();
  if (auto text = root.read(dev_)) {
    while (!text->empty()) {
      if (const auto line = parse_interface_line(take_line(*text))) table_.update(line->name, line->counters);
    }
  }
  table_.end();
  rank_ = kVethRank;
  for (auto& device : table_.devices()) {
    if (device.kind < 0) device.kind = find_rank(root, device.name);
    rank_ = std::max(rank_, device.kind);
  }
  std::array<uint64_t, network_field::kCount> sum{};
  bool any = false;
  for (const auto& device : table_.devices()) {
    if (device.kind != rank_) continue;
    any = true;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += device.counters[i];
  }
  if (!any) return;
  for (size_t i = 0; i < sum.size(); ++i) set(row, i, sum[i]);
}

void NetworkProbe::add_device_rows(Timestamp now, ProbeStats& stats, RowList& rows) {
  for (auto& device : table_.devices()) {
    if (device.kind != rank_) continue;
    const uint32_t index = table_.index_of(device);
    if (index == 0) {
      ++stats.devices_over;
      continue;
    }
    Row& row = rows.add(GroupId::kNetwork, now, network_field::kCount);
    row.device = index;
    for (size_t i = 0; i < network_field::kCount; ++i) set(row, i, device.counters[i]);
  }
}

}  // namespace dragonfly::linux_probe
