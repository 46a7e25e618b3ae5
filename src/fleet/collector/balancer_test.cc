#include "fleet/collector/balancer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace dragonfly {
namespace {

VmId vm(size_t number) { return VmId{static_cast<uint32_t>(number)}; }

void see(Balancer& balancer, size_t first, size_t last, std::string_view key = "") {
  for (size_t i = first; i <= last; ++i) balancer.see(vm(i), key);
}

// "1:10 2:10": id and VMs of each collector; a draining one with "-", a key in front.
std::string show(const Balancer& balancer) {
  std::string out;
  for (const auto& [id, collector] : balancer.collectors()) {
    const std::string key = collector.key.empty() ? "" : collector.key + "/";
    out += fmt::format("{}{}{}{}:{}", out.empty() ? "" : " ", collector.draining ? "-" : "", key, id,
                       collector.vms.size());
  }
  return out;
}

void drain(Balancer& balancer) {
  std::vector<uint32_t> ids;
  for (const auto& [id, collector] : balancer.collectors()) {
    if (collector.draining) ids.push_back(id);
  }
  for (const uint32_t id : ids) EXPECT_TRUE(balancer.finish_drain(id));
}

TEST(Balancer, CollectorsFollowTheNumberOfVms) {
  Balancer balancer;
  balancer.scale();
  EXPECT_EQ(show(balancer), "1:0") << "one stays";
  see(balancer, 1, 25);
  balancer.assign();
  EXPECT_EQ(show(balancer), "1:10") << "no more than there is room for, until it is scaled";
  EXPECT_EQ(balancer.waiting(), 15u);
  balancer.scale();
  EXPECT_EQ(show(balancer), "1:10 2:8 3:7");
  for (size_t i = 1; i <= 18; ++i) balancer.lose(vm(i));
  balancer.scale();
  EXPECT_EQ(balancer.vms(), 7u);
  drain(balancer);
  EXPECT_EQ(balancer.collectors().size(), 1u);
  EXPECT_EQ(balancer.waiting(), 0u);
  for (size_t i = 1; i <= 25; ++i) balancer.lose(vm(i));
  balancer.scale();
  drain(balancer);
  EXPECT_EQ(balancer.collectors().size(), 1u);
}

TEST(Balancer, TheSeedsDemo) {
  Balancer balancer;
  size_t present = 0;
  for (const size_t agents : {10u, 20u, 40u, 80u, 100u, 30u}) {
    for (; present < agents; ++present) balancer.see(vm(present + 1), "");
    for (; present > agents; --present) balancer.lose(vm(present));
    balancer.scale();
    drain(balancer);
    EXPECT_EQ(balancer.collectors().size(), agents / 10) << agents;
    EXPECT_EQ(balancer.waiting(), 0u);
  }
}

TEST(Balancer, NoCollectorHoldsTwoKeys) {
  Balancer balancer;
  see(balancer, 1, 11, "aws");
  see(balancer, 21, 21, "gcp");
  balancer.scale();
  EXPECT_EQ(show(balancer), "aws/1:6 aws/2:5 gcp/3:1");
  // A VM that shows another key moves; the policy may change the keys of all.
  see(balancer, 1, 11, "one");
  see(balancer, 21, 21, "one");
  balancer.scale();
  drain(balancer);
  EXPECT_EQ(balancer.collectors().size(), 2u);
  for (const auto& [id, collector] : balancer.collectors()) EXPECT_EQ(collector.key, "one");
  EXPECT_EQ(balancer.waiting(), 0u);
}

TEST(Balancer, AStartedCollectorIsOnTopAndAStoppedOneIsReplaced) {
  Balancer balancer;
  see(balancer, 1, 10, "k");
  balancer.scale();
  const auto started = balancer.start_by_hand();
  ASSERT_TRUE(started.has_value());
  EXPECT_EQ(show(balancer), "k/1:10 2:0");
  see(balancer, 11, 12, "k");
  balancer.assign();
  EXPECT_EQ(show(balancer), "k/1:10 k/2:2");
  balancer.scale();
  EXPECT_EQ(show(balancer), "k/1:10 k/2:2 k/3:0") << "12 VMs demand two, and one was started";
  ASSERT_TRUE(balancer.stop(1).has_value());
  balancer.scale();
  EXPECT_EQ(show(balancer), "-k/1:10 k/2:2 k/3:0 k/4:0") << "another is started before the first ends";
  drain(balancer);
  EXPECT_EQ(show(balancer), "k/2:4 k/3:4 k/4:4");
  ASSERT_TRUE(balancer.stop(*started).has_value());
  drain(balancer);
  EXPECT_EQ(show(balancer), "k/3:6 k/4:6");
  EXPECT_EQ(balancer.stop(1).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(balancer.finish_drain(3)) << "it does not drain";
}

TEST(Balancer, ASmallerNumberOfHostsRelieves) {
  Balancer balancer;
  see(balancer, 1, 10);
  balancer.scale();
  balancer.set_max_hosts(3);
  balancer.scale();
  EXPECT_EQ(show(balancer), "1:3 2:3 3:2 4:2");
  balancer.set_max_hosts(100);
  balancer.scale();
  drain(balancer);
  EXPECT_EQ(balancer.collectors().size(), 1u);
  EXPECT_EQ(balancer.collectors().begin()->second.vms.size(), 10u);
}

TEST(Balancer, CollectorsStartedByHandAreBounded) {
  Balancer balancer;
  for (size_t i = 0; i < Balancer::kStartedMax; ++i) ASSERT_TRUE(balancer.start_by_hand().has_value());
  EXPECT_EQ(balancer.start_by_hand().error().code, ErrorCode::kResourceExhausted);
}

// Whatever happens: a VM that is seen has one tag or waits, and after scaling and draining nobody waits, no collector is
// too full or holds a VM of another key, and there are as many as the rule says.
TEST(Balancer, HoldsItsRulesOnRandomCourses) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](uint64_t n) { return random() % n; };
    Balancer balancer;
    size_t max_hosts = 10;
    std::map<size_t, std::string> model;
    std::set<uint32_t> by_hand;
    for (int step = 0; step < 400; ++step) {
      const size_t number = 1 + below(120);
      switch (below(12)) {
        default: {
          const std::string key(1, static_cast<char>('a' + below(3)));
          balancer.see(vm(number), key);
          model[number] = key;
          break;
        }
        case 7:
        case 8:
          balancer.lose(vm(number));
          model.erase(number);
          break;
        case 9: balancer.assign(); break;
        case 10: balancer.set_max_hosts(max_hosts = 1 + below(20)); break;
        case 11: {
          const uint32_t any = static_cast<uint32_t>(1 + below(60));
          if (below(3) == 0) {
            by_hand.insert(*balancer.start_by_hand());
          } else if (balancer.stop(any)) {
            by_hand.erase(any);
          }
          break;
        }
      }
      ASSERT_EQ(balancer.vms(), model.size()) << "seed " << seed;
    }
    for (int i = 0; i < 2; ++i) {
      balancer.scale();
      drain(balancer);
    }
    std::map<std::string, size_t> vms_of;
    for (const auto& [number, key] : model) ++vms_of[key];
    size_t needed = 0;
    for (const auto& [key, vms] : vms_of) needed += (vms + max_hosts - 1) / max_hosts;
    EXPECT_EQ(balancer.collectors().size(), std::max<size_t>(needed, 1) + by_hand.size()) << "seed " << seed;
    EXPECT_EQ(balancer.waiting(), 0u) << "seed " << seed;
    for (const auto& [id, collector] : balancer.collectors()) {
      EXPECT_LE(collector.vms.size(), max_hosts) << "seed " << seed;
      for (const VmId held : collector.vms) {
        EXPECT_EQ(model.at(static_cast<size_t>(held)), collector.key) << "seed " << seed;
        EXPECT_EQ(balancer.collector_of(held), &collector);
      }
    }
  }
}

}  // namespace
}  // namespace dragonfly
