#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

class StreamTest : public ApiFixture {
 protected:
  void arrives(const VmEntry& v, GroupId group, std::string_view time, const std::map<std::string, double>& values,
               const std::string& device = {}) {
    RowEvent event{&v, group, device, at(time), 1, is_catalogue_group(group) ? fields(group, values) : Bytes{}};
    feed.listener(std::make_shared<const RowEvent>(std::move(event)));
  }
};

TEST_F(StreamTest, RowsBecomeEvents) {
  const VmEntry& v = vm("n1", "m1", "v1");
  const HttpResponse head = ask("/api/v1/stream?ns=n1&mcis=*&vm=v1&group=net&devices=true");
  EXPECT_EQ(head.content_type, "text/event-stream");
  EXPECT_EQ(feed.filter.ns, "n1");
  EXPECT_EQ(feed.filter.mcis, "");
  EXPECT_EQ(feed.filter.vm, "v1");
  EXPECT_EQ(feed.filter.group, "network");
  EXPECT_TRUE(feed.filter.devices);
  stream->text.clear();
  arrives(v, GroupId::kCpu, "2026-01-01T00:00:00Z", {{"cpu_utilization", 2.5}});
  arrives(v, GroupId::kNetwork, "2026-01-01T00:00:00Z", {{"bytes_in", 100}}, "eth0");
  EXPECT_EQ(stream->text, "");  // Nothing happens on the shard's thread.
  workers.run();
  EXPECT_EQ(stream->text,
            "data: {\"ns\":\"n1\",\"mcis\":\"m1\",\"vm\":\"v1\",\"group\":\"cpu\",\"time\":\"2026-01-01T00:00:00Z\","
            "\"values\":{\"cpu_utilization\":2.5}}\n\n"
            "data: {\"ns\":\"n1\",\"mcis\":\"m1\",\"vm\":\"v1\",\"group\":\"network\",\"device\":\"eth0\","
            "\"time\":\"2026-01-01T00:00:00Z\",\"values\":{}}\n\n");
  stream->text.clear();
  arrives(v, GroupId::kNetwork, "2026-01-01T00:00:02Z", {{"bytes_in", 300}}, "eth0");
  arrives(v, GroupId{kFirstCustomGroup}, "2026-01-01T00:00:02Z", {});
  workers.run();
  EXPECT_EQ(stream->text,
            "data: {\"ns\":\"n1\",\"mcis\":\"m1\",\"vm\":\"v1\",\"group\":\"network\",\"device\":\"eth0\","
            "\"time\":\"2026-01-01T00:00:02Z\",\"values\":{\"bytes_in\":100}}\n\n");
}

TEST_F(StreamTest, TheEndEndsTheSubscription) {
  ask("/api/v1/stream");
  ASSERT_TRUE(feed.listener);
  stream->closed();
  EXPECT_FALSE(feed.listener);
}

TEST_F(StreamTest, WhatIsTooMuchIsCounted) {
  const VmEntry& v = vm("n1", "m1", "v1");
  ask("/api/v1/stream");
  stream->text.clear();
  for (size_t i = 0; i < kStreamEventsMax + 7; ++i) arrives(v, GroupId::kCpu, "2026-01-01T00:00:00Z", {});
  workers.run();
  EXPECT_TRUE(stream->text.starts_with("event: dropped\ndata: {\"rows\":7}\n\n"));
}

TEST_F(StreamTest, Refusals) {
  EXPECT_EQ(refusal("/api/v1/stream?group=gpu"),
            R"(400 {"message":"parameter 'group' is 'gpu'; allowed are cpu, cpufreq, memory, disk, network"})");
  EXPECT_EQ(refusal("/api/v1/stream?vn=v1"),
            R"(400 {"message":"parameter 'vn' is not known; allowed are ns, mcis, vm, group, devices"})");
  feed.full = true;
  EXPECT_EQ(refusal("/api/v1/stream"), R"(503 {"message":"more than 256 streams"})");
}

}  // namespace
}  // namespace dragonfly
