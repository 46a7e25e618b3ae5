#include "surface/cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "surface/cli/asking.h"
#include "surface/cli/testing/canned_client.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

constexpr const char* kOneVm = R"({"vms":[{"ns":"n","mcis":"m","vm":"v 1"}]})";
constexpr const char* kSeries =
    R"({"series":[{"labels":{},"columns":["time","cpu_idle"],"values":[["t",10],["t",null],["t",90.5]]}]})";

class CommandsTest : public testing::Test {
 protected:
  CannedClient http_;
  CliSession session_{http_, "http://s"};
};

TEST_F(CommandsTest, ShowsTheNewestValueAndItsCourse) {
  http_.answers = {{"/api/v1/vms", {200, kOneVm}}, {"/api/v1/query", {200, kSeries}}};
  EXPECT_EQ(get_metrics(session_, {.names = {"cpu_idle"}}), kExitDone) << session_.errors;
  EXPECT_THAT(session_.out, HasSubstr("n / m / v 1"));
  EXPECT_THAT(session_.out, HasSubstr("cpu_idle"));
  EXPECT_THAT(session_.out, HasSubstr("90.5"));
  EXPECT_THAT(session_.out, HasSubstr("▁ █"));
  EXPECT_THAT(http_.asked.back(), HasSubstr("vm=v%201&start=-5m&step=10s&statistic=avg"));
}

TEST_F(CommandsTest, AbsentIsNotZero) {
  http_.answers = {{"/api/v1/vms", {200, kOneVm}}, {"/api/v1/query", {200, R"({"series":[]})"}}};
  EXPECT_EQ(get_metrics(session_, {.names = {"cpufreq"}}), kExitDone);
  EXPECT_THAT(session_.out, HasSubstr("–"));
  EXPECT_THAT(session_.out, testing::Not(HasSubstr("0")));
}

TEST_F(CommandsTest, SaysWhatToTry) {
  const auto f = [&](const char* vms, const MetricGetOptions& options, int code, const char* words) {
    http_.answers = {{"/api/v1/vms", {200, vms}}};
    session_.errors.clear();
    EXPECT_EQ(get_metrics(session_, options), code);
    EXPECT_THAT(session_.errors, HasSubstr(words));
  };
  f(R"({"vms":[]})", {}, kExitRefused, "start cb-agent");
  f(R"({"vms":[]})", {.vm = "x"}, kExitRefused, "no VM 'x' is known");
  f(R"({"vms":[{"ns":"a","mcis":"m","vm":"v"},{"ns":"b","mcis":"m","vm":"v"}]})", {}, kExitUsage,
    "--ns b --mcis m --vm v");
  f(kOneVm, {.names = {"gpu"}}, kExitUsage, "'gpu' is neither a group");
}

TEST_F(CommandsTest, TroubleHasItsExitCode) {
  EXPECT_EQ(get_config(session_, ""), kExitUnreachable);
  EXPECT_THAT(session_.errors, HasSubstr("http://s does not answer"));
  http_.answers = {{"/dragonfly/config", {403, R"({"message":"not you"})"}}};
  EXPECT_EQ(get_config(session_, ""), kExitRefused);
  EXPECT_THAT(session_.errors, HasSubstr("403: not you"));
  http_.answers = {{"/dragonfly/config", {200, "<html>"}}};
  EXPECT_EQ(get_config(session_, ""), kExitRefused);
  EXPECT_THAT(session_.errors, HasSubstr("not JSON"));
}

TEST_F(CommandsTest, AnswersThatLackWhatTheyShouldHaveAreAbsent) {
  const auto f = [&](const char* series) {
    http_.answers = {{"/api/v1/vms", {200, kOneVm}}, {"/api/v1/query", {200, series}}};
    session_.out.clear();
    EXPECT_EQ(get_metrics(session_, {.names = {"cpu_idle"}}), kExitDone) << series;
    EXPECT_THAT(session_.out, testing::ContainsRegex("\ncpu_idle +– +percent\n")) << series << session_.out;
  };
  f("{}");
  f("[]");
  f("null");
  f(R"({"series":{}})");
  f(R"({"series":[7]})");
  f(R"({"series":[{"columns":["time","cpu_idle"]}]})");
  f(R"({"series":[{"values":[["t",1]]}]})");
  f(R"({"series":[{"columns":["time","cpu_user"],"values":[["t",1]]}]})");
  f(R"({"series":[{"columns":[1,{}],"values":[["t",1]]}]})");
  f(R"({"series":[{"columns":["time","cpu_idle"],"values":[[],["t"],"t",null]}]})");
  f(R"({"series":[{"columns":["time","cpu_idle"],"values":[["t","10"],["t",null],["t",{}]]}]})");
}

TEST_F(CommandsTest, NamesThatAreNoneAreNoVm) {
  const auto f = [&](const char* vms, int code) {
    http_.answers = {{"/api/v1/vms", {200, vms}}, {"/api/v1/query", {200, "{}"}}};
    EXPECT_EQ(get_metrics(session_, {}), code) << vms;
  };
  f("{}", kExitRefused);
  f("7", kExitRefused);
  f(R"({"vms":"all"})", kExitRefused);
  f(R"({"vms":[1,2]})", kExitUsage);
}

TEST_F(CommandsTest, NoTextOfTheServerSteersTheTerminal) {
  http_.answers = {{"/api/v1/vms", {200, R"({"vms":[{"ns":"n","mcis":"m","vm":"v\u001b[2J"}]})"}},
                   {"/api/v1/query", {200, "{}"}}};
  EXPECT_EQ(get_metrics(session_, {}), kExitDone);
  EXPECT_THAT(session_.out, HasSubstr("n / m / v?[2J"));
  EXPECT_THAT(http_.asked.back(), HasSubstr("vm=v%1B%5B2J")) << "but it is asked for as it is named";
  http_.answers = {{"/dragonfly/config", {500, R"({"message":"\u001b]0;x\u0007"})"}}};
  EXPECT_EQ(get_config(session_, ""), kExitRefused);
  http_.answers = {{"/dragonfly/config", {200, R"({"k":"\u001b[31m","warnings":["\u001b[31m"]})"}}};
  EXPECT_EQ(get_config(session_, ""), kExitDone);
  EXPECT_EQ(get_config(session_, "k"), kExitDone);
  EXPECT_THAT(session_.out + session_.errors, testing::Not(HasSubstr("\x1b")));
}

TEST_F(CommandsTest, TroubleIsToldInAFewWords) {
  const auto f = [&](long status, const std::string& body, const char* words) {
    http_.answers = {{"/dragonfly/config", {status, body}}};
    session_.errors.clear();
    EXPECT_EQ(get_config(session_, ""), kExitRefused);
    EXPECT_THAT(session_.errors, HasSubstr(words));
  };
  f(500, "", "500: without a reason");
  f(502, "<html>bad gateway</html>", "502: without a reason");
  f(404, R"({"message":7})", "404: without a reason");
  f(404, R"(["message"])", "404: without a reason");
  f(200, "", "not JSON");
  f(200, R"({"a":1} trailing)", "not JSON");
  f(200, R"({"a":)", "not JSON");
  f(200, std::string(1000, '['), "not JSON");
  f(200, "[]", "not an object");
}

TEST_F(CommandsTest, NumbersOfTheConfigurationAreExact) {
  http_.answers = {
      {"/dragonfly/config", {200, R"({"big":9007199254740993,"small":0.001,"off":false,"none":null,"negative":-3})"}}};
  const auto f = [&](const char* key, const char* want) {
    session_.out.clear();
    EXPECT_EQ(get_config(session_, key), kExitDone);
    EXPECT_EQ(session_.out, std::string(want) + "\n");
  };
  f("big", "9007199254740993");
  f("small", "0.001");
  f("off", "false");
  f("none", "null");
  f("negative", "-3");
}

TEST_F(CommandsTest, ConfigAsTableKeyAndJson) {
  http_.answers = {{"/dragonfly/config", {200, R"({"agent_interval":2,"retention_raw":"48h","warnings":["w"]})"}}};
  EXPECT_EQ(get_config(session_, ""), kExitDone);
  EXPECT_THAT(session_.out, HasSubstr("retention_raw"));
  EXPECT_EQ(session_.errors, "warning: w\n");
  session_.out.clear();
  EXPECT_EQ(get_config(session_, "agent_interval"), kExitDone);
  EXPECT_EQ(session_.out, "2\n");
  EXPECT_EQ(get_config(session_, "nothing"), kExitUsage);
}

TEST_F(CommandsTest, ListsTheCatalogueInEveryForm) {
  EXPECT_EQ(list_metrics(session_), kExitDone);
  EXPECT_EQ(std::ranges::count(session_.out, '\n'), 53);
  session_.out.clear();
  session_.output = OutputForm::kCsv;
  EXPECT_EQ(list_metrics(session_), kExitDone);
  EXPECT_TRUE(session_.out.starts_with("name,group,unit,kind,meaning")) << session_.out.substr(0, 60);
}

TEST_F(CommandsTest, ChangesThePolicy) {
  http_.answers = {{"/dragonfly/config", {200, R"({"max_host_count":20,"warnings":["agent_TTL is 5s"]})"}}};
  EXPECT_EQ(set_config(session_, {"max_host_count=20", "retention_raw=96h"}), kExitDone) << session_.errors;
  EXPECT_EQ(http_.calls.back().method, "PUT");
  EXPECT_EQ(http_.calls.back().body, R"({"max_host_count":"20","retention_raw":"96h"})");
  EXPECT_THAT(session_.out, HasSubstr("max_host_count"));
  EXPECT_THAT(session_.errors, HasSubstr("warning: agent_TTL is 5s"));
  for (const char* wrong : {"max_host_count", "=20"}) {
    session_.errors.clear();
    EXPECT_EQ(set_config(session_, {wrong}), kExitUsage);
    EXPECT_THAT(session_.errors, HasSubstr("is not KEY=VALUE"));
  }
  EXPECT_EQ(http_.calls.size(), 1u) << "nothing was asked";
  EXPECT_EQ(reset_config(session_), kExitDone);
  EXPECT_EQ(http_.asked.back(), "/dragonfly/config/reset");
}

TEST_F(CommandsTest, ShowsCollectors) {
  const std::string one =
      R"({"id":3,"state":"running","started_by":"schedule","policy":"csp","key":"aws","vms":2,)"
      R"("rows_total":120,"aggregate_time_ms":0.25,"vm_ids":["ns/m/a","ns/m/\u001b[31m"],)"
      R"("window":{"rows":10,"metrics":[{"group":"cpu","metric":"cpu_utilization","vms":2,"avg":12.5,)"
      R"("min":5,"max":20.25,"last":11}]}})";
  http_.answers = {{"/api/v1/collectors", {200, "{\"collectors\":[" + one + "]}"}},
                   {"/api/v1/collectors/3", {200, one}}};
  EXPECT_EQ(list_collectors(session_), kExitDone) << session_.errors;
  EXPECT_THAT(session_.out, HasSubstr("schedule"));
  EXPECT_THAT(session_.out, HasSubstr("0.25"));
  http_.answers = {{"/api/v1/collectors/3", {200, one}}};
  session_.out.clear();
  EXPECT_EQ(get_collector(session_, "3"), kExitDone);
  EXPECT_THAT(session_.out, HasSubstr("  ns/m/a\n"));
  EXPECT_THAT(session_.out, testing::ContainsRegex("cpu.cpu_utilization +12.50 +5.00 +20.25 +11.00 +2\n"));
  EXPECT_THAT(session_.out, testing::Not(HasSubstr("\x1b")));
  EXPECT_EQ(stop_collector(session_, "3"), kExitDone);
  EXPECT_EQ(http_.calls.back().method, "DELETE");
  session_.output = OutputForm::kJson;
  session_.out.clear();
  EXPECT_EQ(get_collector(session_, "3"), kExitDone);
  EXPECT_THAT(session_.out, testing::StartsWith("{\"id\":3"));
  http_.answers = {{"/api/v1/collectors/9", {404, R"({"message":"collector 9 is not there"})"}}};
  EXPECT_EQ(get_collector(session_, "9"), kExitRefused);
  EXPECT_THAT(session_.errors, HasSubstr("collector 9 is not there\n`cbmon collector list` shows"));
}

TEST(JsonText, IsAsTheServerWritesIt) {
  const auto f = [](std::string_view text) {
    return json_text(boost::json::parse({text.data(), text.size()})) == text;
  };
  EXPECT_TRUE(f(R"({"a":32.53,"b":[1,-2,18446744073709551615,0.000001],"c":{},"d":[],"e":null,"f":true,"g":"x\"\\"})"));
  EXPECT_TRUE(f("[]"));
  EXPECT_TRUE(f("0.1"));
  EXPECT_EQ(json_text(boost::json::value(3.253e1)), "32.53");
}

}  // namespace
}  // namespace dragonfly
