#include "fleet/collector/collector_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace dragonfly {
namespace {

using testing::HasSubstr;

// VMs with labels; the rest of a Directory is not asked here.
class Vms final : public Directory {
 public:
  VmEntry& add(const std::string& csp, const std::string& region = "") {
    VmEntry& vm = vms_.emplace_back(VmId{static_cast<uint32_t>(vms_.size() + 1)},
                                    VmIdentity{"ns", "m", fmt::format("vm-{}", vms_.size() + 1)});
    label(vm, csp, region);
    return vm;
  }
  void label(VmEntry& vm, const std::string& csp, const std::string& region) {
    auto dictionary = std::make_shared<KnownDictionary>();
    dictionary->labels = {{"cspType", csp}, {"region", region}};
    dictionaries_.push_back(dictionary);
    vm.dictionary_id = dictionaries_.size();
  }
  std::vector<VmEntry*> vms() override { return vms_from(0); }
  std::vector<VmEntry*> vms_from(size_t known) override {
    std::vector<VmEntry*> out;
    for (size_t i = known; i < vms_.size(); ++i) out.push_back(&vms_[i]);
    return out;
  }
  std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId id) override {
    return id == 0 || id > dictionaries_.size() ? nullptr : dictionaries_[id - 1];
  }
  Result<VmEntry*> intern_vm(const VmIdentity&) override { return fail(ErrorCode::kUnsupported, "add()"); }
  VmEntry* find_vm(const VmIdentity&) override { return nullptr; }
  VmEntry* find_vm(VmId) override { return nullptr; }
  std::vector<VmEntry*> find_in_any_namespace(std::string_view, std::string_view) override { return {}; }
  Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView) override {
    return fail(ErrorCode::kUnsupported, "label()");
  }
  Result<std::shared_ptr<const Measurement>> intern_measurement(std::string_view, std::string_view,
                                                                const std::vector<MeasurementRecord::Field>&) override {
    return fail(ErrorCode::kUnsupported, "none here");
  }
  std::shared_ptr<const Measurement> find_measurement(std::string_view, std::string_view) override { return nullptr; }
  std::shared_ptr<const Measurement> find_measurement(GroupId) override { return nullptr; }

 private:
  std::deque<VmEntry> vms_;
  std::vector<std::shared_ptr<const KnownDictionary>> dictionaries_;
};

class CollectorManagerTest : public testing::Test {
 protected:
  CollectorManagerTest() {
    for (int i = 0; i < 25; ++i) vms_.add("aws");
  }
  // `seconds` of time; frames of the first `alive` VMs come every second.
  void pass(int seconds, size_t alive) {
    for (int ms = 0; ms < seconds * 1000; ms += 50) {
      const auto vms = vms_.vms();
      if (ms % 1000 == 0) {
        for (size_t i = 0; i < alive; ++i) vms[i]->last_arrival_ns = clock_.monotonic().time_since_epoch().count();
      }
      manager_.step(clock_.monotonic());
      clock_.advance(50ms);
    }
  }
  std::vector<size_t> sizes() const {
    std::vector<size_t> out;
    for (const CollectorView& view : manager_.list()) out.push_back(view.vms.size());
    return out;
  }

  static constexpr Timestamp kStart = from_unix_ns(1'800'000'000'000'000'000);
  ManualClock clock_{kStart};
  Vms vms_;
  Policy policy_;
  std::map<std::string, Policy, std::less<>> namespaces_;
  std::vector<std::pair<size_t, Duration>> aggregated_;
  CollectorManager manager_{{vms_, clock_,
                             [this] {
                               return std::make_shared<PolicySet>(PolicySet{policy_, namespaces_});
                             },
                             [this](std::span<const std::vector<VmId>> sets, Duration window) {
                               std::vector<Aggregated> out;
                               for (const auto& vms : sets) {
                                 aggregated_.emplace_back(vms.size(), window);
                                 out.push_back({WindowSummary{vms.size() * 5, {}}, 1});
                               }
                               clock_.advance(2ms);
                               return out;
                             }}};
};

TEST_F(CollectorManagerTest, FollowsTheVmsWithinTwoScheduleIntervals) {
  pass(1, 25);
  EXPECT_THAT(sizes(), testing::ElementsAre(9, 8, 8));
  pass(20, 25);
  EXPECT_THAT(sizes(), testing::ElementsAre(9, 8, 8));
  pass(20, 5);
  EXPECT_THAT(sizes(), testing::ElementsAre(5)) << "the TTL of 20 is over, and two are drained";
  EXPECT_EQ(manager_.collector_of(VmId{25}), 0u);
  EXPECT_NE(manager_.collector_of(VmId{1}), 0u);
}

TEST_F(CollectorManagerTest, ATagEndsWithTheTtlInForce) {
  pass(2, 1);
  EXPECT_NE(manager_.collector_of(VmId{1}), 0u);
  pass(4, 0);
  EXPECT_NE(manager_.collector_of(VmId{1}), 0u) << "its last frame came 5 s ago";
  pass(2, 0);
  EXPECT_EQ(manager_.collector_of(VmId{1}), 0u);
  vms_.vms()[0]->interval_ms = 10'000;  // 2.5 intervals are more than agent_TTL.
  pass(1, 1);
  pass(20, 0);
  EXPECT_NE(manager_.collector_of(VmId{1}), 0u);
  pass(8, 0);
  EXPECT_EQ(manager_.collector_of(VmId{1}), 0u);
}

TEST_F(CollectorManagerTest, PoliciesDivideAndAChangeIsFollowed) {
  vms_.add("gcp", "us-1");
  vms_.label(*vms_.vms()[0], "aws", "eu-1");
  policy_.max_host_count = 100;
  policy_.monitoring_policy = "csp";
  pass(21, 26);
  std::vector<std::string> keys;
  for (const CollectorView& view : manager_.list()) keys.push_back(view.key);
  EXPECT_THAT(keys, testing::UnorderedElementsAre("aws", "gcp"));
  policy_.monitoring_policy = "region";
  pass(21, 26);
  keys.clear();
  for (const CollectorView& view : manager_.list()) keys.push_back(view.key);
  EXPECT_THAT(keys, testing::UnorderedElementsAre("aws/", "aws/eu-1", "gcp/us-1"));
  policy_.monitoring_policy = "agentCount";
  pass(21, 26);
  EXPECT_THAT(sizes(), testing::ElementsAre(26));
}

TEST_F(CollectorManagerTest, EachAggregatesOnceAnInterval) {
  pass(21, 20);
  aggregated_.clear();
  policy_.collector_interval = 4s;
  pass(4, 20);
  aggregated_.clear();
  pass(12, 20);
  EXPECT_GE(aggregated_.size(), 5u);
  EXPECT_LE(aggregated_.size(), 7u) << "two collectors, three intervals";
  for (const auto& [vms, window] : aggregated_) {
    EXPECT_EQ(vms, 10u);
    EXPECT_EQ(window, 4s);
  }
  for (const CollectorView& view : manager_.list()) {
    EXPECT_EQ(view.aggregate_time, 2ms);
    EXPECT_GT(view.rows_total, 0u);
    EXPECT_EQ(view.rows_total % 50, 0u);
    EXPECT_EQ(view.window.rows, 50u);
    EXPECT_LT(view.since_aggregation, 5s);
  }
}

TEST_F(CollectorManagerTest, IsStartedAndStoppedByPeople) {
  pass(11, 10);
  const auto started = manager_.start_collector();
  ASSERT_TRUE(started.has_value());
  pass(11, 10);
  EXPECT_EQ(manager_.list().size(), 2u) << "on top of what is demanded";
  EXPECT_TRUE(manager_.find_collector(*started)->by_hand);
  ASSERT_TRUE(manager_.stop_collector(1).has_value());
  EXPECT_TRUE(manager_.find_collector(1)->draining);
  pass(11, 10);
  EXPECT_EQ(manager_.find_collector(1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(manager_.list().size(), 2u) << "another took its place";
  ASSERT_TRUE(manager_.stop_collector(*started).has_value());
  pass(11, 10);
  EXPECT_THAT(sizes(), testing::ElementsAre(10));
  EXPECT_THAT(manager_.stop_collector(77).error().message, HasSubstr("77"));
}

TEST_F(CollectorManagerTest, TellsItsNumbers) {
  pass(11, 10);
  MetricsRegistry registry;
  const auto registration = registry.add([this](MetricsText& text) { manager_.write_metrics(text); });
  const std::string text = registry.render();
  EXPECT_THAT(text, HasSubstr("dragonfly_collector_count 1\n"));
  EXPECT_THAT(text, HasSubstr("dragonfly_vms_alive 10\n"));
  EXPECT_THAT(text, HasSubstr("dragonfly_aggregate_time_seconds 0.002\n"));
}

TEST_F(CollectorManagerTest, ItsThreadEndsAtAStop) {
  manager_.start();
  manager_.stop();
  manager_.stop();
  EXPECT_EQ(manager_.list().size(), 1u);
}

TEST_F(CollectorManagerTest, ANamespaceMayHaveATtlOfItsOwn) {
  namespaces_[vms_.vms()[0]->identity.ns] = policy_;
  namespaces_.begin()->second.agent_ttl = 12s;
  pass(2, 1);
  pass(10, 0);
  EXPECT_NE(manager_.collector_of(VmId{1}), 0u) << "the server's 5 s are over";
  pass(3, 0);
  EXPECT_EQ(manager_.collector_of(VmId{1}), 0u);
}

}  // namespace
}  // namespace dragonfly
