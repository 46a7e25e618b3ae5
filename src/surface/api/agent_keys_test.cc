#include <gmock/gmock.h>

#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::Not;

class AgentKeysTest : public ApiFixture {
 protected:
  AgentKeysTest() : ApiFixture(GateOptions{false, 0}) {
    admin = tokens->create({"boss", Role::kAdmin, {}, {}}).value().text;
    registry_ids = make({{"n", "m", "v"}, {"n", "m", "w"}, {"other", "m", "v"}});
  }
  std::vector<uint64_t> make(const std::vector<VmIdentity>& vms) {
    AgentRegistry registry = AgentRegistry::open(system_files(), random, folder).value();
    std::vector<uint64_t> out;
    const auto keys = registry.create(vms).value();
    for (const AgentKey& key : keys) out.push_back(key.agent_id);
    return out;
  }
  HttpResponse as(const std::string& token, const std::string& target, const std::string& method = "GET") {
    return ask(target, {{"authorization", "Bearer " + token}}, method);
  }
  HttpResponse change(const std::string& what, uint64_t id, const std::string& by = {}) {
    return as(by.empty() ? admin : by, fmt::format("/api/v1/agents/{}?agent={:016x}", what, id), "POST");
  }
  std::string admin;
  std::vector<uint64_t> registry_ids;
};

TEST_F(AgentKeysTest, AreListedChangedAndRevoked) {
  VmEntry& entry = vm("n", "m", "v");
  entry.agent_id = registry_ids[0];
  entry.duplicate_ns = clock.monotonic().time_since_epoch().count();
  const auto listed = [&](const std::string& query) { return as(admin, "/api/v1/agents" + query).body; };
  EXPECT_THAT(
      listed("?ns=n&vm=v"),
      HasSubstr(fmt::format(R"({{"agents":[{{"agent_id":"{:016x}","ns":"n","mcis":"m","vm":"v","epoch":1,)"
                            R"("state":"active","last_seen":"2026-01-01T00:10:00Z","duplicate":true}}],"next":null}})",
                            registry_ids[0])));
  EXPECT_THAT(listed("?vm=w"), HasSubstr(R"("last_seen":null,"duplicate":false)"));
  clock.advance(10min);
  EXPECT_THAT(listed("?vm=v"), Not(HasSubstr("\"duplicate\":true")));

  EXPECT_THAT(change("rotate", registry_ids[0]).body, HasSubstr(R"("epoch":2,"state":"rotating")"));
  EXPECT_EQ(change("rotate", registry_ids[0]).status, 409);
  EXPECT_THAT(change("revoke", registry_ids[0]).body, HasSubstr(R"("state":"revoked")"));
  EXPECT_EQ(change("revoke", registry_ids[0]).status, 409);
  EXPECT_EQ(change("replace", registry_ids[1]).status, 200);
  EXPECT_EQ(agents_changes, 3);
  EXPECT_THAT(listed("?ns=n"), HasSubstr(R"({"agents":[],"next":null})"));
  EXPECT_THAT(listed("?ns=n&revoked=true"), HasSubstr("revoked"));
  const auto entries = audit->newest(9).value();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].what, "agent replace");
  EXPECT_EQ(entries[1].what, "agent revoke");
  EXPECT_EQ(entries[2].what, "agent rotate");
  EXPECT_THAT(entries[2].before + entries[2].after, HasSubstr(R"("epoch":1,"state":"active"}{)"));
}

TEST_F(AgentKeysTest, PagesAndParameters) {
  std::string cursor;
  size_t seen = 0;
  for (int page = 0; page < 3; ++page) {
    const std::string body = as(admin, "/api/v1/agents?limit=1&cursor=" + cursor).body;
    ++seen;
    const size_t at = body.find("\"next\":\"");
    if (page == 2) {
      EXPECT_EQ(at, std::string::npos);
    } else {
      ASSERT_NE(at, std::string::npos) << body;
      cursor = body.substr(at + 8, 16);
    }
  }
  EXPECT_EQ(seen, 3u);
  const auto f = [&](const std::string& target, const std::string& method, int status) {
    EXPECT_EQ(as(admin, target, method).status, status) << target;
  };
  f("/api/v1/agents?limit=0", "GET", 400);
  f("/api/v1/agents?limit=1001", "GET", 400);
  f("/api/v1/agents?cursor=x", "GET", 400);
  f("/api/v1/agents?revoked=yes", "GET", 400);
  f("/api/v1/agents?agent=1", "GET", 400);
  f("/api/v1/agents/rotate", "POST", 400);
  f("/api/v1/agents/rotate?agent=12", "POST", 400);
  f("/api/v1/agents/rotate?agent=00000000000000zz", "POST", 400);
  f("/api/v1/agents/rotate?agent=0000000000000001", "POST", 404);
}

TEST_F(AgentKeysTest, ThoseOfOtherNamespacesAreNotThere) {
  const std::string op = tokens->create({"o", Role::kOperator, {"n"}, {}}).value().text;
  EXPECT_THAT(as(op, "/api/v1/agents").body, Not(HasSubstr("other")));
  EXPECT_EQ(change("revoke", registry_ids[2], op).status, 404);
  EXPECT_EQ(change("revoke", registry_ids[0], op).status, 200);
  const std::string viewer = tokens->create({"v", Role::kViewer, {}, {}}).value().text;
  EXPECT_EQ(change("revoke", registry_ids[1], viewer).status, 403);
}

}  // namespace
}  // namespace dragonfly
