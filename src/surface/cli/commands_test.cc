#include "surface/cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace dragonfly {
namespace {

using testing::HasSubstr;

// Answers by the beginning of the path; the real server is asked in tests/e2e.
class Canned final : public HttpClient {
 public:
  Result<HttpAnswer> get(const std::string& url) override {
    asked.push_back(url.substr(std::string("http://s").size()));
    for (const auto& [path, answer] : answers) {
      if (asked.back().starts_with(path)) return answer;
    }
    return fail(ErrorCode::kUnavailable, "connection refused");
  }
  std::map<std::string, HttpAnswer> answers;
  std::vector<std::string> asked;
};

constexpr const char* kOneVm = R"({"vms":[{"ns":"n","mcis":"m","vm":"v 1"}]})";
constexpr const char* kSeries = R"({"series":[{"labels":{},"columns":["time","cpu_idle"],"values":[["t",10],["t",null],["t",90.5]]}]})";

class CommandsTest : public testing::Test {
 protected:
  Canned http_;
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
  f(R"({"vms":[{"ns":"a","mcis":"m","vm":"v"},{"ns":"b","mcis":"m","vm":"v"}]})", {}, kExitUsage, "--ns b --mcis m --vm v");
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

}  // namespace
}  // namespace dragonfly
