// Tokens by which machines enrol, and enrolment itself, as callers see them.
#include <gmock/gmock.h>

#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::Not;

class EnrolmentApiTest : public ApiFixture {
 protected:
  EnrolmentApiTest() : ApiFixture(GateOptions{false, 0}) {
    admin = tokens->create({"boss", Role::kAdmin, {}, {}}).value().text;
    Authority authority{"-----BEGIN CERTIFICATE-----\n", {}};
    authority.digest.fill(0xab);
    place.authority = authority;
    place.key_pin = "PIN=";
  }
  HttpResponse as(const std::string& token, const std::string& target, const std::string& method = "GET",
                  std::string request_body = {}) {
    NamedValues headers = {{"host", "192.0.2.10:9090"}};
    if (!token.empty()) headers.emplace_back("authorization", "Bearer " + token);
    return ask(target, std::move(headers), method, std::move(request_body));
  }
  HttpResponse new_token(const std::string& sent, const std::string& by = {}) {
    return as(by.empty() ? admin : by, "/api/v1/agents/tokens", "POST", sent);
  }
  static std::string token_in(const HttpResponse& made) {
    const size_t at = made.body.find("\"cba_");
    return at == std::string::npos ? "" : made.body.substr(at + 1, made.body.find('"', at + 1) - at - 1);
  }
  HttpResponse enroll(const std::string& token, const std::string& sent) {
    return as(token, "/api/v1/agents/enroll", "POST", sent);
  }
  std::string admin;
};

TEST_F(EnrolmentApiTest, ATokenIsMadeShownOnceListedAndRevoked) {
  const HttpResponse made = new_token(R"({"name":"rack","ns":"n","mcis":"m","expires":"10m","uses":2})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(header(made, "Cache-Control"), "no-store");
  const std::string token = token_in(made);
  EXPECT_TRUE(token.ends_with("_" + to_hex(Bytes(32, 0xab)))) << token;
  EXPECT_THAT(made.body, HasSubstr(R"("server":"https://192.0.2.10:9090")"));
  EXPECT_THAT(made.body, HasSubstr("curl -fsSk --pinnedpubkey 'sha256//PIN=' "
                                   "'https://192.0.2.10:9090/dragonfly/file/agent/install' | sh -s -- --token " +
                                   token));
  const std::string listed = as(admin, "/api/v1/agents/tokens").body;
  EXPECT_THAT(listed, HasSubstr(R"("name":"rack","ns":"n","mcis":"m","created":"2026-01-01T00:10:00Z",)"
                                R"("expires":"2026-01-01T00:20:00Z","uses":0,"uses_max":2,"usable":true)"));
  EXPECT_THAT(listed, Not(HasSubstr("cba_")));
  const std::string id = token.substr(4, 16);
  EXPECT_EQ(as(admin, "/api/v1/agents/tokens/" + id, "DELETE").status, 204);
  EXPECT_EQ(as(admin, "/api/v1/agents/tokens/" + id, "DELETE").status, 404);
  EXPECT_EQ(enroll(token, R"({"vm":"v"})").status, 401);
  const auto entries = audit->newest(10).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].what, "agent token revoke");
  EXPECT_EQ(entries[1].what, "agent token new");
  EXPECT_THAT(entries[1].after, Not(HasSubstr("cba_")));
}

TEST_F(EnrolmentApiTest, AHostThatIsNoneStandsInNoCommand) {
  NamedValues headers = {{"host", "x';rm -rf /;'"}, {"authorization", "Bearer " + admin}};
  const HttpResponse made = ask("/api/v1/agents/tokens", headers, "POST", "{}");
  EXPECT_EQ(made.status, 201);
  EXPECT_THAT(made.body, Not(HasSubstr("install")));
  EXPECT_THAT(made.body, Not(HasSubstr("rm -rf")));
}

TEST_F(EnrolmentApiTest, WhatATokenMayNotBe) {
  const auto f = [&](const std::string& sent, std::string_view what) {
    const HttpResponse got = new_token(sent);
    EXPECT_EQ(got.status, 400) << sent;
    EXPECT_THAT(got.body, HasSubstr(std::string(what)));
  };
  f("", "not JSON");
  f(R"({"namespace":"x"})", "'namespace' is not known");
  f(R"({"ns":7})", "'ns' is not a text");
  f(R"({"ns":""})", "ns");
  f(R"({"expires":"5s"})", "10s to");
  f(R"({"expires":"soon"})", "'expires' is 'soon'");
  for (const char* uses : {"0", "-1", "1.5", "\"2\"", "1000001", "null", "[]"}) {
    f(fmt::format(R"({{"uses":{}}})", uses), "allowed are 1 to 1000000");
  }
  EXPECT_TRUE(enrolment->tokens().empty());
}

TEST_F(EnrolmentApiTest, AnOperatorOfANamespaceMakesTokensOfItOnly) {
  const std::string op = tokens->create({"o", Role::kOperator, {"mine"}, {}}).value().text;
  EXPECT_EQ(new_token(R"({"ns":"theirs"})", op).status, 403);
  ASSERT_EQ(new_token(R"({"ns":"theirs"})").status, 201);
  const std::string mine = token_in(new_token(R"({"ns":"mine"})", op));
  ASSERT_FALSE(mine.empty());
  EXPECT_THAT(as(op, "/api/v1/agents/tokens").body, Not(HasSubstr("theirs")));
  const std::string theirs = enrolment->tokens()[0].id;
  EXPECT_EQ(as(op, "/api/v1/agents/tokens/" + theirs, "DELETE").status, 404);
  EXPECT_EQ(as(op, "/api/v1/agents/tokens/" + mine.substr(4, 16), "DELETE").status, 204);
  EXPECT_EQ(enrolment->tokens().size(), 1u);
}

TEST_F(EnrolmentApiTest, AServerThatCannotSayWhoVouchesForItMakesNoTokens) {
  place.authority = Result<Authority>(fail(ErrorCode::kInvalidArgument, "name it as tls.authority"));
  const HttpResponse refused = new_token("{}");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("tls.authority"));
  EXPECT_EQ(as("", "/api/v1/agents/authority").status, 404);
  place.authority.reset();
  EXPECT_EQ(as("", "/api/v1/agents/authority").status, 404);
  const std::string plain = token_in(new_token("{}"));
  EXPECT_EQ(plain.size(), 53u);
}

TEST_F(EnrolmentApiTest, AMachineGetsItsKeyAndTheRegisterIsReadAgain) {
  EXPECT_THAT(as("", "/api/v1/agents/authority").body, HasSubstr("BEGIN CERTIFICATE"));
  const std::string token = token_in(new_token(R"({"name":"rack","ns":"n","mcis":"m"})"));
  const HttpResponse got = enroll(token, R"({"vm":"web \"1\"","machine":"0123456789abcdef","instance":"-"})");
  ASSERT_EQ(got.status, 201) << got.body;
  EXPECT_EQ(header(got, "Cache-Control"), "no-store");
  EXPECT_EQ(agents_changes, 1);
  const auto known = enrolment->agents().value();
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].vm, (VmIdentity{"n", "m", "web \"1\""}));
  EXPECT_EQ(known[0].machine, "0123456789abcdef");
  EXPECT_THAT(got.body, HasSubstr(fmt::format(R"({{"agent_id":"{:016x}","epoch":1,"key":")", known[0].agent_id)));
  EXPECT_THAT(got.body,
              HasSubstr(R"("ns":"n","mcis":"m","vm":"web \"1\"","udp":"192.0.2.10:8094","authority":"-----)"));
  EXPECT_THAT(got.body, HasSubstr(R"("agent_interval":"2s")"));
  const auto entries = audit->newest(1).value();
  EXPECT_EQ(entries[0].who, "agent token rack");
  EXPECT_EQ(entries[0].what, "agent enroll");
  EXPECT_THAT(entries[0].after, Not(HasSubstr("key")));
  place.advertise = "agents.example:1234";
  EXPECT_THAT(enroll(token, R"({"vm":"v2"})").body, HasSubstr(R"("udp":"agents.example:1234")"));
}

TEST_F(EnrolmentApiTest, AnEnrolmentNamesWhatIsWrong) {
  const std::string token = token_in(new_token("{}"));
  const auto f = [&](const std::string& sent, std::string_view what) {
    const HttpResponse got = enroll(token, sent);
    EXPECT_EQ(got.status, 400) << sent;
    EXPECT_THAT(got.body, HasSubstr(std::string(what)));
  };
  f("{}", "'vm' is missing");
  f(R"({"vm":""})", "vm");
  f(R"({"vm":"v","machine":"zz"})", "'machine' is 'zz'");
  f(R"({"vm":"v","hostname":"x"})", "'hostname' is not known");
  EXPECT_TRUE(enrolment->agents()->empty());
}

TEST_F(EnrolmentApiTest, ALiveAgentKeepsItsVm) {
  const std::string token = token_in(new_token(R"({"ns":"n","mcis":"m"})"));
  ASSERT_EQ(enroll(token, R"({"vm":"v","machine":"0123456789abcdef"})").status, 201);
  vm("n", "m", "v");  // Heard just now.
  const HttpResponse refused = enroll(token, R"({"vm":"v","machine":"fedcba9876543210"})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("cbmon agent replace v"));
  clock.advance(10min);
  EXPECT_EQ(enroll(token, R"({"vm":"v","machine":"fedcba9876543210"})").status, 201);
}

TEST_F(EnrolmentApiTest, WrongTokensOfOneSourceAreLimited) {
  const std::string token = token_in(new_token("{}"));
  int wrong = 0;
  int limited = 0;
  for (int i = 0; i < 50; ++i) {
    const int status = enroll("cba_0123456789abcdef_" + std::string(32, '0'), R"({"vm":"v"})").status;
    wrong += status == 401 ? 1 : 0;
    limited += status == 429 ? 1 : 0;
  }
  EXPECT_EQ(wrong, 10);
  EXPECT_EQ(limited, 40);
  EXPECT_EQ(enroll(token, R"({"vm":"v"})").status, 429);
  clock.advance(1s);
  EXPECT_EQ(enroll(token, R"({"vm":"v"})").status, 201);
  EXPECT_EQ(enroll("", R"({"vm":"v"})").status, 401);
  EXPECT_EQ(enroll(admin, R"({"vm":"v"})").status, 401);  // A token of the API is none of an agent.
}

}  // namespace
}  // namespace dragonfly
