#include "ingest/dialect/normalize.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "ingest/dialect/batch_text.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Timestamp kNow = from_unix_ms(9000);  // Of lines with times of a few ms.
constexpr Timestamp kGoldenNow = from_unix_ms(1'700'000'009'000);

std::string golden(const char* name) {
  std::ifstream in(fmt::format("{}/tests/compat/v1/{}", DF_SOURCE_DIR, name), std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Feeds lines, times in ms, and gives the batch as text.
class Lines {
 public:
  std::string take(std::string_view body, std::string_view db = "") {
    batch.clear();
    take_influx_lines(body, RowDoor::Precision::kMilliseconds, db, kNow, normalizer, batch);
    return text_of(batch);
  }
  Normalizer normalizer;
  DoorBatch batch;
};

std::string rows(std::string_view body) { return Lines().take(body); }

TEST(Normalize, GoldenLines) {
  Normalizer normalizer;
  DoorBatch batch;
  take_influx_lines(golden("influx_lines.txt"), RowDoor::Precision::kNanoseconds, "", kGoldenNow, normalizer, batch);
  EXPECT_EQ(batch.errors(), "");
  EXPECT_EQ(
      text_of(batch),
      "[ns01/m1/vm-1 cspType=aws osType=linux region=us-east-1]\n"
      "cpu - 1700000000000: cpu_utilization=6.5 cpu_system=1.25 cpu_idle=93.5 cpu_user=5.25 cpu_guest_nice=0 "
      "cpu_num=2u "
      "uptime=3600 load_avg_1m=0.5 load_avg_5m=0.25 load_avg_15m=0.125 user_num=1u proc_run=2u proc_num=120u\n"
      "cpu cpu0 1700000000000: cpu_utilization=20 cpu_system=2 cpu_idle=80 cpu_iowait=1.5 cpu_user=10.5\n"
      "memory - 1700000000000: mem_utilization=25 mem_total=4000u mem_used=1000u mem_free=2000u mem_buffers=100u "
      "mem_cached=900u swap_utilization=25 swap_used=250u swap_free=750u swap_in=4096u swap_out=8192u\n"
      "disk - 1700000000000: disk_utilization=16.666666666666668 disk_total=400u disk_used=60u disk_free=300u "
      "kb_read=11u "
      "kb_written=22u ops_read=11u ops_write=22u read_time=8u write_time=9u\n"
      "disk sda1 1700000000000: disk_utilization=33.3 disk_total=100u disk_used=30u disk_free=60u kb_read=9u "
      "kb_written=19u "
      "ops_read=9u ops_write=19u read_time=6u write_time=7u\n"
      "disk sdb1 1700000000000: disk_utilization=11.1 disk_total=300u disk_used=30u disk_free=240u\n"
      "disk tmpfs 1700000000000: disk_utilization=10 disk_total=50u disk_used=5u disk_free=45u\n"
      "disk sda 1700000000000: kb_read=10u kb_written=20u ops_read=10u ops_write=20u read_time=7u write_time=8u\n"
      "disk sdb 1700000000000: kb_read=1u kb_written=2u ops_read=1u ops_write=2u read_time=1u write_time=1u\n"
      "network - 1700000000000: bytes_in=2200u bytes_out=1100u pkts_in=44u pkts_out=33u err_in=0u err_out=1u "
      "drop_in=2u "
      "drop_out=3u\n"
      "network eth0 1700000000000: bytes_in=200u bytes_out=100u pkts_in=4u pkts_out=3u err_in=0u err_out=1u drop_in=2u "
      "drop_out=3u\n"
      "network eth1 1700000000000: bytes_in=2000u bytes_out=1000u pkts_in=40u pkts_out=30u err_in=0u err_out=0u "
      "drop_in=0u "
      "drop_out=0u\n"
      "network lo 1700000000000: bytes_in=7u bytes_out=7u\n"
      "cpufreq - 1700000000000: cpu_speed=2500\n"
      "cpufreq cpu0 1700000000000: cpu_speed=2000\n"
      "cpufreq cpu1 1700000000000: cpu_speed=3000\n"
      "processes host=web-1 1700000000000: sleeping=100i\n"
      "nginx host=web-1,port=80,server=a\\,b 1700000000000: accepts=5i active=1.5 ok=true\n");
  EXPECT_EQ(batch.points, 21u);
  EXPECT_EQ(batch.texts_dropped, 2u);
  EXPECT_EQ(batch.fields_unknown, 4u);  // available, total of swap, inodes_free, io_time.
}

TEST(Normalize, GoldenTelegraf) {
  Normalizer normalizer;
  DoorBatch batch;
  take_telegraf_json(golden("telegraf_json.txt"), kGoldenNow, normalizer, batch);
  EXPECT_EQ(batch.errors(), "");
  EXPECT_EQ(text_of(batch),
            "[ns01/m1/vm-1 hostId=vm-1 osType=linux]\n"
            "cpu - 1700000000000: cpu_utilization=6.5 cpu_system=1.25 cpu_idle=93.5 cpu_user=5\n"
            "memory - 1700000000000: mem_utilization=25 mem_total=4000u mem_used=1000u mem_free=2000u\n"
            "network - 1700000000000: bytes_in=200u bytes_out=100u\n"
            "network eth0 1700000000000: bytes_in=200u bytes_out=100u\n"
            "nginx port=80 1700000000000: active=3 up=true\n");
  EXPECT_EQ(batch.texts_dropped, 1u);
}

TEST(Normalize, WhoTheVmIs) {
  const auto f = [](std::string_view tags, std::string_view expected, std::string_view db = "") {
    const std::string text = Lines().take(fmt::format("cpu,{} usage_idle=50 1", tags), db);
    EXPECT_EQ(text.substr(0, text.find('\n')), expected) << tags;
  };
  f("vmId=v", "[default/default/v]");
  f("nodeId=v", "[default/default/v]");
  f("hostId=v", "[default/default/v hostId=v]");
  f("hostID=v", "[default/default/v hostId=v]");
  f("vmId=v,hostId=h", "[default/default/v hostId=h]");
  f("hostID=h,vmId=v", "[default/default/v hostId=h]");
  f("nsId=n,mcisId=m,vmId=v", "[n/m/v]");
  f("mcisID=m,hostID=v", "[default/m/v hostId=v]");
  f("mciId=m,vmId=v", "[default/m/v]");
  f("infraId=m,vmId=v", "[default/m/v]");
  f("vmId=v", "[db1/default/v]", "db1");
  f("vmId=v,nsId=n", "[n/default/v]", "db1");
  f("vmId=v", "[default/default/v]", "cbmon");
  f("vmId=v,osType=linux,cspType=gcp,region=r,zone=z,colour=red",
    "[default/default/v cspType=gcp osType=linux region=r zone=z]");
}

// The same series text under two default namespaces is two VMs.
TEST(Normalize, NamespacesDoNotMix) {
  Lines lines;
  EXPECT_EQ(lines.take("cpu,vmId=v usage_idle=50 1", "a"), "[a/default/v]\ncpu - 1: cpu_utilization=50 cpu_idle=50\n");
  EXPECT_EQ(lines.take("cpu,vmId=v usage_idle=40 1", "b"), "[b/default/v]\ncpu - 1: cpu_utilization=60 cpu_idle=40\n");
  EXPECT_EQ(
      lines.take("cpu,vmId=v,nsId=a usage_idle=1 1\ncpu,vmId=v,nsId=b usage_idle=2 1"),
      "[a/default/v]\ncpu - 1: cpu_utilization=99 cpu_idle=1\n[b/default/v]\ncpu - 1: cpu_utilization=98 cpu_idle=2\n");
}

TEST(Normalize, WhatIsRefusedAndWhy) {
  const auto f = [](std::string_view line, std::string_view problem) {
    Lines lines;
    lines.take(line);
    EXPECT_EQ(lines.batch.errors(), fmt::format("line 1: {}: {}", problem, line)) << line;
    EXPECT_EQ(lines.batch.points_wrong, 1u);
    EXPECT_EQ(lines.batch.rows(), 0u);
  };
  f("cpu usage_idle=1", "tag vmId is missing");
  f("cpu,mcisId=m usage_idle=1", "tag vmId is missing");
  f("cpu,host=a usage_idle=1", "tag vmId is missing");
  f("any,x=y a=1", "tag vmId is missing");
  f("any,vmId=v a=\"x\"", "all its fields are texts, which are not kept");
  f("cpu,vmId=v a=\"x\"", "all its fields are texts, which are not kept");
  f("cpu,vmId=v foo=1", "'cpu' has none of the fields that the catalogue's cpu group knows");
  f("swap,vmId=v mem_used=1i", "'swap' has none of the fields that the catalogue's memory group knows");
  f("mem,vmId=v used=0.5", "field 'used' = 0.5 does not fit mem_used, which is uint64");
  f("mem,vmId=v used=-1i", "field 'used' = -1 does not fit mem_used, which is uint64");
  f("mem,vmId=v used=true", "field 'used' = 1 does not fit mem_used, which is uint64");
  f("mem,vmId=v used_percent=1,total=1e30", "field 'total' = 1e+30 does not fit mem_total, which is uint64");
  f("diskio,name=sda,vmId=v read_bytes=-5i", "field 'read_bytes' = -5 does not fit kb_read, which is uint64");
  f("cpufreq,vmId=v cur_freq=t", "field 'cur_freq' = 1 does not fit cpu_speed, which is float64");
  Lines lines;
  lines.take("m,vmId=a\tb x=1");
  EXPECT_EQ(lines.batch.errors(),
            "line 1: tag vmId contains the control character 0x09; none are allowed: m,vmId=a?b x=1");
  lines.take("cpu usage_idle=1\ncpu,vmId=v usage_idle=1\nmem used=1i");
  EXPECT_EQ(lines.batch.points_without_vm, 2u);
  EXPECT_EQ(lines.batch.points, 3u);
  EXPECT_EQ(lines.batch.rows(), 1u);
}

TEST(Normalize, TimesThatAreTaken) {
  constexpr Timestamp kLater = kNow + 1000h;
  const auto f = [](Timestamp time, bool taken) {
    Normalizer normalizer(48h);
    DoorBatch batch;
    take_influx_lines(fmt::format("cpu,vmId=v usage_idle=1 {}", unix_ns(time)), RowDoor::Precision::kNanoseconds, "",
                      kLater, normalizer, batch);
    EXPECT_EQ(batch.rows(), taken ? 1u : 0u) << batch.errors();
    EXPECT_EQ(batch.errors().empty(), taken);
  };
  f(kLater - 48h, true);
  f(kLater - 48h - Duration(1), false);
  f(kLater + 10min, true);
  f(kLater + 10min + Duration(1), false);
}

TEST(Normalize, ErrorsEndWithACount) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "cpu usage_idle=1\n";
  Lines lines;
  lines.take(body);
  EXPECT_LE(lines.batch.errors().size(), DoorBatch::kErrorBytesMax);
  EXPECT_THAT(lines.batch.errors(), HasSubstr("line 1: tag vmId is missing: cpu usage_idle=1\nline 2: "));
  EXPECT_THAT(lines.batch.errors(), testing::EndsWith(" more"));
  EXPECT_EQ(lines.batch.points_wrong, 1000u);
}

TEST(Normalize, DerivedOnlyWhereNotSent) {
  EXPECT_THAT(rows("cpu,vmId=v usage_idle=30 1"), HasSubstr("cpu_utilization=70 cpu_idle=30"));
  EXPECT_THAT(rows("cpu,vmId=v usage_idle=30,usage_utilization=12 1"), HasSubstr("cpu_utilization=12 cpu_idle=30"));
  EXPECT_THAT(rows("mem,vmId=v total=200i,used=50i 1"), HasSubstr("mem_utilization=25"));
  EXPECT_THAT(rows("mem,vmId=v total=200i,used=50i,used_percent=1 1"), HasSubstr("mem_utilization=1 "));
  EXPECT_THAT(rows("mem,vmId=v used=50i 1"), Not(HasSubstr("mem_utilization")));
  EXPECT_THAT(rows("swap,vmId=v used=0i,free=0i 1"), HasSubstr("swap_utilization=0 "));
  EXPECT_THAT(rows("disk,vmId=v used=30i,free=10i 1"), HasSubstr("disk_utilization=75"));
  EXPECT_THAT(rows("kernel_vmstat,vmId=v pgpgin=2i,pgpgout=3i,numa_hit=4i 1"),
              HasSubstr("page_in=2048u page_out=3072u\nkernel_vmstat - 1: numa_hit=4i"));
  EXPECT_THAT(rows("cpufreq,vmId=v cur_freq=2400 1"), HasSubstr("cpu_speed=2400"));
  EXPECT_THAT(rows("cpufreq,vmId=v cur_freq=2400000 1"), HasSubstr("cpu_speed=2400"));
  EXPECT_THAT(rows("cpufreq,vmId=v cur_freq=2400000000 1"), HasSubstr("cpu_speed=2400"));
}

TEST(Normalize, CatalogueNamesAreTakenAsWell) {
  EXPECT_EQ(rows("network,vmId=v bytes_in=5i,pkts_out=6i 1"),
            "[default/default/v]\nnetwork - 1: bytes_in=5u pkts_out=6u\n");
  EXPECT_EQ(rows("memory,vmId=v mem_used=5,swap_used=6u 1"),
            "[default/default/v]\nmemory - 1: mem_used=5u swap_used=6u\n");
  EXPECT_EQ(rows("disk,vmId=v kb_read=7i 1"), "[default/default/v]\ndisk - 1: kb_read=7u\n");
}

TEST(Normalize, PointsWithoutTimeGetNow) {
  EXPECT_EQ(rows("cpu,vmId=v usage_idle=50"), "[default/default/v]\ncpu - 9000: cpu_utilization=50 cpu_idle=50\n");
}

TEST(Normalize, RowsOfOneTimeAreOneAndTheLaterFieldWins) {
  EXPECT_EQ(rows("system,vmId=v load1=1,load5=5 10\nsystem,vmId=v load1=2 10\nsystem,vmId=v load1=9 5"),
            "[default/default/v]\ncpu - 5: load_avg_1m=9\ncpu - 10: load_avg_1m=2 load_avg_5m=5\n");
}

// Totals over several batches, as datagrams with one device each bring them.
TEST(Normalize, TotalsWaitForTheDevicesOfTheTickBefore) {
  Lines lines;
  const auto net = [&](std::string_view device, int bytes, int time) {
    std::string text = lines.take(fmt::format("net,vmId=v,interface={} bytes_recv={}i {}", device, bytes, time));
    std::string totals;
    for (size_t at = text.find("network - "); at != std::string::npos; at = text.find("network - ", at + 1)) {
      totals += text.substr(at + 10, text.find('\n', at) - at - 10) + ";";
    }
    return totals;
  };
  EXPECT_EQ(net("eth0", 100, 1), "1: bytes_in=100u;");    // Nobody knows yet that there is another.
  EXPECT_EQ(net("eth1", 1000, 1), "1: bytes_in=1100u;");  // Replaces it.
  EXPECT_EQ(net("lo", 5, 1), "");
  EXPECT_EQ(net("eth0", 110, 2), "");
  EXPECT_EQ(net("eth1", 1010, 2), "2: bytes_in=1120u;");
  EXPECT_EQ(net("eth1", 1020, 3), "");  // eth0's datagram is lost: its last value stands in.
  EXPECT_EQ(net("eth0", 130, 4), "3: bytes_in=1130u;");
  EXPECT_EQ(net("eth1", 1040, 4), "4: bytes_in=1170u;");
  EXPECT_EQ(net("eth0", 140, 5), "");  // eth1 has left: the sum does not fall.
  EXPECT_EQ(net("eth0", 150, 6), "5: bytes_in=1180u;6: bytes_in=1190u;");
  EXPECT_EQ(net("eth2", 7, 6), "6: bytes_in=1197u;");  // A new one.
  EXPECT_EQ(net("eth0", 90, 3), "");                   // Late, and only a part.
}

TEST(Normalize, TotalsOfOneBatchWithManyTicksInAnyOrder) {
  const auto total = [](std::string_view body) {
    Lines lines;
    std::string out;
    std::istringstream text(lines.take(body));
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with("network - ")) out += line.substr(10) + ";";
    }
    return out;
  };
  const std::string expected = "1: bytes_in=11u;2: bytes_in=22u;3: bytes_in=33u;";
  EXPECT_EQ(total("net,vmId=v,interface=a bytes_recv=1i 1\nnet,vmId=v,interface=a bytes_recv=2i 2\n"
                  "net,vmId=v,interface=a bytes_recv=3i 3\nnet,vmId=v,interface=b bytes_recv=10i 1\n"
                  "net,vmId=v,interface=b bytes_recv=20i 2\nnet,vmId=v,interface=b bytes_recv=30i 3\n"),
            expected);
  EXPECT_EQ(total("net,vmId=v,interface=b bytes_recv=30i 3\nnet,vmId=v,interface=a bytes_recv=3i 3\n"
                  "net,vmId=v,interface=b bytes_recv=10i 1\nnet,vmId=v,interface=a bytes_recv=1i 1\n"
                  "net,vmId=v,interface=b bytes_recv=20i 2\nnet,vmId=v,interface=a bytes_recv=2i 2\n"),
            expected);
}

TEST(Normalize, LateBatchWithAllDevicesMakesItsTotal) {
  Lines lines;
  lines.take("net,vmId=v,interface=a bytes_recv=10i 9\nnet,vmId=v,interface=b bytes_recv=20i 9");
  EXPECT_THAT(lines.take("net,vmId=v,interface=a bytes_recv=1i 5\nnet,vmId=v,interface=b bytes_recv=2i 5"),
              HasSubstr("network - 5: bytes_in=3u"));
  EXPECT_THAT(lines.take("net,vmId=v,interface=a bytes_recv=1i 5"), Not(HasSubstr("network - ")));
}

TEST(Normalize, PartitionsCountOnlyWithoutTheirDisk) {
  const auto total = [](std::string_view names) {
    std::string body;
    for (size_t at = 0; at < names.size();) {
      const size_t end = std::min(names.find(' ', at), names.size());
      body += fmt::format("diskio,vmId=v,name={} reads=1i 1\n", names.substr(at, end - at));
      at = end + 1;
    }
    const std::string text = rows(body);
    const size_t at = text.find("disk - 1: ops_read=");
    return at == std::string::npos ? std::string("none") : text.substr(at + 19, text.find('u', at) - at - 19);
  };
  EXPECT_EQ(total("sda sda1 sda2"), "1");
  EXPECT_EQ(total("sda1 sda2 sda"), "1");
  EXPECT_EQ(total("xvda1 xvdb1"), "2");
  EXPECT_EQ(total("nvme0n1 nvme0n1p1 nvme1n1"), "2");
  EXPECT_EQ(total("mmcblk0 mmcblk0p1"), "1");
  EXPECT_EQ(total("loop0 dm-0 md0 sr0 zram0"), "none");
  EXPECT_EQ(total("sda loop0 dm-0"), "1");
}

TEST(Normalize, DictionaryStaysTheSameWhenPartsComeAgain) {
  Lines lines;
  lines.take("net,vmId=v,interface=a bytes_recv=1i 1\nnet,vmId=v,interface=b bytes_recv=1i 1");
  const auto first = lines.batch.vms[0].dictionary;
  EXPECT_EQ(first->devices, (std::vector<std::string>{"a", "b"}));
  lines.take("net,vmId=v,interface=b bytes_recv=2i 2");
  EXPECT_EQ(lines.batch.vms[0].dictionary, first);
  EXPECT_EQ(lines.batch.vms[0].rows.back().device, 2u);
  lines.take("net,vmId=v,osType=linux,interface=b bytes_recv=2i 3");
  EXPECT_EQ(lines.batch.vms[0].dictionary->label("osType"), "linux");
  const auto labelled = lines.batch.vms[0].dictionary;
  lines.take("net,vmId=v,interface=b bytes_recv=2i 4");  // Without the label: it is not forgotten.
  EXPECT_EQ(lines.batch.vms[0].dictionary, labelled);
}

TEST(Normalize, FullDictionariesAreFollowedByNewOnes) {
  Lines lines;
  std::string body;
  for (size_t i = 0; i < 2 * Normalizer::kDevicesRememberedMax + 1; ++i)
    body += fmt::format("m,vmId=v,t={} x=1 1\n", i);
  lines.take(body);
  EXPECT_EQ(lines.batch.errors(), "");
  ASSERT_EQ(lines.batch.vms.size(), 3u);
  EXPECT_EQ(lines.batch.vms[0].custom.size(), Normalizer::kDevicesRememberedMax);
  EXPECT_EQ(lines.batch.vms[2].custom.size(), 1u);
  EXPECT_EQ(lines.batch.vms[2].dictionary->device(1), "t=512");
  body.clear();
  for (int i = 0; i < 200; ++i) body += fmt::format("m,vmId=v,t={:0240} x=1 1\n", i);
  lines.take(body);
  for (const DoorVm& vm : lines.batch.vms) EXPECT_TRUE(Dictionary::decode(vm.dictionary->encode()).has_value());
  EXPECT_EQ(lines.batch.rows(), 200u);
}

TEST(Normalize, VmsOfOneBatchAreLimited) {
  std::string body;
  for (size_t i = 0; i <= Normalizer::kVmsPerBatchMax; ++i) body += fmt::format("cpu,vmId=v{} usage_idle=1 1\n", i);
  Lines lines;
  lines.take(body);
  EXPECT_EQ(lines.batch.vms.size(), Normalizer::kVmsPerBatchMax);
  EXPECT_THAT(lines.batch.errors(),
              testing::StartsWith("line 20001: this batch names more than 20000 VMs; send it in parts"));
  // The memory is begun anew and nothing else changes.
  EXPECT_EQ(lines.take("cpu,vmId=v7 usage_idle=1 2"), "[default/default/v7]\ncpu - 2: cpu_utilization=99 cpu_idle=1\n");
}

TEST(Normalize, FieldsMayChangeFromLineToLine) {
  Lines lines;
  EXPECT_EQ(
      lines.take("m,vmId=v a=1,b=2 1\nm,vmId=v b=3 2\nm,vmId=v a=1,b=\"x\" 3\nm,vmId=v a=1,a=2 4\nm,vmId=v a=5i 5"),
      "[default/default/v]\nm - 1: a=1 b=2\nm - 2: b=3\nm - 3: a=1\nm - 4: a=2\nm - 5: a=5i\n");
  EXPECT_EQ(lines.batch.texts_dropped, 1u);
}

TEST(Normalize, LinesOfOtherNamespacesAreRefusedOneByOne) {
  Normalizer normalizer;
  const auto f = [&](std::string_view body, std::string_view db, std::vector<std::string> namespaces, size_t wrong) {
    DoorBatch batch;
    take_influx_lines(body, RowDoor::Precision::kMilliseconds, db, kNow, normalizer, batch, namespaces);
    EXPECT_EQ(batch.points_wrong, wrong) << body << batch.errors();
  };
  const std::string both = "cpu,nsId=a,vmId=v usage_idle=1\ncpu,nsId=b,vmId=v usage_idle=1\n";
  f(both, "", {}, 0);
  f(both, "", {"a"}, 1);
  f(both, "", {"b", "a"}, 0);
  f("cpu,vmId=v usage_idle=1", "", {"a"}, 1);
  f("cpu,vmId=v usage_idle=1", "a", {"a"}, 0);
  f("cpu,vmId=v usage_idle=1", "", {"default"}, 0);
}

}  // namespace
}  // namespace dragonfly
