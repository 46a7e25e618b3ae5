#include "base/net/network.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Network, ContainsItsAddresses) {
  const auto f = [](std::string_view network, std::string_view address, bool want) {
    const auto parsed = Network::parse(network);
    ASSERT_TRUE(parsed) << network;
    EXPECT_EQ(parsed->contains(address), want) << network << " " << address;
  };
  f("10.0.0.0/8", "10.255.0.1", true);
  f("10.0.0.0/8", "11.0.0.1", false);
  f("10.0.0.0/8", "::ffff:10.1.2.3", true);
  f("10.0.0.0/8", "::10.1.2.3", false);
  f("192.0.2.128/25", "192.0.2.127", false);
  f("192.0.2.128/25", "192.0.2.200", true);
  f("192.0.2.7", "192.0.2.7", true);
  f("192.0.2.7", "192.0.2.6", false);
  f("0.0.0.0/0", "203.0.113.9", true);
  f("0.0.0.0/0", "2001:db8::1", false);
  f("fd00::/8", "fdab::1", true);
  f("fd00::/8", "fe80::1", false);
  f("::/0", "192.0.2.1", true);
  f("10.0.0.0/8", "", false);
  f("10.0.0.0/8", "10.0.0.1:80", false);
}

TEST(Network, WhatIsNoneIsSaid) {
  for (const std::string_view text :
       {"", "/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "fd00::/129", "host", "10.0.0.0/8x"}) {
    const auto parsed = Network::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("10.0.0.0/8"), std::string::npos);
  }
}

}  // namespace
}  // namespace dragonfly
