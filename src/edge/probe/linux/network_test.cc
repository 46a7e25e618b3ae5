#include "edge/probe/linux/network.h"

#include <fmt/format.h>

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

// A machine whose interfaces are added one by one, each with its own power of two as bytes_in.
struct Machine {
  Tree tree;
  ProbeSet probes{tree.options()};
  std::vector<Row> rows;
  std::vector<std::pair<std::string, uint64_t>> interfaces;

  void add(const std::string& name, uint64_t bytes) { interfaces.emplace_back(name, bytes); }
  void in_sys(const std::string& name, const std::string& file, const std::string& text = "x") {
    tree.write("sys/class/net/" + name + "/" + file, text);
  }
  void member_of(const std::string& name, const std::string& master) {
    tree.link("sys/class/net/" + name + "/master", "../" + master);
  }
  void expect(const char* bytes) {
    std::string text = "Inter-| Receive | Transmit\n face |bytes packets|bytes\n";
    for (const auto& [name, n] : interfaces)
      text += fmt::format("{:>6}: {} 1 0 0 0 0 0 0 {} 1 0 0 0 0 0 0\n", name, n, n);
    tree.write("proc/net/dev", text);
    probes.collect(from_unix_ms(0), at_seconds(0), true, rows);
    expect_metric(rows, "bytes_in", bytes);
  }
};

TEST(Network, Lines) {
  const auto f = [](std::string_view text, std::string_view name) {
    const auto line = parse_interface_line(text);
    ASSERT_TRUE(line.has_value()) << text;
    EXPECT_EQ(line->name, name);
    EXPECT_EQ(line->counters, (std::array<uint64_t, 8>{1, 9, 2, 10, 3, 11, 4, 12})) << text;
  };
  f("  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "eth0");
  f("  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "eth0");
  f("eth0:1:1 2 3 4 5 6 7 8 9 10 11 12", "eth0:1");
  for (const char* text : {"", "eth0", "eth0:", ":1 2 3 4 5 6 7 8 9 10 11 12", "eth0: 1 2 3 4 5 6 7 8 9 10 11",
                           "eth0: 1 2 3 4 5 6 7 8 9 10 11 x", "Inter-|   Receive    |  Transmit"})
    EXPECT_FALSE(parse_interface_line(text).has_value()) << text;
}

TEST(Network, RanksByName) {
  const auto f = [](InterfaceRank rank, std::initializer_list<const char*> names) {
    for (const char* name : names) EXPECT_EQ(rank_by_name(name), rank) << name;
  };
  f(kVirtualRank, {"eth0", "ens3", "enp1s0f0", "wlan0", "venet0", "ppp0", "ib0", "em1", "p2p1"});
  f(kVethRank, {"veth0", "vethab12"});
  f(kNeverCounts, {"lo", "docker0", "br-1a2b", "virbr0", "tun0", "tap3", "vnet1", "cali123", "bond0", "eth0.100",
                   "dummy0", "ifb0", "wg0", "flannel.1", "cni0", "sit0", "ovs-system"});
}

TEST(Network, LoopbackByItsTypeUnderAnyName) {
  Machine m;
  m.add("lo", 1);
  m.add("lo1", 2);
  m.in_sys("lo1", "type", "772\n");
  m.add("eth0", 4);
  m.in_sys("eth0", "device/vendor");
  m.expect("4");
}

TEST(Network, ABondCountsForItsMembers) {
  Machine m;
  m.add("eth0", 1);
  m.in_sys("eth0", "device/vendor");
  m.member_of("eth0", "bond0");
  m.add("eth1", 2);
  m.in_sys("eth1", "device/vendor");
  m.add("bond0", 4);
  m.in_sys("bond0", "bonding/mode");
  m.add("bond0.7", 8);
  m.in_sys("bond0.7", "uevent", "DEVTYPE=vlan\n");
  m.expect("6");
}

TEST(Network, ATeamCountsForItsMembers) {
  Machine m;
  m.add("eth0", 1);
  m.in_sys("eth0", "device/vendor");
  m.member_of("eth0", "team0");
  m.add("team0", 2);
  m.in_sys("team0", "type", "1\n");
  m.expect("2");
}

TEST(Network, AnInterfaceThatJoinsABondLaterIsFoundOut) {
  Machine m;
  m.add("eth0", 1);
  m.in_sys("eth0", "device/vendor");
  m.add("bond0", 2);
  m.in_sys("bond0", "bonding/mode");
  m.expect("3");
  m.member_of("eth0", "bond0");
  for (int i = 0; i < 30; ++i) m.probes.collect(from_unix_ms(0), at_seconds(0), false, m.rows);
  m.expect("2");
}

TEST(Network, ABridgesPortCountsAndTheBridgeDoesNot) {
  Machine m;
  m.add("eth0", 1);
  m.in_sys("eth0", "device/vendor");
  m.member_of("eth0", "br0");
  m.add("br0", 2);
  m.in_sys("br0", "bridge/bridge_id");
  m.add("guest7", 4);  // A guest's link in the bridge, with a name that tells nothing.
  m.in_sys("guest7", "type", "1\n");
  m.member_of("guest7", "br0");
  m.expect("1");
}

TEST(Network, AnAcceleratedDeviceIsCountedByItsSyntheticMaster) {
  Machine m;
  m.add("eth0", 1);
  m.in_sys("eth0", "device/vendor");
  m.add("enP1", 2);
  m.in_sys("enP1", "device/vendor");
  m.member_of("enP1", "eth0");
  m.expect("1");
}

TEST(Network, InAContainerItsVethCounts) {
  Machine m;
  m.add("lo", 1);
  m.add("eth0", 2);
  m.in_sys("eth0", "type", "1\n");
  m.expect("2");
  // Docker within the container: the inner bridge and its veths do not.
  m.add("docker0", 4);
  m.in_sys("docker0", "bridge/bridge_id");
  m.add("veth77", 8);
  m.in_sys("veth77", "type", "1\n");
  m.member_of("veth77", "docker0");
  m.add("veth78", 16);  // Not in any bridge.
  m.in_sys("veth78", "type", "1\n");
  m.expect("2");
}

TEST(Network, ABareVethCountsWhereThereIsNothingElse) {
  Machine m;
  m.add("lo", 1);
  m.add("veth0", 2);
  m.expect("2");
  m.add("eth0", 4);
  m.expect("4");
}

TEST(Network, OnAHostVirtualOnesDoNotCountBesideTheDevice) {
  Machine m;
  m.add("ens3", 1);
  m.in_sys("ens3", "device/vendor");
  m.add("cali77", 2);
  m.in_sys("cali77", "type", "1\n");
  m.add("strange0", 4);
  m.in_sys("strange0", "type", "1\n");
  m.add("tun0", 8);
  m.in_sys("tun0", "tun_flags");
  m.expect("1");
}

TEST(Network, InterfacesComeAndGo) {
  Machine m;
  m.expect("-");
  m.add("eth0", 1);
  m.expect("1");
  m.add("eth1", 2);
  m.expect("3");
  ASSERT_EQ(m.rows.size(), 3u);
  EXPECT_EQ(m.probes.devices(), (std::vector<std::string>{"eth0", "eth1"}));
  m.interfaces.erase(m.interfaces.begin());
  m.expect("2");
  ASSERT_EQ(m.rows.size(), 2u);
  EXPECT_EQ(m.rows[1].device, 2u);
  m.interfaces.clear();
  m.add("lo", 1);
  m.expect("-");
  EXPECT_TRUE(m.rows.empty());
}

}  // namespace
}  // namespace dragonfly::linux_probe
