#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

class OnDemandTest : public ApiFixture {
 protected:
  void sampled(GroupId group, const std::map<std::string, double>& values, const std::string& device = {}) {
    if (!agents.answer) agents.answer = std::vector<SampledRow>{};
    agents.answer->push_back({group, device, at("2026-01-01T00:10:00.250Z"), fields(group, values)});
  }
};

std::string path(const std::string& metric, const std::string& word = "metric") {
  return "/dragonfly/ns/n1/infra/m1/vm/v1/agent_ip/10.0.0.1/" + word + "/" + metric + "/ondemand-monitoring-info";
}

TEST_F(OnDemandTest, CountersAreTotalsAndOldReadersFindTheirs) {
  directory.label(vm("n1", "m1", "v1"), {{"cspType", "gcp"}, {"osType", "linux"}});
  sampled(GroupId::kNetwork, {{"bytes_in", 9007199254740994}, {"pkts_out", 3}});
  sampled(GroupId::kNetwork, {{"bytes_in", 5}}, "eth0");
  const std::string want =
      R"({"name":"net","tags":{"nsId":"n1","mcisId":"m1","vmId":"v1","osType":"linux","cspType":"gcp"},)"
      R"("time":"2026-01-01T00:10:00.250Z","values":{"bytes_in":9007199254740994,"pkts_out":3},)"
      R"("net":{"fields":{"bytes_recv":9007199254740994,"packets_sent":3}}})";
  EXPECT_EQ(body(path("net")), want);
  EXPECT_EQ(body(path("net", "mcis_metric")), want);
  EXPECT_EQ(agents.asked_groups, std::vector<uint32_t>{4});
  EXPECT_LE(agents.asked_timeout, Duration(30s));
}

TEST_F(OnDemandTest, SpellingsOfEachGroup) {
  vm("n1", "m1", "v1");
  sampled(GroupId::kCpu, {{"cpu_utilization", 2.5}});
  sampled(GroupId::kMemory, {{"mem_utilization", 40}, {"swap_used", 7}});
  sampled(GroupId::kDisk, {{"disk_utilization", 50}, {"kb_read", 2}});
  const auto f = [&](const std::string& metric) {
    const std::string got = body(path(metric));
    return got.substr(got.find("\"values\""));
  };
  EXPECT_EQ(f("cpu"), R"("values":{"cpu_utilization":2.5},"cpu":{"fields":{"usage_utilization":2.5}}})");
  EXPECT_EQ(f("mem"),
            R"("values":{"mem_utilization":40,"swap_used":7},"mem":{"fields":{"used_percent":40,"swap_used":7}}})");
  EXPECT_EQ(f("swap"), R"("values":{"swap_used":7},"mem":{"fields":{"swap_used":7}}})");
  EXPECT_EQ(f("disk"), R"("values":{"disk_utilization":50,"used_percent":50,"kb_read":2,"read_bytes":2048},)"
                       R"("disk":{"fields":{"used_percent":50,"read_bytes":2048}}})");
  EXPECT_EQ(f("diskio"), R"("values":{"kb_read":2,"read_bytes":2048},"disk":{"fields":{"read_bytes":2048}}})");
  const std::string all = f("all");
  for (const char* name : {"cpu_utilization", "mem_utilization", "disk_utilization", "swap_used"}) {
    EXPECT_NE(all.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(agents.asked_groups, (std::vector<uint32_t>{1, 2, 3, 4, 5}));
}

TEST_F(OnDemandTest, Refusals) {
  vm("n1", "m1", "v1");
  agents.answer = fail(ErrorCode::kTimeout, "vm 'v1' is silent for 40 s");
  EXPECT_EQ(refusal(path("cpu")), R"(504 {"message":"vm 'v1' is silent for 40 s"})");
  agents.answer = fail(ErrorCode::kNotFound, "vm 'v1' has no agent of ours");
  EXPECT_EQ(refusal(path("cpu")), R"(504 {"message":"vm 'v1' has no agent of ours"})");
  agents.answer = fail(ErrorCode::kUnavailable, "too many requests are open");
  EXPECT_EQ(refusal(path("cpu")).substr(0, 3), "503");
  EXPECT_EQ(refusal(path("gpu")).substr(0, 3), "400");
  EXPECT_EQ(status("/dragonfly/ns/n2/mcis/m1/vm/v1/agent_ip/10.0.0.1/metric/cpu/ondemand-monitoring-info"), 404);
}

}  // namespace
}  // namespace dragonfly
