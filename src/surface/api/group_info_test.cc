// Answers for whole MCISs.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cmath>
#include <random>

#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

class GroupInfoTest : public ApiFixture {
 protected:
  VmEntry& labelled(const std::string& id, const std::string& csp, const std::string& region,
                    const std::string& ns = "n1") {
    VmEntry& entry = vm(ns, "m1", id);
    directory.label(entry, {{"cspType", csp}, {"region", region}});
    return entry;
  }
};

TEST_F(GroupInfoTest, RealTimeInEverySpelling) {
  row(labelled("v1", "aws", "us"), GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_utilization", 10}});
  row(labelled("v2", "gcp", "eu"), GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_utilization", 30}});
  labelled("v3", "gcp", "asia");
  const std::string spread10 = R"({"cpu_utilization":{"vms":1,"sum":10,"avg":10,"min":10,"max":10,"p95":10}})";
  const std::string spread30 = R"({"cpu_utilization":{"vms":1,"sum":30,"avg":30,"min":30,"max":30,"p95":30}})";
  const std::string want =
      R"({"nsId":"n1","mcisId":"m1","metricName":"cpu","time":"2026-01-01T00:10:00Z","statistic":"avg","vms":3,"breakdown":[)"
      R"({"by":"mcis","vms":3,"value":{"cpu_utilization":{"vms":2,"sum":40,"avg":20,"min":10,"max":30,"p95":30}}},)"
      R"({"by":"csp","csp":"aws","vms":1,"value":)" +
      spread10 + R"(},{"by":"csp","csp":"gcp","vms":2,"value":)" + spread30 +
      R"(},{"by":"region","csp":"aws","region":"us","vms":1,"value":)" + spread10 +
      R"(},{"by":"region","csp":"gcp","region":"asia","vms":1,"value":{}},)" +
      R"({"by":"region","csp":"gcp","region":"eu","vms":1,"value":)" + spread30 +
      R"(}],"top":{"cpu_utilization":[{"vmId":"v2","value":30}]}})";
  for (const std::string path : {"/mon/mcis/m1", "/dragonfly/mcis/m1", "/dragonfly/ns/n1/mcis/m1",
                                 "/dragonfly/ns/n1/mci/m1", "/dragonfly/ns/n1/infra/m1"})
    EXPECT_EQ(body(path + "/rt-info?metric=cpu&statisticsCriteria=avg&top=1"), want) << path;
  EXPECT_THAT(body("/mon/mcis/m1/rt-info"), HasSubstr(R"("metricName":"all")"));
}

TEST_F(GroupInfoTest, WhatIsWrongIsNamed) {
  labelled("v1", "aws", "us");
  const auto f = [&](const std::string& target, std::string_view want) {
    EXPECT_THAT(refusal(target), HasSubstr(want)) << target;
  };
  f("/mon/mcis/m2/rt-info", R"(404 {"message":"mcis 'm2' is not known in any namespace"})");
  f("/dragonfly/ns/n2/mci/m1/rt-info", R"(404 {"message":"mcis 'm1' of namespace 'n2' is not known"})");
  f("/mon/mcis/m1/rt-info?metric=gpu", "400 {\"message\":\"metric 'gpu' is not known");
  f("/mon/mcis/m1/rt-info?top=0", "parameter 'top'");
  f("/mon/mcis/m1/rt-info?duration=5m", "400");
  f("/mon/mcis/m1/info?duration=5m", "parameter 'periodType' is missing");
  f("/mon/mcis/m1/info?periodType=m", "parameter 'duration' is missing");
  f("/mon/mcis/m1/info?periodType=m&duration=5m&statisticsCriteria=p95", "allowed are min, max, avg, last");
  labelled("v1", "aws", "us", "n2");
  f("/mon/mcis/m1/rt-info", "409 {\"message\":\"mcis 'm1' is in several namespaces: n1, n2;");
  EXPECT_EQ(status("/dragonfly/ns/n2/mcis/m1/rt-info"), 200);
  reader.failure = Error{ErrorCode::kUnavailable, "the store is starting"};
  f("/dragonfly/ns/n1/mcis/m1/rt-info", "503");
  f("/dragonfly/ns/n1/mcis/m1/info?periodType=m&duration=5m", "503");
}

// What one bucket of one VM says, computed without a word of the code under test.
struct Naive {
  std::vector<double> gauges;
  double increase = 0, seconds = 0;
};
using ByMinute = std::map<int64_t, std::map<std::string, double>>;  // Minute → VM → value.

void expect_spread(const json::value& got, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  const auto count = static_cast<double>(values.size());
  const auto near = [&](const char* name, double want) {
    EXPECT_NEAR(got.at(name).to_number<double>(), want, 1e-9 * std::max(1.0, std::abs(want))) << name;
  };
  EXPECT_EQ(got.at("vms").as_int64(), static_cast<int64_t>(values.size()));
  near("sum", sum);
  near("avg", sum / count);
  near("min", values.front());
  near("max", values.back());
  near("p95", values[static_cast<size_t>(std::ceil(0.95 * count)) - 1]);
}

TEST_F(GroupInfoTest, EqualToBruteForce) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 generator(seed);
  const auto pick = [&](int64_t below) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(below)); };
  ByMinute gauge, counter;
  std::map<std::string, std::string> csp_of;
  const Timestamp start = at("2026-01-01T00:00:30Z");
  for (int number = 0; number < 40; ++number) {
    const std::string id = fmt::format("v{}", number);
    csp_of[id] = pick(2) == 0 ? "aws" : "gcp";
    const VmEntry& entry = labelled(id, csp_of[id], "r");
    std::map<int64_t, Naive> minutes;
    double total = 1000;
    std::optional<std::pair<Timestamp, double>> before;
    for (Timestamp time = start; time < clock.wall(); time += std::chrono::seconds(1 + pick(40))) {
      if (pick(8) == 0) continue;  // A gap.
      const auto percent = static_cast<double>(pick(1000)) / 10;
      row(entry, GroupId::kCpu, time, {{"cpu_utilization", percent}});
      total += static_cast<double>(pick(5000));
      row(entry, GroupId::kNetwork, time, {{"bytes_in", total}});
      Naive& minute = minutes[unix_ms(time) / 60'000];
      minute.gauges.push_back(percent);
      if (before) {
        minute.increase += total - before->second;
        minute.seconds += std::chrono::duration<double>(time - before->first).count();
      }
      before = {time, total};
    }
    for (const auto& [minute, naive] : minutes) {
      double sum = 0;
      for (const double value : naive.gauges) sum += value;
      gauge[minute][id] = sum / static_cast<double>(naive.gauges.size());
      if (naive.seconds > 0) counter[minute][id] = naive.increase / naive.seconds;
    }
  }
  const auto check = [&](const std::string& group, const char* metric, const ByMinute& want) {
    const json::value got = json::parse(
        body("/dragonfly/ns/n1/mcis/m1/info?periodType=m&duration=30m&top=100&statisticsCriteria=avg&metric=" + group));
    std::map<std::string, std::pair<double, double>> means;
    for (const auto& part : got.at("breakdown").as_array()) {
      const auto* csp = part.as_object().if_contains("csp");
      std::map<int64_t, std::vector<double>> expected;
      for (const auto& [minute, vms] : want) {
        for (const auto& [vm, value] : vms) {
          if (csp == nullptr || csp_of[vm] == csp->as_string().c_str()) expected[minute].push_back(value);
          if (csp == nullptr) means[vm] = {means[vm].first + value, means[vm].second + 1};
        }
      }
      const auto& rows = part.at("values").as_array();
      ASSERT_EQ(rows.size(), expected.size());
      size_t i = 0;
      for (auto& [minute, values] : expected) {
        EXPECT_EQ(unix_ms(at(rows[i].at("time").as_string().c_str())) / 60'000, minute);
        expect_spread(rows[i++].at(metric), values);
      }
    }
    const auto& top = got.at("top").at(metric).as_array();
    ASSERT_EQ(top.size(), means.size());
    double last = std::numeric_limits<double>::infinity();
    for (const auto& one : top) {
      const auto& [sum, count] = means[one.at("vmId").as_string().c_str()];
      EXPECT_NEAR(one.at("value").to_number<double>(), sum / count, 1e-6);
      EXPECT_LE(one.at("value").to_number<double>(), last);
      last = one.at("value").to_number<double>();
    }
  };
  check("cpu", "cpu_utilization", gauge);
  check("network", "bytes_in", counter);
}

}  // namespace
}  // namespace dragonfly
