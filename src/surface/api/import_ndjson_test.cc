#include "surface/api/import_ndjson.h"

#include <gtest/gtest.h>

#include <random>

#include "surface/api/export_lines.h"

namespace dragonfly {
namespace {

TEST(ImportNdjson, ALineForEachRow) {
  const auto f = [](std::string_view text, std::string_view want) {
    const auto got = lines_of_ndjson(text);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, want);
  };
  f("", "");
  f("\n \r\n", "");
  f(R"({"ns":"n s","mcis":"m","vm":"v","cspType":"aws","group":"disk","device":"sda","boot":"00000000000000ab",)"
    R"("time":"2026-01-01T00:00:00.000000007Z","values":{"kb_read":"5u","disk_free":1.0,"x":-3,"up":true}})",
    "disk,nsId=n\\ s,mcisId=m,vmId=v,cspType=aws,device=sda,dragonfly.boot=00000000000000ab "
    "kb_read=5u,disk_free=1.0,x=-3i,up=true 1767225600000000007\n");
  f(R"({"ns":"n","mcis":"m","vm":"v","group":"my group","device":"disk=a\\,b,path=/x y","time":"1970-01-01T00:00:00Z",)"
    R"("values":{"a b":1e-300}})",
    "my\\ group,nsId=n,mcisId=m,vmId=v,disk=a\\,b,path=/x\\ y a\\ b=1e-300 0\n");
}

TEST(ImportNdjson, WhatIsWrongIsNamed) {
  const std::string head = R"({"ns":"n","mcis":"m","vm":"v","group":"cpu","time":"1970-01-01T00:00:00Z")";
  const auto f = [&](const std::string& text, std::string_view want) {
    const auto got = lines_of_ndjson(head + R"(,"values":{"x":1}})" + "\n" + text);
    ASSERT_FALSE(got) << *got;
    EXPECT_EQ(got.error().message, "line 2: " + std::string(want));
  };
  f("7", "it is not an object");
  f("[]", "'' is a list");
  f(R"("text")", "it is not an object");
  f(head + "}", "'values' is missing or empty");
  f(head + R"(,"values":{}})", "'values' is missing or empty");
  f(head + R"(,"values":{"x":null}})", "'x' is null");
  f(head + R"(,"values":{"x":"5"}})", "the value of 'x' is a text, but not of the form \"5u\"");
  f(head + R"(,"values":{"x":{}}})", "'x' is an object");
  f(head + R"(,"device":5,"values":{"x":1}})", "'device' is not a text");
  f(head + R"(,"device":"a\nb","values":{"x":1}})", "a text holds a line break");
  f(R"({"ns":"n"})", "'mcis' is missing");
  f(R"({"ns":"n","mcis":"m","vm":"v","group":"cpu","time":"now","values":{"x":1}})",
    "'time' is 'now'; it takes RFC 3339");
  EXPECT_TRUE(lines_of_ndjson(head + "").error().message.starts_with("line 1: it is not JSON: "));
  EXPECT_TRUE(lines_of_ndjson(head + R"(,"values":{"x":1}} 5)").error().message.starts_with("line 1: it is not JSON"));
}

// Whatever double it is, the lines of both formats are the same.
TEST(ImportNdjson, DoublesAreBitForBit) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  ColumnSet rows = ColumnSet::for_types(std::vector<ValueType>{ValueType::kFloat64, ValueType::kInt64});
  for (int64_t i = 0; i < 2000; ++i) {
    rows.times_ns.push_back(i * 1'000'000'007);
    rows.boots.push_back(random());
    rows.columns[0].bits.push_back(random());
    rows.columns[0].present.push_back(1);
    rows.columns[1].bits.push_back(random());
    rows.columns[1].present.push_back(1);
  }
  const VmIdentity id{"ns", "m", "v"};
  const Dictionary labels;
  const ExportSeries series{id, labels, "mine", true, "a=b", {"d", "i"}};
  std::string lines, ndjson;
  append_export(lines, ExportFormat::kLines, series, rows);
  append_export(ndjson, ExportFormat::kNdjson, series, rows);
  const auto got = lines_of_ndjson(ndjson);
  ASSERT_TRUE(got) << got.error().message;
  // The order of tags differs in nothing: boots come last in both.
  EXPECT_EQ(*got, lines);
}

}  // namespace
}  // namespace dragonfly
