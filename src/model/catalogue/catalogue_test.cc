#include "model/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include <set>

namespace dragonfly {
namespace {

TEST(Catalogue, Holds52MetricsInFiveGroups) {
  EXPECT_EQ(catalogue().size(), 52u);
  const auto f = [](GroupId group, std::string_view name, size_t count, std::string_view first, std::string_view last) {
    EXPECT_EQ(group_name(group), name);
    ASSERT_EQ(metrics_of(group).size(), count);
    EXPECT_EQ(metrics_of(group).front().name, first);
    EXPECT_EQ(metrics_of(group).back().name, last);
  };
  f(GroupId::kCpu, "cpu", 19, "cpu_utilization", "proc_num");
  f(GroupId::kMemory, "memory", 14, "mem_utilization", "page_out");
  f(GroupId::kDisk, "disk", 10, "disk_utilization", "write_time");
  f(GroupId::kNetwork, "network", 8, "bytes_in", "drop_out");
  f(GroupId::kCpufreq, "cpufreq", 1, "cpu_speed", "cpu_speed");
}

TEST(Catalogue, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const Metric& metric : catalogue()) EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
}

TEST(Catalogue, SpellingsAreUniqueWithinAGroup) {
  for (const GroupId group : kCatalogueGroups) {
    std::set<std::string_view> spellings;
    for (const Metric& metric : metrics_of(group)) {
      EXPECT_TRUE(spellings.insert(metric.name).second) << metric.name;
      for (const auto alias : metric.aliases) EXPECT_TRUE(spellings.insert(alias).second) << alias;
    }
  }
}

TEST(Catalogue, FindsByNameAliasAndGroup) {
  EXPECT_EQ(find_metric(GroupId::kCpu, "usage_idle")->name, "cpu_idle");
  EXPECT_EQ(find_metric(GroupId::kMemory, "used_percent")->name, "mem_utilization");
  EXPECT_EQ(find_metric(GroupId::kDisk, "used_percent")->name, "disk_utilization");
  EXPECT_EQ(find_metric(GroupId::kCpu, "used_percent"), nullptr);
  EXPECT_EQ(find_metric("kb_read")->kind, MetricKind::kCounter);
  EXPECT_EQ(find_group("net"), GroupId::kNetwork);
  EXPECT_EQ(find_group("nothing"), std::nullopt);
}

}  // namespace
}  // namespace dragonfly
