// PUT /dragonfly/config.
#include <gmock/gmock.h>

#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

class ApiPolicyTest : public ApiFixture {
 protected:
  // "200 collector_interval max_host_count", or the status with the message.
  std::string put(const std::string& body, const std::string& type = "application/json",
                  const std::string& path = "/dragonfly/config") {
    NamedValues headers;
    if (!type.empty()) headers.emplace_back("content-type", type);
    const HttpResponse response = ask(path, std::move(headers), "PUT", body);
    answer = response.body;
    if (response.status != 200) return fmt::format("{} {}", response.status, response.body);
    const Policy now = policies->current();
    return fmt::format("200 {} {}", now.collector_interval / 1s, now.max_host_count);
  }
  std::string answer;
};

TEST_F(ApiPolicyTest, AChangeIsJsonOrAForm) {
  EXPECT_EQ(put(R"({"collector_interval": 4})"), "200 4 10");
  EXPECT_THAT(answer, HasSubstr(R"("collector_interval":4,)"));
  EXPECT_EQ(put(R"({"max_host_count": "20", "collector_interval": 2.0})"), "200 2 20");
  EXPECT_EQ(put("collector_interval=6&max_host_count=7", "application/x-www-form-urlencoded"), "200 6 7");
  EXPECT_EQ(put("max_host_count=8", ""), "200 6 8");
  EXPECT_EQ(put(R"({"max_host_count": 9})", "application/x-www-form-urlencoded"), "200 6 9") << "as curl -d sends it";
  EXPECT_EQ(put(R"({"deploy_type": "dev", "max_host_count": 1})"), "200 6 1");
  EXPECT_THAT(answer, HasSubstr("deploy_type has no meaning here"));
  EXPECT_EQ(put("", "", "/dragonfly/config/reset"), "200 10 10");
}

TEST_F(ApiPolicyTest, AWrongChangeSaysWhatIsAllowedAndChangesNothing) {
  const auto f = [&](const std::string& body, std::string_view want, const std::string& type = "application/json") {
    EXPECT_THAT(put(body, type), testing::AllOf(testing::StartsWith("4"), HasSubstr(want))) << body;
    EXPECT_EQ(policies->version(), 0u) << body;
  };
  f("", "the body is empty");
  f("{", "not JSON");
  f("[1]", "not an object");
  f(R"({"max_host_count": null})", "max_host_count is null");
  f(R"({"max_host_count": {"a": 1}})", "max_host_count");
  f(R"({"max_host_count": 5, "collector_interval": -1})", "collector_interval");
  f(R"({"host_count": 5})", "'host_count' is not a key");
  f(R"({"max_host_count": 1.5})", "max_host_count");
  f("max_host_count=%zz", "%", "application/x-www-form-urlencoded");
  f("--x\r\n", "multipart", "multipart/form-data; boundary=x");
  f(std::string(100, '['), "not JSON");
}

TEST_F(ApiPolicyTest, HistoryAndBack) {
  EXPECT_EQ(body("/dragonfly/config/history"), R"({"version":0,"history":[]})");
  put(R"({"max_host_count":5})");
  put("--b\r\nContent-Disposition: form-data; name=\"max_host_count\"\r\n\r\n6\r\n--b--\r\n",
      "multipart/form-data; boundary=b");
  EXPECT_EQ(
      body("/dragonfly/config/history"),
      R"({"version":2,"history":[{"version":2,"time":"2026-01-01T00:10:00Z","who":"-","changed":{"max_host_count":"6"}},)"
      R"({"version":1,"time":"2026-01-01T00:10:00Z","who":"-","changed":{"max_host_count":"5"}}]})");
  EXPECT_EQ(put(R"({"version":1})", "application/json", "/dragonfly/config/rollback"), "200 10 5");
  EXPECT_EQ(put("", "", "/dragonfly/config/rollback?version=2"), "200 10 6");
  EXPECT_EQ(put("version=0", "application/x-www-form-urlencoded", "/dragonfly/config/rollback"), "200 10 10");
  EXPECT_THAT(put("", "", "/dragonfly/config/rollback"), HasSubstr("400 {\"message\":\"'version' is ''; allowed are"));
  EXPECT_THAT(put(R"({"versoin":1})", "application/json", "/dragonfly/config/rollback"),
              HasSubstr("allowed is version"));
  EXPECT_THAT(put("", "", "/dragonfly/config/rollback?version=77"), HasSubstr("404 "));
  EXPECT_EQ(audit->newest(10).value().front().what, "config rollback");
}

TEST_F(ApiPolicyTest, ANamespaceHasItsOwn) {
  const std::string of_shop = "/dragonfly/config?ns=shop";
  EXPECT_EQ(put(R"({"agent_interval":1,"aggregate_type":"max"})", "application/json", of_shop), "200 10 10");
  EXPECT_THAT(answer, HasSubstr(R"("ns":"shop","own":["agent_interval","aggregate_type"]})"));
  EXPECT_THAT(body(of_shop), HasSubstr(R"({"agent_interval":1,"mcis_agent_interval":1,)"));
  EXPECT_THAT(body("/dragonfly/config"),
              testing::AllOf(HasSubstr(R"({"agent_interval":2,)"), testing::Not(HasSubstr("shop"))));
  EXPECT_THAT(put(R"({"retention_raw":"96h"})", "application/json", of_shop),
              HasSubstr("400 {\"message\":\"retention_raw is the same for the whole server; a namespace may have"));
  EXPECT_THAT(put(R"({"agent_interval":1})", "application/json", "/dragonfly/config?agent_interval=3"),
              HasSubstr("400 "));
  EXPECT_THAT(put("{}", "application/json", "/dragonfly/config?ns=" + std::string(300, 'x')), HasSubstr("400 "));
  EXPECT_THAT(body("/dragonfly/config/history"),
              HasSubstr(R"("changed":{"agent_interval@shop":"1","aggregate_type@shop":"max"})"));
  EXPECT_EQ(audit->newest(10).value().front().what, "config set of namespace shop");
  EXPECT_EQ(put("", "", "/dragonfly/config/reset?ns=shop"), "200 10 10");
  EXPECT_THAT(answer, HasSubstr(R"("own":[]})"));
  EXPECT_EQ(put("", "", "/dragonfly/config/rollback?version=1"), "200 10 10");
  EXPECT_THAT(audit->newest(1).value().front().after, HasSubstr("agent_interval@shop"));
}

}  // namespace
}  // namespace dragonfly
