// /api/v1/collectors.
#include <gmock/gmock.h>

#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

class ApiCollectorsTest : public ApiFixture {
 protected:
  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      for (VmEntry* entry : directory.vms()) entry->last_arrival_ns = clock.monotonic().time_since_epoch().count();
      collectors.step(clock.monotonic());
      clock.advance(1s);
    }
  }
  std::string call(const std::string& method, const std::string& path) {
    const HttpResponse response = ask(path, {}, method);
    return fmt::format("{} {}", response.status, response.body);
  }
};

TEST_F(ApiCollectorsTest, AreListedWithTheirVms) {
  vm("ns", "m", "b");
  vm("ns", "m", "a");
  pass(12);
  const std::string list = call("GET", "/api/v1/collectors");
  EXPECT_THAT(list, HasSubstr(R"(200 {"collectors":[{"id":1,"state":"running","started_by":"schedule",)"
                              R"("policy":"agentCount","key":"","vms":2,"rows_total":)"));
  EXPECT_THAT(list, testing::Not(HasSubstr("vm_ids")));
  const std::string named = R"("vm_ids":["ns/m/a","ns/m/b"],"window":{"rows":)";
  EXPECT_THAT(call("GET", "/api/v1/collectors?detail=true"), HasSubstr(named));
  const std::string one = call("GET", "/api/v1/collectors/1");
  EXPECT_THAT(one, HasSubstr(named));
  EXPECT_THAT(one, HasSubstr(R"("metrics":[{"group":"cpu","metric":")" + std::string(catalogue()[0].name) +
                             R"(","vms":2,"avg":15,"min":5,"max":20,"last":11}])"));
}

TEST_F(ApiCollectorsTest, AreStartedAndStopped) {
  vm("ns", "m", "a");
  pass(12);
  EXPECT_THAT(call("POST", "/api/v1/collectors"), HasSubstr(R"(200 {"id":2,"state":"running","started_by":"hand")"));
  EXPECT_THAT(call("DELETE", "/api/v1/collectors/1"), HasSubstr(R"("state":"draining")"));
  pass(12);
  EXPECT_THAT(call("GET", "/api/v1/collectors/1"), HasSubstr("404"));
  EXPECT_THAT(call("GET", "/api/v1/collectors/2"), HasSubstr(R"("id":2,"state":"running")"));
}

TEST_F(ApiCollectorsTest, WrongQuestionsAreNamed) {
  EXPECT_THAT(call("GET", "/api/v1/collectors/x"), HasSubstr("400 {\"message\":\"collector 'x' is not a number"));
  EXPECT_THAT(call("DELETE", "/api/v1/collectors/99"), HasSubstr("404 {\"message\":\"collector 99 is not there"));
  EXPECT_THAT(call("GET", "/api/v1/collectors?detail=maybe"), HasSubstr("400"));
  EXPECT_THAT(call("GET", "/api/v1/collectors?details=true"), HasSubstr("400"));
}

}  // namespace
}  // namespace dragonfly
