// cbmon metric get --group and --on-demand, mcis get, agent get, backup.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "surface/cli/backup_commands.h"
#include "surface/cli/listing_commands.h"
#include "surface/cli/testing/canned_client.h"

namespace dragonfly {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

constexpr const char* kOneMcis =
    R"({"mcis":[{"ns":"n","mcis":"m","vms":3,"alive":3,"late":0,"silent":0}],"next":null})";
constexpr const char* kOneVm =
    R"({"vms":[{"ns":"n","mcis":"m","vm":"v","csp":"aws","region":"r","state":"alive",)"
    R"("last_seen":"2026-01-31T07:10:00Z","latest":{"cpu_utilization":12.34}}],"next":null})";
constexpr const char* kGroup =
    R"({"nsId":"n","mcisId":"m","vms":3,"breakdown":[)"
    R"({"by":"mcis","vms":3,"value":{"cpu_utilization":{"vms":3,"sum":90,"avg":30,"min":10,"max":50,"p95":49}}},)"
    R"({"by":"csp","csp":"aws","vms":2,"value":{"cpu_utilization":{"vms":2,"sum":60,"avg":30,"min":10,"max":50,"p95":48}}},)"
    R"({"by":"region","csp":"aws","region":"r1","vms":1,"value":{"cpu_utilization":{"vms":1,"sum":10,"avg":10,"min":10,"max":10}}}],)"
    R"("top":{"cpu_utilization":[{"vmId":"v-3","value":50},{"vmId":"v-\u001b1","value":30}]}})";

class GroupCommandsTest : public testing::Test {
 protected:
  GroupCommandsTest() {
    http_.answers = {{"/api/v1/mcis", {200, kOneMcis}},
                     {"/api/v1/vms", {200, kOneVm}},
                     {"/dragonfly/ns/n/mcis/m/rt-info", {200, kGroup}}};
  }
  void expect_group(MetricGetOptions options, OutputForm form, const char* pattern) {
    options.group = true;
    options.names = {"cpu_utilization"};
    session_.output = form;
    session_.out.clear();
    ASSERT_EQ(get_metrics(session_, options), kExitDone) << session_.errors;
    EXPECT_THAT(session_.out, ContainsRegex(pattern));
  }
  CannedClient http_;
  CliSession session_{http_, "http://s"};
};

TEST_F(GroupCommandsTest, ShowsAWholeMcis) {
  expect_group({}, OutputForm::kTable, "cpu_utilization +3 +90 % +30 % +10 % +50 % +49 % +v-3 50 %, v-\\?1 30 %\n");
  EXPECT_EQ(http_.asked.back(), "/dragonfly/ns/n/mcis/m/rt-info?metric=cpu&statisticsCriteria=avg&top=3");
  EXPECT_THAT(session_.out, HasSubstr("n / m\n"));
  expect_group({.by = "csp"}, OutputForm::kTable, "cpu_utilization +aws +2 +60 %");
  expect_group({.by = "region"}, OutputForm::kTable, "cpu_utilization +aws +r1 +1 +10 % +10 % +10 % +10 % +–\n");
  expect_group({}, OutputForm::kCsv, "cpu_utilization,3,90,30,10,50,49,percent,");
  expect_group({}, OutputForm::kJson, "^\\{\"groups\":\\[\\{\"nsId\":\"n\"");
}

TEST_F(GroupCommandsTest, SaysWhichGroup) {
  const auto f = [&](const char* groups, MetricGetOptions options, int code, const char* words) {
    options.group = true;
    http_.answers["/api/v1/mcis"] = {200, groups};
    session_.errors.clear();
    EXPECT_EQ(get_metrics(session_, options), code);
    EXPECT_THAT(session_.errors, HasSubstr(words));
  };
  f(R"({"mcis":[]})", {}, kExitRefused, "start cb-agent");
  f(R"({"mcis":[]})", {.mcis = "x"}, kExitRefused, "no MCIS 'x' is known");
  f(R"({"mcis":[{"ns":"a","mcis":"m"},{"ns":"b","mcis":"m"}]})", {}, kExitUsage, "--ns b --mcis m");
  f(kOneMcis, {.vm = "v"}, kExitUsage, "leave --vm out");
}

TEST_F(GroupCommandsTest, AnswersThatLackWhatTheyShouldHaveAreEmpty) {
  for (const char* answer : {"{}", "[]", "7", R"({"breakdown":7})", R"({"breakdown":[7,{}]})",
                             R"({"breakdown":[{"by":"mcis","value":[]}]})", R"({"top":[]})"}) {
    http_.answers["/dragonfly/ns/n/mcis/m/rt-info"] = {200, answer};
    session_.out.clear();
    EXPECT_EQ(get_metrics(session_, {.group = true, .names = {"cpu_idle"}}), kExitDone) << answer;
    EXPECT_EQ(session_.out.find("cpu_idle"), std::string::npos) << session_.out;
  }
}

TEST_F(GroupCommandsTest, CollectsNow) {
  http_.answers["/dragonfly/ns/n/mcis/m/vm/v/agent_ip/"] = {
      200, R"({"name":"disk","time":"2026-01-31T07:10:00Z","values":{"kb_read":2048,"disk_total":1048576}})"};
  EXPECT_EQ(get_metrics(session_, {.on_demand = true, .names = {"disk_total", "kb_read", "disk_used"}}), kExitDone);
  EXPECT_THAT(http_.asked.back(), HasSubstr("/metric/disk/ondemand-monitoring-info"));
  EXPECT_THAT(session_.out, HasSubstr("n / m / v, collected 2026-01-31T07:10:00Z"));
  EXPECT_THAT(session_.out, ContainsRegex("kb_read +2 +MiB\n")) << "a total, not a rate";
  EXPECT_THAT(session_.out, ContainsRegex("disk_used +– +bytes\n"));
  http_.answers["/dragonfly/ns/n/mcis/m/vm/v/agent_ip/"] = {504, R"({"message":"the agent did not answer"})"};
  EXPECT_EQ(get_metrics(session_, {.on_demand = true}), kExitRefused);
  EXPECT_THAT(http_.asked.back(), HasSubstr("/metric/all/"));
  EXPECT_THAT(session_.errors, HasSubstr("Try again"));
}

TEST_F(GroupCommandsTest, ShowsAnMcisWithItsVms) {
  EXPECT_EQ(get_mcis(session_, {"n", "m", ""}), kExitDone) << session_.errors;
  EXPECT_THAT(session_.out, ContainsRegex("v +alive +aws +r +12.3 +– +– +2026-01-31T07:10:00Z\n"));
  session_.output = OutputForm::kJson;
  session_.out.clear();
  EXPECT_EQ(get_mcis(session_, {}), kExitDone);
  EXPECT_THAT(session_.out, testing::StartsWith("{\"vms\":"));
}

TEST_F(GroupCommandsTest, ShowsAnAgent) {
  http_.answers["/dragonfly/agent/metadata"] = {200, R"({"vm_id":"v","agent_health":"healthy"})"};
  EXPECT_EQ(get_agent(session_, {"", "", "v"}), kExitDone) << session_.errors;
  EXPECT_EQ(http_.asked.back(), "/dragonfly/agent/metadata?ns=n&service_id=m&vm_id=v");
  EXPECT_THAT(session_.out, ContainsRegex("agent_health +healthy"));
}

TEST_F(GroupCommandsTest, ChangesAndForgetsAnAgent) {
  http_.answers["/dragonfly/agent/metadata"] = {200, R"({"vm_id":"v","agent_state":"disable","message":"forgotten"})"};
  EXPECT_EQ(set_agent(session_, {"", "", "v"}, {"agent_state=disable", "public_ip="}), kExitDone) << session_.errors;
  EXPECT_EQ(http_.calls.back().method, "PUT");
  EXPECT_EQ(http_.calls.back().body, R"({"agent_state":"disable","public_ip":""})");
  EXPECT_THAT(session_.out, ContainsRegex("agent_state +disable"));
  EXPECT_EQ(forget_agent(session_, {"", "", "v"}), kExitDone);
  EXPECT_EQ(http_.calls.back().method, "DELETE");
  EXPECT_EQ(http_.asked.back(), "/dragonfly/agent/metadata?ns=n&service_id=m&vm_id=v");
  EXPECT_EQ(session_.errors, "forgotten\n");
  EXPECT_EQ(set_agent(session_, {"", "", "v"}, {"disable"}), kExitUsage);
  EXPECT_THAT(session_.errors, HasSubstr("'disable' is not KEY=VALUE, like agent_state=disable"));
}

TEST_F(GroupCommandsTest, WaitsForItsBackup) {
  const auto status = [](const char* name, const char* state) {
    return HttpAnswer{200, fmt::format(R"({{"state":"{}","name":"{}","directory":"/b","bytes_done":1,"bytes_total":9,)"
                                       R"("message":"no room","backups":["old"]}})",
                                       state, name)};
  };
  int pauses = 0;
  const auto pause = [&] {
    http_.answers["/api/v1/backup"] = status("a", ++pauses < 3 ? "running" : "done");
    return true;
  };
  http_.answers["/api/v1/backup"] = status("a", "running");
  EXPECT_EQ(make_backup(session_, "a", pause), kExitDone) << session_.errors;
  EXPECT_EQ(pauses, 3);
  EXPECT_EQ(http_.calls.front().method, "POST");
  EXPECT_EQ(http_.asked.front(), "/api/v1/backup?name=a");
  EXPECT_THAT(session_.errors, HasSubstr("backup 'a' lies in /b of the server: 9 bytes"));
  http_.answers["/api/v1/backup"] = status("a", "failed");
  EXPECT_EQ(make_backup(session_, "", pause), kExitRefused);
  EXPECT_THAT(session_.errors, HasSubstr("no room"));
  http_.answers["/api/v1/backup"] = status("a", "running");
  EXPECT_EQ(make_backup(session_, "", [] { return false; }), kExitDone) << "it goes on without us";
  session_.out.clear();
  EXPECT_EQ(list_backups(session_), kExitDone);
  EXPECT_THAT(session_.out, ContainsRegex("a +running: no room +1\n"));
  EXPECT_THAT(session_.out, ContainsRegex("old +done"));
}

}  // namespace
}  // namespace dragonfly
