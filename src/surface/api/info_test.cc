#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using InfoTest = ApiFixture;

const std::string kSeed = "/mon/mcis/m1/vm/v1/metric/";
const std::string kNamed = "/dragonfly/ns/n1/mcis/m1/vm/v1/metric/";
const std::string kMinutes = "/info?periodType=m&statisticsCriteria=avg&duration=5m";

TEST_F(InfoTest, ArrayRowsNameEveryValue) {
  const VmEntry& v = vm("n1", "m1", "v1");
  row(v, GroupId::kCpu, at("2026-01-01T00:06:10Z"), {{"cpu_utilization", 10}, {"cpu_num", 4}});
  row(v, GroupId::kCpu, at("2026-01-01T00:06:40Z"), {{"cpu_utilization", 21}});
  // 00:07 and 00:08 have no data: absent, not 0.
  row(v, GroupId::kCpu, at("2026-01-01T00:09:59.500Z"), {{"cpu_utilization", 50.25}});
  const std::string want =
      R"({"name":"cpu","tags":{"hostId":"v1"},"columns":["time","cpu_utilization","cpu_system","cpu_idle","cpu_iowait",)"
      R"("cpu_hintr","cpu_sintr","cpu_user","cpu_nice","cpu_steal","cpu_guest","cpu_guest_nice","cpu_num","uptime",)"
      R"("load_avg_1m","load_avg_5m","load_avg_15m","user_num","proc_run","proc_num"],"values":[)"
      R"(["2026-01-01T00:06:00Z",15.5,null,null,null,null,null,null,null,null,null,null,4,null,null,null,null,null,null,null],)"
      R"(["2026-01-01T00:09:00Z",50.25,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null]]})";
  EXPECT_EQ(body(kSeed + "cpu" + kMinutes), want);
  EXPECT_EQ(body("/dragonfly/mcis/m1/vm/v1/metric/cpu" + kMinutes), want);
}

TEST_F(InfoTest, ObjectRowsUnderThreeSpellings) {
  VmEntry& v = vm("n1", "m1", "v1");
  directory.label(v, {{"hostId", "h-7"}, {"osType", "debian"}, {"cspType", "aws"}});
  row(v, GroupId::kCpufreq, at("2026-01-01T00:09:30Z"), {{"cpu_speed", 2400}});
  const std::string want =
      R"({"name":"cpufreq","tags":{"nsId":"n1","mcisId":"m1","vmId":"v1","hostId":"h-7","osType":"debian",)"
      R"("cspType":"aws"},"values":[{"time":"2026-01-01T00:09:00Z","cpu_speed":2400}]})";
  for (const std::string group : {"mcis", "mci", "infra"}) {
    EXPECT_EQ(body("/dragonfly/ns/n1/" + group + "/m1/vm/v1/metric/cpufreq" + kMinutes), want);
  }
}

TEST_F(InfoTest, CountersAreRatesAlsoOverARestart) {
  const VmEntry& v = vm("n1", "m1", "v1");
  row(v, GroupId::kNetwork, at("2026-01-01T00:07:50Z"), {{"bytes_in", 1000}});
  row(v, GroupId::kNetwork, at("2026-01-01T00:08:00Z"), {{"bytes_in", 2000}});
  row(v, GroupId::kNetwork, at("2026-01-01T00:08:10Z"), {{"bytes_in", 2500}});
  row(v, GroupId::kNetwork, at("2026-01-01T00:09:10Z"), {{"bytes_in", 600}}, 2);
  EXPECT_EQ(body(kNamed + "net" + kMinutes).substr(0, 30), R"({"name":"net","tags":{"nsId":")");
  const std::string got = body(kNamed + "network" + kMinutes);
  EXPECT_EQ(
      got.substr(got.find("\"values\"")),
      R"("values":[{"time":"2026-01-01T00:08:00Z","bytes_in":75},{"time":"2026-01-01T00:09:00Z","bytes_in":10}]})");
}

TEST_F(InfoTest, DisksCarryTheConsolesNamesToo) {
  const VmEntry& v = vm("n1", "m1", "v1");
  row(v, GroupId::kDisk, at("2026-01-01T00:08:50Z"), {{"kb_read", 100}, {"ops_read", 5}});
  row(v, GroupId::kDisk, at("2026-01-01T00:09:00Z"),
      {{"kb_read", 120}, {"ops_read", 15}, {"disk_utilization", 50}, {"disk_total", 2000}, {"read_time", 7}});
  const std::string got = body(kNamed + "disk/rt-info?statisticsCriteria=last");
  EXPECT_EQ(got.substr(0, got.find("\"time\"")), R"({"vmId":"v1","metricName":"disk",)");
  policy.collector_interval = 120s;
  const std::string values = body(kNamed + "disk/rt-info?statisticsCriteria=last");
  EXPECT_EQ(
      values,
      R"({"vmId":"v1","metricName":"disk","time":"2026-01-01T00:09:00Z","value":{"disk_utilization":50,)"
      R"("used_percent":50,"disk_total":2000,"total":2000,"kb_read":2,"read_bytes":2048,"ops_read":1,"reads":1}})");
  EXPECT_EQ(body(kNamed + "diskio/rt-info?statisticsCriteria=last"),
            R"({"vmId":"v1","metricName":"diskio","time":"2026-01-01T00:09:00Z","value":{"kb_read":2,)"
            R"("read_bytes":2048,"ops_read":1,"reads":1}})");
}

TEST_F(InfoTest, RealTimeIsTheLastCollectorInterval) {
  const VmEntry& v = vm("n1", "m1", "v1");
  row(v, GroupId::kCpu, at("2026-01-01T00:09:49Z"), {{"cpu_utilization", 90}});
  row(v, GroupId::kCpu, at("2026-01-01T00:09:52Z"), {{"cpu_utilization", 10}});
  row(v, GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_utilization", 20}});
  const auto f = [&](const std::string& statistic) { return body(kSeed + "cpu/rt-info" + statistic); };
  const std::string head =
      R"({"vmId":"v1","metricName":"cpu","time":"2026-01-01T00:09:58Z","value":{"cpu_utilization":)";
  EXPECT_EQ(f("?statisticsCriteria=avg"), head + "15}}");
  EXPECT_EQ(f("?statisticsCriteria=min"), head + "10}}");
  EXPECT_EQ(f("?statisticsCriteria=max"), head + "20}}");
  EXPECT_EQ(f("?statisticsCriteria=last"), head + "20}}");
  EXPECT_EQ(f(""), head + "15}}");  // aggregate_type of the policy.
  clock.advance(60s);
  EXPECT_EQ(f(""), R"({"vmId":"v1","metricName":"cpu","time":"2026-01-01T00:11:00Z","value":{}})");
}

TEST_F(InfoTest, TheWindowIsInTheVmsOwnClock) {
  VmEntry& v = vm("n1", "m1", "v1");
  v.clock_offset_ns = -Duration(1h).count();
  row(v, GroupId::kCpu, at("2025-12-31T23:09:59Z"), {{"cpu_utilization", 10}});
  EXPECT_EQ(body(kSeed + "cpu/rt-info"),
            R"({"vmId":"v1","metricName":"cpu","time":"2025-12-31T23:09:59Z","value":{"cpu_utilization":10}})");
}

TEST_F(InfoTest, AllIsEveryGroup) {
  const VmEntry& v = vm("n1", "m1", "v1");
  row(v, GroupId::kCpu, at("2026-01-01T00:09:10Z"), {{"cpu_utilization", 1}});
  row(v, GroupId::kMemory, at("2026-01-01T00:08:10Z"), {{"mem_total", 4}});
  row(v, GroupId::kMemory, at("2026-01-01T00:09:10Z"), {{"mem_total", 2}, {"swap_used", 3}});
  const auto values = [&](const std::string& metric) {
    const std::string got = body(kNamed + metric + kMinutes);
    return got.substr(got.find("\"values\""));
  };
  EXPECT_EQ(values("all"), R"("values":[{"time":"2026-01-01T00:08:00Z","mem_total":4},)"
                           R"({"time":"2026-01-01T00:09:00Z","cpu_utilization":1,"mem_total":2,"swap_used":3}]})");
  EXPECT_EQ(values("swap"), R"("values":[{"time":"2026-01-01T00:09:00Z","swap_used":3}]})");
  EXPECT_EQ(
      values("mem"),
      R"("values":[{"time":"2026-01-01T00:08:00Z","mem_total":4},{"time":"2026-01-01T00:09:00Z","mem_total":2,"swap_used":3}]})");
}

TEST_F(InfoTest, NoDataIsNotAnError) {
  vm("n1", "m1", "v1");
  const std::string got = body(kNamed + "cpu" + kMinutes);
  EXPECT_EQ(got.substr(got.find("\"values\"")), R"("values":[]})");
}

TEST_F(InfoTest, WhatIsWrongIsNamed) {
  vm("n1", "m1", "v1");
  const auto f = [&](const std::string& target) { return refusal(target); };
  EXPECT_EQ(
      f(kSeed + "cpu/info?periodType=m"),
      R"(400 {"message":"parameter 'duration' is missing; allowed is a number and m, h or d, such as 5m, up to 3650d"})");
  EXPECT_EQ(f(kSeed + "cpu/info?duration=5m"),
            R"(400 {"message":"parameter 'periodType' is missing; allowed are m, h, d"})");
  EXPECT_EQ(f(kSeed + "cpu/info?periodType=s&duration=5m"),
            R"(400 {"message":"parameter 'periodType' is 's'; allowed are m, h, d"})");
  EXPECT_EQ(f(kSeed + "cpu/info?periodType=m&duration=5m&statisticsCriteria=sum"),
            R"(400 {"message":"parameter 'statisticsCriteria' is 'sum'; allowed are min, max, avg, last"})");
  for (const std::string duration : {"5", "5s", "500ms", "-5m", "0m", "m", "5x", "5000d", "1e400d", "%20"}) {
    EXPECT_EQ(f(kSeed + "cpu/info?periodType=m&duration=" + duration).substr(0, 36),
              R"(400 {"message":"parameter 'duration')")
        << duration;
  }
  EXPECT_EQ(
      f(kSeed + "gpu/info?periodType=m&duration=5m"),
      R"(400 {"message":"metric 'gpu' is not known; allowed are cpu, cpufreq, memory (mem), disk, diskio, network (net), swap, all"})");
  EXPECT_EQ(f("/mon/mcis/m1/vm/v9/metric/cpu/rt-info"),
            R"(404 {"message":"vm 'v9' in mcis 'm1' is not known in any namespace"})");
  EXPECT_EQ(f("/dragonfly/ns/n2/mcis/m1/vm/v1/metric/cpu/rt-info"),
            R"(404 {"message":"vm 'v1' in mcis 'm1' of namespace 'n2' is not known"})");
  EXPECT_EQ(f("/mon/mcis/m1/vm/%0a/metric/cpu/rt-info").substr(0, 3), "400");
  EXPECT_EQ(f("/mon/mcis/m1/vm/" + std::string(257, 'a') + "/metric/cpu/rt-info").substr(0, 3), "400");
}

TEST_F(InfoTest, TwoNamespacesNeverMix) {
  row(vm("n1", "m1", "v1"), GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_utilization", 1}});
  row(vm("n2", "m1", "v1"), GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_utilization", 2}});
  EXPECT_EQ(
      refusal(kSeed + "cpu/rt-info"),
      R"(409 {"message":"vm 'v1' in mcis 'm1' is in several namespaces: n1, n2; ask /dragonfly/ns/{ns}/mcis/…"})");
  EXPECT_TRUE(body(kNamed + "cpu/rt-info").ends_with(R"({"cpu_utilization":1}})"));
  EXPECT_TRUE(body("/dragonfly/ns/n2/mcis/m1/vm/v1/metric/cpu/rt-info").ends_with(R"({"cpu_utilization":2}})"));
}

TEST_F(InfoTest, TheStoresTroubleIsTold) {
  vm("n1", "m1", "v1");
  reader.failure = Error{ErrorCode::kUnavailable, "the store is starting"};
  EXPECT_EQ(refusal(kSeed + "cpu/rt-info"), R"(503 {"message":"the store is starting"})");
}

}  // namespace
}  // namespace dragonfly
