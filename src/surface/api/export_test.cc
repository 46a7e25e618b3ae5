#include <gmock/gmock.h>

#include "surface/api/export_lines.h"
#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ExportTest : public ApiFixture {};

TEST_F(ExportTest, LinesHaveWhatTheRowHas) {
  const VmIdentity id{"n s", "m,1", "v=1"};
  Dictionary labels;
  labels.labels = {{"cspType", "aws"}, {"nsId", "n s"}};
  ColumnSet rows = ColumnSet::for_types(
      std::vector<ValueType>{ValueType::kFloat64, ValueType::kInt64, ValueType::kUint64, ValueType::kBool});
  rows.times_ns = {1, 1767225600000000000};
  rows.boots = {0, 0xab};
  rows.columns[0] = {ValueType::kFloat64, {Value::of(0.1).bits, Value::of(5.0).bits}, {1, 1}};
  rows.columns[1] = {ValueType::kInt64, {Value::of(int64_t{-3}).bits, 0}, {1, 0}};
  rows.columns[2] = {ValueType::kUint64, {~uint64_t{0}, 7}, {1, 1}};
  rows.columns[3] = {ValueType::kBool, {1, 0}, {1, 1}};
  const ExportSeries series{id, labels, "my group", true, "disk=a\\,b,path=/x y", {"f", "i", "u u", "b"}};
  std::string lines;
  append_export(lines, ExportFormat::kLines, series, rows);
  const std::string head = R"(my\ group,nsId=n\ s,mcisId=m\,1,vmId=v\=1,cspType=aws,disk=a\,b,path=/x\ y)";
  EXPECT_EQ(lines, head + R"( f=0.1,i=-3i,u\ u=18446744073709551615u,b=true 1)" + "\n" + head +
                       ",dragonfly.boot=00000000000000ab f=5.0,u\\ u=7u,b=false 1767225600000000000\n");
  std::string json;
  append_export(json, ExportFormat::kNdjson, series, rows);
  EXPECT_THAT(json,
              HasSubstr(R"("group":"my group","device":"disk=a\\,b,path=/x y","time":"1970-01-01T00:00:00.000000001Z",)"
                        R"("values":{"f":0.1,"i":-3,"u u":"18446744073709551615u","b":true}})"));
}

TEST_F(ExportTest, WhatHasNoTextIsLeftOut) {
  ColumnSet rows = ColumnSet::for_types(std::vector<ValueType>{ValueType::kFloat64});
  rows.times_ns = {1};
  rows.boots = {1};
  rows.columns[0] = {ValueType::kFloat64, {Value::of(std::numeric_limits<double>::quiet_NaN()).bits}, {1}};
  const VmIdentity id{"ns", "m", "v"};
  const Dictionary labels;
  for (const auto format : {ExportFormat::kLines, ExportFormat::kNdjson}) {
    std::string out;
    append_export(out, format, {id, labels, "cpu", false, "", {"cpu_idle"}}, rows);
    EXPECT_EQ(out, "");
  }
}

TEST_F(ExportTest, PagesFollowEachOtherAndEnd) {
  const VmEntry& a = vm("ns", "m", "a");
  row(a, GroupId::kCpu, at("2026-01-01T00:05:00Z"), {{"cpu_idle", 95}});
  row(a, GroupId::kNetwork, at("2025-12-31T23:05:00Z"), {{"bytes_in", 7}});
  row(a, GroupId::kNetwork, at("2025-12-31T23:05:00Z"), {{"bytes_in", 3}}, 1, "eth0");
  vm("other", "m", "b");
  const std::string all = body("/api/v1/export");
  EXPECT_THAT(
      all,
      HasSubstr("cpu,nsId=ns,mcisId=m,vmId=a,dragonfly.boot=0000000000000001 cpu_idle=95.0 1767225900000000000\n"));
  EXPECT_THAT(all, HasSubstr(",device=eth0,dragonfly.boot=0000000000000001 bytes_in=3"));
  EXPECT_THAT(all, HasSubstr("\n# end \n"));
  EXPECT_LT(all.find("network"), all.find("cpu,"));  // By hours.
  EXPECT_THAT(body("/api/v1/export?ns=other"), Not(HasSubstr("cpu,")));
  EXPECT_THAT(body("/api/v1/export?start=2026-01-01T00:00:00Z"), Not(HasSubstr("network")));
  EXPECT_THAT(body("/api/v1/export?format=ndjson"), HasSubstr("{\"end\":\"\"}\n"));
  // A cursor goes on behind it: hour 490896 is the one of 2026-01-01T00.
  EXPECT_THAT(body("/api/v1/export?cursor=490896.1.0"), Not(HasSubstr("network")));
  EXPECT_THAT(body("/api/v1/export?cursor=490896.1.1"), Not(HasSubstr("cpu,")));
  const auto f = [this](const std::string& query, const std::string& want) {
    EXPECT_THAT(refusal("/api/v1/export?" + query), HasSubstr(want));
  };
  f("cursor=x", "400");
  f("cursor=1.2", "cursor");
  f("cursor=1.2.3.4", "cursor");
  f("format=xml", "allowed are lines, ndjson");
  f("begin=1", "begin");
  reader.failure = Error{ErrorCode::kUnavailable, "busy"};
  f("", "503");
}

}  // namespace
}  // namespace dragonfly
