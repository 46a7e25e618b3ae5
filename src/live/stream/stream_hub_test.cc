#include "live/stream/stream_hub.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

std::shared_ptr<const RowEvent> event_of(const VmEntry& vm, GroupId group, std::string device) {
  return std::make_shared<RowEvent>(RowEvent{&vm, group, std::move(device), {}, 0, {}});
}

TEST(StreamHub, DeliversWhatTheFilterAsksForUntilTheSubscriptionEnds) {
  StreamHub hub;
  const VmEntry vm(VmId{1}, {"ns", "m", "vm"});
  EXPECT_FALSE(hub.wanted());
  const auto f = [&](RowFilter filter, GroupId group, const char* device) {
    int calls = 0;
    auto subscription = *hub.subscribe(std::move(filter), [&](const auto&) { ++calls; });
    EXPECT_TRUE(hub.wanted());
    hub.publish(event_of(vm, group, device));
    subscription.reset();
    hub.publish(event_of(vm, group, device));
    return calls;
  };
  EXPECT_EQ(f({}, GroupId::kCpu, ""), 1);
  EXPECT_EQ(f({.ns = "ns", .vm = "vm", .group = "cpu"}, GroupId::kCpu, ""), 1);
  EXPECT_EQ(f({.ns = "other"}, GroupId::kCpu, ""), 0);
  EXPECT_EQ(f({.group = "memory"}, GroupId::kCpu, ""), 0);
  EXPECT_EQ(f({}, GroupId::kDisk, "sda"), 0);
  EXPECT_EQ(f({.devices = true}, GroupId::kDisk, "sda"), 1);
  EXPECT_FALSE(hub.wanted());
}

TEST(StreamHub, RefusesBeyondItsLimit) {
  StreamHub hub;
  std::vector<std::unique_ptr<RowFeed::Subscription>> open;
  for (size_t i = 0; i < RowFeed::kSubscriptionsMax; ++i) open.push_back(*hub.subscribe({}, [](const auto&) {}));
  const auto next = hub.subscribe({}, [](const auto&) {});
  ASSERT_FALSE(next.has_value());
  EXPECT_EQ(next.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace dragonfly
