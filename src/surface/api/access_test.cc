// Who may do what: every route by every kind of caller, scopes, and the routes of tokens.
#include <gmock/gmock.h>

#include "surface/api/routes.h"
#include "surface/api/testing/api_fixture.h"
#include "surface/api/testing/route_pattern.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::Not;

class AccessTest : public ApiFixture {
 protected:
  explicit AccessTest(GateOptions options = {false, 0}) : ApiFixture(options) {
    admin = make({"boss", Role::kAdmin, {}, {}});
  }
  std::string make(NewToken wanted) { return tokens->create(std::move(wanted)).value().text; }
  HttpResponse as(const std::string& token, const std::string& target, const std::string& method = "GET",
                  std::string request_body = {}) {
    NamedValues headers;
    if (!token.empty()) headers.emplace_back("authorization", "Bearer " + token);
    return ask(target, std::move(headers), method, std::move(request_body));
  }
  int status_as(const std::string& token, const std::string& target) { return as(token, target).status; }
  // "/a/{b}/{c:x|y}" → "/a/one/x"
  static std::string example_of(std::string_view pattern) {
    return fill_pattern(pattern, [](std::string_view name, std::string_view words) -> std::string_view {
      if (name == "metric") return "cpu";
      return words.empty() ? "one" : words.substr(0, words.find('|'));
    });
  }
  std::string admin;
};

TEST_F(AccessTest, EveryRouteByEveryCaller) {
  const std::string unknown = "cbd_0123456789abcdef_" + std::string(64, '0');
  const std::string viewer = make({"v", Role::kViewer, {}, {}});
  const std::string op = make({"o", Role::kOperator, {}, {}});
  const std::string scoped = make({"s", Role::kViewer, {"other"}, {}});
  for (const Route& route : routes()) {
    const std::string target = example_of(route.pattern);
    const auto f = [&](const std::string& token) {
      clock.advance(1s);  // Wrong tokens have a limit, too.
      const int got = as(token, target, std::string(route.method)).status;
      return got == 401 || got == 403 ? got : 200;
    };
    if (route.needs == Needs::kAgentToken) {  // Which none of them has.
      for (const std::string& token : {std::string(), unknown, std::string("agent-key-1"), viewer, scoped, op, admin})
        EXPECT_EQ(f(token), 401) << target;
      continue;
    }
    if (route.needs == Needs::kSeal) {  // Asks nobody.
      for (const std::string& token : {std::string(), unknown, viewer}) EXPECT_EQ(f(token), 200) << target;
      continue;
    }
    const int closed = route.needs == Needs::kNothing ? 200 : 401;
    const bool login = route.method == "POST" && route.pattern == "/api/v1/session";
    EXPECT_EQ(f(""), closed) << target;
    EXPECT_EQ(f(unknown), closed) << target;
    EXPECT_EQ(f("agent-key-1"), closed) << target;
    EXPECT_EQ(f(viewer), route.needs > Needs::kViewer ? 403 : 200) << target;
    EXPECT_EQ(f(scoped), route.needs > Needs::kViewer ? 403 : 200) << target;
    EXPECT_EQ(f(op), route.needs > Needs::kOperator ? 403 : 200) << target;
    EXPECT_EQ(f(admin), 200) << target << login;
  }
}

TEST_F(AccessTest, RefusalsSayWhatIsNeeded) {
  const HttpResponse none = as("", "/api/v1/vms");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(header(none, "WWW-Authenticate"), "Bearer realm=\"cb-dragonfly\"");
  EXPECT_THAT(none.body, HasSubstr("Authorization: Bearer TOKEN"));
  EXPECT_THAT(as("x", "/api/v1/vms").body, HasSubstr("not known"));
  const std::string viewer = make({"looks only", Role::kViewer, {}, {}});
  EXPECT_THAT(as(viewer, "/api/v1/tokens").body,
              HasSubstr("needs the role admin; the token 'looks only' has the role viewer"));
  const std::string brief = make({"brief", Role::kViewer, {}, 10s});
  EXPECT_EQ(status_as(brief, "/api/v1/vms"), 200);
  clock.advance(11s);
  EXPECT_THAT(as(brief, "/api/v1/vms").body, HasSubstr("expired"));
}

TEST_F(AccessTest, OtherNamespacesAreNotThere) {
  VmEntry& mine = vm("mine", "m", "v");
  VmEntry& theirs = vm("theirs", "m", "v");
  vm("theirs", "m", "only");
  for (VmEntry* one : {&mine, &theirs}) row(*one, GroupId::kCpu, at("2026-01-01T00:09:58Z"), {{"cpu_idle", 50}});
  const std::string scoped = make({"s", Role::kOperator, {"mine"}, {}});
  EXPECT_EQ(status_as(scoped, "/dragonfly/ns/mine/mcis/m/vm/v/metric/cpu/rt-info?statisticsCriteria=last"), 200);
  const HttpResponse hidden = as(scoped, "/dragonfly/ns/theirs/mcis/m/vm/v/metric/cpu/rt-info?statisticsCriteria=last");
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(status_as(admin, "/dragonfly/ns/theirs/mcis/m/vm/v/metric/cpu/rt-info?statisticsCriteria=last"), 200);
  // Without a namespace there is only one such VM for it; for the admin there are two.
  EXPECT_EQ(status_as(scoped, "/mon/mcis/m/vm/v/metric/cpu/rt-info?statisticsCriteria=last"), 200);
  EXPECT_EQ(status_as(admin, "/mon/mcis/m/vm/v/metric/cpu/rt-info?statisticsCriteria=last"), 409);
  for (const std::string target :
       {"/api/v1/vms", "/api/v1/vms?ns=theirs", "/api/v1/ns", "/api/v1/mcis", "/api/v1/query?group=cpu&start=-5m",
        "/api/v1/query?group=cpu&start=-5m&ns=theirs"}) {
    const HttpResponse got = as(scoped, target);
    EXPECT_EQ(got.status, 200) << target;
    EXPECT_THAT(got.body, Not(HasSubstr("theirs"))) << target;
    EXPECT_THAT(as(admin, target).body, HasSubstr("theirs")) << target;
  }
  ASSERT_TRUE(policies->change({{"agent_interval", "3"}}, {}, "theirs").has_value());
  EXPECT_EQ(status_as(scoped, "/dragonfly/config?ns=mine"), 200);
  EXPECT_EQ(status_as(scoped, "/dragonfly/config?ns=theirs"), 404);
  EXPECT_EQ(as(scoped, "/dragonfly/config/history").body.find("theirs"), std::string::npos);
  const HttpResponse written = as(scoped, "/write", "POST", "cpu,nsId=theirs,mcisId=m,vmId=v x=1");
  EXPECT_EQ(written.status, 204);
}

TEST_F(AccessTest, AStreamShowsTheScopeOnly) {
  const std::string scoped = make({"s", Role::kViewer, {"mine"}, {}});
  VmEntry& mine = vm("mine", "m", "v");
  VmEntry& theirs = vm("theirs", "m", "v");
  EXPECT_EQ(status_as(scoped, "/api/v1/stream"), 200);
  for (VmEntry* one : {&theirs, &mine}) {
    feed.listener(std::make_shared<const RowEvent>(
        RowEvent{one, GroupId::kCpu, "", at("2026-01-01T00:09:58Z"), 1, fields(GroupId::kCpu, {{"cpu_idle", 50}})}));
  }
  workers.run();
  EXPECT_THAT(stream->text, HasSubstr("\"ns\":\"mine\""));
  EXPECT_THAT(stream->text, Not(HasSubstr("theirs")));
}

TEST_F(AccessTest, TokensAreMadeListedAndRevoked) {
  const HttpResponse made = as(admin, "/api/v1/tokens", "POST",
                               R"({"name":"page","role":"operator","namespaces":["b","a"],"expires":"30d"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(header(made, "Cache-Control"), "no-store");
  const size_t at_token = made.body.find("cbd_");
  ASSERT_NE(at_token, std::string::npos);
  const std::string text = made.body.substr(at_token, 85);
  EXPECT_EQ(status_as(text, "/api/v1/vms"), 200);
  EXPECT_EQ(as(text, "/api/v1/session").body, R"({"name":"page","role":"operator","namespaces":["a","b"]})");
  const HttpResponse listed = as(admin, "/api/v1/tokens");
  EXPECT_THAT(listed.body,
              HasSubstr(R"("name":"page","role":"operator","namespaces":["a","b"],"created":"2026-01-01T00:10:00Z",)"
                        R"("expires":"2026-01-31T00:10:00Z","expired":false)"));
  EXPECT_THAT(listed.body, Not(HasSubstr("cbd_")));
  EXPECT_EQ(as(admin, "/api/v1/tokens/" + text.substr(4, 16), "DELETE").status, 204);
  EXPECT_EQ(status_as(text, "/api/v1/vms"), 401);
  EXPECT_EQ(as(admin, "/api/v1/tokens/" + text.substr(4, 16), "DELETE").status, 404);
  EXPECT_EQ(as(admin, "/api/v1/tokens/" + admin.substr(4, 16), "DELETE").status, 409);
}

TEST_F(AccessTest, ChangesAreInTheAuditLog) {
  const HttpResponse made = as(admin, "/api/v1/tokens", "POST", R"({"name":"page"})");
  const std::string id = made.body.substr(made.body.find("cbd_") + 4, 16);
  EXPECT_EQ(as(admin, "/api/v1/tokens/" + id, "DELETE").status, 204);
  EXPECT_EQ(as(admin, "/api/v1/tokens/" + id, "DELETE").status, 404);  // No change.
  const std::string log = as(admin, "/api/v1/audit").body;
  EXPECT_THAT(log,
              testing::StartsWith(R"({"entries":[{"time":"2026-01-01T00:10:00Z","who":"boss","from":"192.0.2.1:5000",)"
                                  R"("what":"token revoke","before":"{\"id\":\")" +
                                  id));
  EXPECT_THAT(log, HasSubstr(R"("what":"token new","before":"","after":"{\"id\":\")" + id));
  EXPECT_THAT(log, Not(HasSubstr("cbd_")));
  EXPECT_EQ(audit->newest(10).value().size(), 2u);
  EXPECT_EQ(as(admin, "/dragonfly/config", "PUT", R"({"max_host_count":5})").status, 200);
  EXPECT_EQ(as(admin, "/dragonfly/config", "PUT", R"({"max_host_count":5})").status, 200);  // No change.
  EXPECT_EQ(as(admin, "/dragonfly/config", "PUT", R"({"max_host_count":0})").status, 400);
  EXPECT_EQ(as(admin, "/dragonfly/config/reset", "PUT").status, 200);
  EXPECT_EQ(as(admin, "/api/v1/collectors", "POST").status, 200);
  const auto entries = audit->newest(10).value();
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[0].what, "collector start");
  EXPECT_EQ(entries[1].what + entries[1].before + entries[1].after,
            R"(config reset{"max_host_count":5}{"max_host_count":10})");
  EXPECT_EQ(entries[2].what + entries[2].before + entries[2].after,
            R"(config set{"max_host_count":10}{"max_host_count":5})");
  EXPECT_EQ(as(admin, "/api/v1/audit?limit=0").status, 400);
}

TEST_F(AccessTest, WhatATokenMayNotBe) {
  const auto f = [&](const std::string& sent) {
    const HttpResponse got = as(admin, "/api/v1/tokens", "POST", sent);
    EXPECT_EQ(got.status, 400) << sent;
    return got.body;
  };
  EXPECT_THAT(f(""), HasSubstr("not JSON"));
  EXPECT_THAT(f("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(f("{}"), HasSubstr("'name' is missing"));
  EXPECT_THAT(f(R"({"name":7})"), HasSubstr("'name' is not a text"));
  EXPECT_THAT(f(R"({"name":"a","rol":"admin"})"), HasSubstr("'rol' is not known; allowed are name role"));
  EXPECT_THAT(f(R"({"name":"a","role":"root"})"), HasSubstr("viewer, operator, admin"));
  EXPECT_THAT(f(R"({"name":"a","expires":"soon"})"), HasSubstr("'expires' is 'soon'"));
  EXPECT_THAT(f(R"({"name":"a","expires":"2020-01-01T00:00:00Z"})"), HasSubstr("'expires'"));
  EXPECT_THAT(f(R"({"name":"a","namespaces":[1]})"), HasSubstr("'namespaces'"));
  EXPECT_THAT(f(R"({"name":"a","role":"admin","namespaces":["x"]})"), HasSubstr("see all"));
  EXPECT_EQ(tokens->list().size(), 1u);
}

TEST_F(AccessTest, WrongTokensOfOneSourceAreLimited) {
  int refused = 0;
  for (int i = 0; i < 100; ++i) refused += status_as("wrong", "/api/v1/vms") == 429 ? 1 : 0;
  EXPECT_EQ(refused, 90);
  // Who has a good one is not punished for them; who guesses the secret of one that exists is limited as well.
  EXPECT_EQ(status_as(admin, "/api/v1/vms"), 200);
  const std::string other = make({"other", Role::kViewer, {}, {}});
  int looked_at = 0;
  for (int i = 0; i < 100; ++i) {
    std::string guess = other;
    guess.replace(guess.size() - 3, 3, fmt::format("{:03x}", i));
    looked_at += guess != other && status_as(guess, "/api/v1/vms") == 401 ? 1 : 0;
  }
  EXPECT_EQ(looked_at, 10);
  EXPECT_EQ(status_as(other, "/api/v1/vms"), 429);
  EXPECT_EQ(status_as(admin, "/api/v1/vms"), 200);
  clock.advance(1s);
  EXPECT_EQ(status_as(other, "/api/v1/vms"), 200);
}

TEST_F(AccessTest, ThePagesCookieIsATokenForThePageOnly) {
  const std::string sent = R"({"token":")" + admin + R"("})";
  EXPECT_EQ(as("", "/api/v1/session", "POST", R"({"token":"wrong"})").status, 401);
  const HttpResponse login = as("", "/api/v1/session", "POST", sent);
  ASSERT_EQ(login.status, 204);
  const std::string cookie = header(login, "Set-Cookie");
  EXPECT_THAT(cookie, HasSubstr("; HttpOnly; SameSite=Strict; Max-Age=2592000; Secure"));
  const NamedValues with = {{"cookie", "other=1; " + cookie.substr(0, cookie.find(';'))}, {"host", "s:9090"}};
  EXPECT_EQ(ask("/api/v1/vms", with).status, 200);
  const auto make_by = [&](const std::string& origin) {
    NamedValues headers = with;
    if (!origin.empty()) headers.emplace_back("origin", origin);
    return ask("/api/v1/tokens", headers, "POST", R"({"name":"x"})").status;
  };
  EXPECT_EQ(make_by(""), 403);
  EXPECT_EQ(make_by("https://evil.example"), 403);
  EXPECT_EQ(make_by("https://grafana.example"), 403);  // Listed, but the cookie is not its.
  EXPECT_EQ(make_by("https://s:9090"), 201);
  EXPECT_THAT(header(as("", "/api/v1/session", "DELETE"), "Set-Cookie"), HasSubstr("cbd_token=; "));
}

class LimitedAccessTest : public AccessTest {
 protected:
  LimitedAccessTest() : AccessTest({false, 5}) {}
};

TEST_F(LimitedAccessTest, EachTokenHasItsRate) {
  const std::string other = make({"other", Role::kViewer, {}, {}});
  int refused = 0;
  for (int i = 0; i < 50; ++i) refused += status_as(admin, "/api/v1/metrics") == 429 ? 1 : 0;
  EXPECT_EQ(refused, 40);
  EXPECT_EQ(header(as(admin, "/api/v1/metrics"), "Retry-After"), "1");
  EXPECT_EQ(status_as(other, "/api/v1/metrics"), 200);
  clock.advance(1s);
  EXPECT_EQ(status_as(admin, "/api/v1/metrics"), 200);
}

class OpenAccessTest : public ApiFixture {};

TEST_F(OpenAccessTest, OnLoopbackNobodyIsAsked) {
  EXPECT_EQ(status("/api/v1/vms"), 200);
  EXPECT_EQ(ask("/api/v1/vms", {{"authorization", "Bearer whatever"}}).status, 200);
  EXPECT_EQ(ask("/api/v1/tokens", {}, "POST", R"({"name":"first","role":"admin"})").status, 201);
}

class OpenLimitedTest : public ApiFixture {
 protected:
  OpenLimitedTest() : ApiFixture({true, 5}) {}
};

TEST_F(OpenLimitedTest, WithoutTokensEachAddressHasItsRate) {
  int refused = 0;
  for (int i = 0; i < 50; ++i) refused += status("/api/v1/metrics") == 429 ? 1 : 0;
  EXPECT_EQ(refused, 40);
  clock.advance(1s);
  EXPECT_EQ(status("/api/v1/metrics"), 200);
}

TEST_F(AccessTest, AScopedOperatorWritesItsNamespacesOnly) {
  const std::string op = make({"o", Role::kOperator, {"mine"}, {}});
  EXPECT_EQ(as(op, "/write", "POST", "cpu,nsId=mine,vmId=v usage_idle=1").status, 204);
  EXPECT_EQ(door.namespaces, std::vector<std::string>{"mine"});
  EXPECT_EQ(as(admin, "/write", "POST", "cpu,vmId=v usage_idle=1").status, 204);
  EXPECT_TRUE(door.namespaces.empty());
}

}  // namespace
}  // namespace dragonfly
