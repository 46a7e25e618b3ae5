// /api/v1/{vms,ns,mcis,query,metrics}.
#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using NativeTest = ApiFixture;

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.find(begin);
  if (from == std::string::npos) return "nothing";
  return text.substr(from + begin.size(), text.find(end, from + begin.size()) - from - begin.size());
}

// The names of VMs in an answer, in its order.
std::string names(const std::string& text) {
  std::string out;
  for (size_t at = text.find("\"vm\":\""); at != std::string::npos; at = text.find("\"vm\":\"", at + 1)) {
    out += text.substr(at + 6, text.find('"', at + 6) - at - 6) + " ";
  }
  return out;
}

TEST_F(NativeTest, VmsWithStateAndLatestValues) {
  VmEntry& v = vm("n1", "m1", "v1");
  directory.label(v, {{"cspType", "aws"}, {"region", "eu-1"}, {"osType", "linux"}});
  row(v, GroupId::kCpu, at("2026-01-01T00:09:56Z"), {{"cpu_utilization", 5}, {"cpu_num", 4}});
  row(v, GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_utilization", 7}});
  row(v, GroupId::kNetwork, at("2026-01-01T00:09:46Z"), {{"bytes_in", 100}});
  row(v, GroupId::kNetwork, at("2026-01-01T00:09:56Z"), {{"bytes_in", 300}});
  EXPECT_EQ(
      body("/api/v1/vms"),
      R"({"vms":[{"ns":"n1","mcis":"m1","vm":"v1","csp":"aws","region":"eu-1","os":"linux","state":"alive",)"
      R"("last_seen":"2026-01-01T00:10:00Z","latest":{"cpu_utilization":7,"cpu_num":4,"bytes_in":20}}],"next":null})");
  EXPECT_EQ(body("/api/v1/vms?latest=false").find("latest"), std::string::npos);
}

TEST_F(NativeTest, StatesFollowTheLastArrival) {
  vm("n1", "m1", "v1");
  const auto f = [&](Duration later) {
    clock.advance(later);
    return between(body("/api/v1/vms"), "\"state\":\"", "\"");
  };
  EXPECT_EQ(f(5s), "alive");  // agent_TTL 5 s = 2.5 × 2 s.
  EXPECT_EQ(f(1ms), "late");
  EXPECT_EQ(f(24'999ms), "late");
  EXPECT_EQ(f(1ms), "silent");
  (*directory.intern_vm({"n1", "m1", "old"}))->last_row_ns = unix_ns(at("2025-12-31T00:00:00Z"));
  EXPECT_EQ(between(body("/api/v1/vms?vm=old"), "\"state\":", "\"latest\""),
            R"("silent","last_seen":"2025-12-31T00:00:00Z",)");
  directory.intern_vm({"n1", "m1", "never"}).value();
  EXPECT_EQ(between(body("/api/v1/vms?vm=never"), "\"last_seen\":", ","), "null");
}

TEST_F(NativeTest, FiltersSortAndPages) {
  for (int i = 0; i < 5; ++i) {
    VmEntry& v = vm(i < 3 ? "n1" : "n2", "m1", "v" + std::to_string(i));
    directory.label(v, {{"cspType", i % 2 == 0 ? "aws" : "azure"}, {"team", "red"}});
    if (i != 1) row(v, GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_utilization", 10.0 * i}});
  }
  const auto f = [&](const std::string& query) { return names(body("/api/v1/vms?" + query)); };
  EXPECT_EQ(f(""), "v0 v1 v2 v3 v4 ");
  EXPECT_EQ(f("ns=n2"), "v3 v4 ");
  EXPECT_EQ(f("ns=n1,n2&vm=v1,v4"), "v1 v4 ");
  EXPECT_EQ(f("csp=azure"), "v1 v3 ");
  EXPECT_EQ(f("tag.team=red&vm=v0"), "v0 ");
  EXPECT_EQ(f("tag.team=blue"), "");
  EXPECT_EQ(f("sort=-cpu_utilization"), "v4 v3 v2 v0 v1 ");
  EXPECT_EQ(f("sort=cpu_utilization"), "v0 v2 v3 v4 v1 ");
  EXPECT_EQ(f("state=silent"), "");
  EXPECT_EQ(f("state=alive,late&limit=1"), "v0 ");
  for (const std::string sort : {"", "&sort=-cpu_utilization"}) {
    std::string all, cursor;
    for (int page = 0; page < 3; ++page) {
      const std::string got = body("/api/v1/vms?limit=2&cursor=" + cursor + sort);
      all += names(got);
      cursor = between(got, "\"next\":\"", "\"");
      if (page == 0) vm("n1", "m1", "v00");  // Joins behind the first page's end: neither hides nor repeats one.
    }
    EXPECT_EQ(all, sort.empty() ? "v0 v1 v2 v3 v4 " : "v4 v3 v2 v0 v00 v1 ") << sort;
  }
}

TEST_F(NativeTest, VmsRefusals) {
  const auto f = [&](const std::string& query) { return refusal("/api/v1/vms?" + query).substr(0, 40); };
  EXPECT_EQ(f("limit=0"), R"(400 {"message":"parameter 'limit' is '0')");
  EXPECT_EQ(f("sort=speed"), R"(400 {"message":"parameter 'sort' is 'spe)");
  EXPECT_EQ(f("state=dead"), R"(400 {"message":"parameter 'state' is 'de)");
  EXPECT_EQ(f("cursor=zz"), R"(400 {"message":"parameter 'cursor' is no)");
  EXPECT_EQ(f("cursor=o1"), R"(400 {"message":"parameter 'cursor' is no)");
  EXPECT_EQ(f("latest=maybe"), R"(400 {"message":"parameter 'latest' is 'm)");
  EXPECT_EQ(f("names=a"), R"(400 {"message":"parameter 'names' is not)");
}

TEST_F(NativeTest, GroupsAreCounted) {
  vm("n1", "m1", "v1");
  vm("n1", "m1", "v2");
  vm("n1", "m2", "v1");
  vm("n2", "m1", "v1").last_arrival_ns = 0;
  EXPECT_EQ(body("/api/v1/ns"), R"({"ns":[{"ns":"n1","mcis":2,"vms":3,"alive":3,"late":0,"silent":0},)"
                                R"({"ns":"n2","mcis":1,"vms":1,"alive":0,"late":0,"silent":1}],"next":null})");
  EXPECT_EQ(body("/api/v1/mcis?ns=n1"),
            R"({"mcis":[{"ns":"n1","mcis":"m1","vms":2,"alive":2,"late":0,"silent":0},)"
            R"({"ns":"n1","mcis":"m2","vms":1,"alive":1,"late":0,"silent":0}],"next":null})");
  const std::string first = body("/api/v1/mcis?limit=2");
  EXPECT_EQ(body("/api/v1/mcis?limit=2&cursor=" + between(first, "\"next\":\"", "\"")),
            R"({"mcis":[{"ns":"n2","mcis":"m1","vms":1,"alive":0,"late":0,"silent":1}],"next":null})");
}

TEST_F(NativeTest, QueryOfRawRowsAndBuckets) {
  const VmEntry& v = vm("n1", "m1", "v1");
  row(v, GroupId::kCpu, at("2026-01-01T00:09:10Z"), {{"cpu_utilization", 1}, {"cpu_idle", 99}});
  row(v, GroupId::kCpu, at("2026-01-01T00:09:20Z"), {{"cpu_utilization", 3}});
  const std::string labels = R"({"series":[{"labels":{"ns":"n1","mcis":"m1","vm":"v1"},"columns":)";
  EXPECT_EQ(body("/api/v1/query?metric=cpu_utilization,cpu_idle&start=-5m"),
            labels + R"(["time","cpu_utilization","cpu_idle"],"values":[["2026-01-01T00:09:10Z",1,99],)"
                     R"(["2026-01-01T00:09:20Z",3,null]]}],"tier":"raw"})");
  EXPECT_EQ(body("/api/v1/query?metric=cpu_utilization&step=1m&statistic=max&epoch=ms"),
            labels + R"(["time","cpu_utilization"],"values":[[1767226140000,3]]}],"tier":"raw"})");
  EXPECT_EQ(body("/api/v1/query?metric=cpu_utilization&step=1m&epoch=s"),
            labels + R"(["time","cpu_utilization"],"values":[[1767226140,2]]}],"tier":"raw"})");
  EXPECT_EQ(body("/api/v1/query?group=cpu&metric=usage_idle&ns=n2"), R"({"series":[],"tier":"raw"})");
}

TEST_F(NativeTest, QueryOverVms) {
  row(vm("n1", "m1", "v1"), GroupId::kCpu, at("2026-01-01T00:09:10Z"), {{"cpu_utilization", 10}});
  row(vm("n1", "m1", "v2"), GroupId::kCpu, at("2026-01-01T00:09:10Z"), {{"cpu_utilization", 30}});
  EXPECT_EQ(body("/api/v1/query?metric=cpu_utilization&step=1m&by=mcis"),
            R"({"series":[{"labels":{"ns":"n1","mcis":"m1"},"columns":["time","cpu_utilization"],)"
            R"("values":[["2026-01-01T00:09:00Z",20]]}],"tier":"raw"})");
  const std::string top = body("/api/v1/query?metric=cpu_utilization&step=1m&top=1");
  EXPECT_EQ(names(top), "v2 ");
}

TEST_F(NativeTest, QueryOfSeveralGroupsAndDevices) {
  const VmEntry& v = vm("n1", "m1", "v1");
  row(v, GroupId::kCpu, at("2026-01-01T00:09:10Z"), {{"cpu_utilization", 1}});
  row(v, GroupId::kDisk, at("2026-01-01T00:09:10Z"), {{"disk_total", 2}});
  row(v, GroupId::kDisk, at("2026-01-01T00:09:10Z"), {{"disk_total", 3}}, 1, "sda");
  const std::string both = body("/api/v1/query?metric=cpu_utilization,disk_total");
  EXPECT_NE(both.find(R"(["2026-01-01T00:09:10Z",1])"), std::string::npos);
  EXPECT_NE(both.find(R"(["2026-01-01T00:09:10Z",2])"), std::string::npos);
  EXPECT_EQ(both.find("sda"), std::string::npos);
  const std::string named = body("/api/v1/query?metric=disk_total&device=sda");
  EXPECT_NE(named.find(R"("device":"sda")"), std::string::npos);
  EXPECT_EQ(named.find(R"(["2026-01-01T00:09:10Z",2])"), std::string::npos);
}

TEST_F(NativeTest, QueryOfACustomMeasurement) {
  const VmEntry& v = vm("n1", "m1", "v1");
  const auto measurement =
      directory.intern_measurement("n1", "nginx", {{"requests", ValueType::kInt64}, {"up", ValueType::kBool}}).value();
  ColumnSet rows = ColumnSet::for_types(std::vector<ValueType>{ValueType::kInt64, ValueType::kBool});
  Bytes encoded;
  ByteWriter writer(encoded);
  encode_fields(writer, {Value::of(int64_t{-7}), Value::of(true)});
  ASSERT_TRUE(rows.append_row(at("2026-01-01T00:09:10Z"), 0, encoded));
  reader.series[{v.id, measurement->group, ""}] = rows;
  const std::string got = body("/api/v1/query?group=nginx");
  EXPECT_EQ(between(got, "\"columns\":", "}"), R"(["time","requests","up"],"values":[["2026-01-01T00:09:10Z",-7,1]])");
  EXPECT_EQ(between(body("/api/v1/query?group=nginx&metric=up"), "\"columns\":", ",\"values\""), R"(["time","up"])");
  EXPECT_EQ(status("/api/v1/query?group=nginx&metric=down"), 400);
  EXPECT_EQ(status("/api/v1/query?group=apache"), 400);
}

TEST_F(NativeTest, QueryRefusals) {
  vm("n1", "m1", "v1");
  const auto f = [&](const std::string& query) { return refusal("/api/v1/query?" + query).substr(0, 45); };
  EXPECT_EQ(f(""), R"(400 {"message":"parameter 'metric' or 'group')");
  EXPECT_EQ(f("metric=gpu"), R"(400 {"message":"parameter 'metric': 'gpu' is )");
  EXPECT_EQ(f("group=cpu&metric=mem_total"), R"(400 {"message":"parameter 'metric': 'mem_tota)");
  EXPECT_EQ(f("group=cpu&start=soon"), R"(400 {"message":"parameter 'start' is 'soon'; )");
  EXPECT_EQ(f("group=cpu&start=now&end=now"), R"(400 {"message":"parameter 'start' must be bef)");
  EXPECT_EQ(f("group=cpu&step=1"), R"(400 {"message":"parameter 'step' is '1'; allo)");
  EXPECT_EQ(f("group=cpu&step=0s"), R"(400 {"message":"parameter 'step' is '0s'; all)");
  EXPECT_EQ(f("group=cpu&statistic=mean"), R"(400 {"message":"parameter 'statistic' is 'mea)");
  EXPECT_EQ(f("group=cpu&by=host"), R"(400 {"message":"parameter 'by' is 'host'; all)");
  EXPECT_EQ(f("group=cpu&top=0"), R"(400 {"message":"parameter 'top' is '0'; allow)");
  EXPECT_EQ(f("group=cpu&epoch=ns"), R"(400 {"message":"parameter 'epoch' is 'ns'; al)");
  EXPECT_EQ(f("group=cpu&from=-1h"), R"(400 {"message":"parameter 'from' is not known)");
  EXPECT_EQ(f("group=cpu&statistic=p95&step=1h&start=-60h"), R"(422 {"message":"parameter 'statistic': p95 ne)");
  reader.failure = Error{ErrorCode::kResourceExhausted, "more than 10 rows"};
  EXPECT_EQ(f("group=cpu"), R"(413 {"message":"more than 10 rows"})");
}

TEST_F(NativeTest, TheCatalogueHasAllMetrics) {
  const std::string got = body("/api/v1/metrics");
  size_t count = 0;
  for (size_t at = got.find("\"name\""); at != std::string::npos; at = got.find("\"name\"", at + 1)) ++count;
  EXPECT_EQ(count, 52u);
  EXPECT_NE(got.find(R"({"name":"bytes_in","group":"network","kind":"counter","unit":"bytes","answer_unit":"bytes/s")"),
            std::string::npos);
}

}  // namespace
}  // namespace dragonfly
