#include "surface/cli/token_commands.h"

#include <gmock/gmock.h>

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::Not;

class Canned final : public HttpClient {
 public:
  Result<HttpAnswer> send(const HttpCall& call) override {
    asked = call;
    return answer;
  }
  HttpCall asked;
  HttpAnswer answer;
};

class TokenCommandsTest : public testing::Test {
 protected:
  Canned http_;
  CliSession session_{http_, "http://s"};
};

TEST_F(TokenCommandsTest, ANewTokenIsAloneOnStandardOutput) {
  http_.answer = {201, R"({"id":"a1","role":"viewer","token":"cbd_a1_x"})"};
  EXPECT_EQ(make_token(session_, {"page", "viewer", {"n 1", "n2"}, "30d"}), kExitDone);
  EXPECT_EQ(session_.out, "cbd_a1_x\n");
  EXPECT_EQ(http_.asked.method, "POST");
  EXPECT_EQ(http_.asked.url, "http://s/api/v1/tokens");
  EXPECT_EQ(http_.asked.body, R"({"name":"page","role":"viewer","namespaces":["n 1","n2"],"expires":"30d"})");
}

TEST_F(TokenCommandsTest, ListsAsTableAndJson) {
  http_.answer = {200, R"({"tokens":[{"id":"a1","name":"p","role":"admin","namespaces":[],"created":"c","expires":null},
      {"id":"a2","name":"q","role":"viewer","namespaces":["x","y"],"created":"c","expires":"e","expired":true},7]})"};
  EXPECT_EQ(list_tokens(session_), kExitDone);
  EXPECT_THAT(session_.out, HasSubstr("never"));
  EXPECT_THAT(session_.out, HasSubstr("x, y"));
  EXPECT_THAT(session_.out, HasSubstr("e (over)"));
  session_.output = OutputForm::kJson;
  session_.out.clear();
  EXPECT_EQ(list_tokens(session_), kExitDone);
  EXPECT_THAT(session_.out, HasSubstr(R"("namespaces":["x","y"])"));
}

TEST_F(TokenCommandsTest, AnAgentsTokenIsAloneOnStandardOutput) {
  http_.answer = {201, R"({"id":"a1","ns":"n","mcis":"m","expires":"e","token":"cba_x","server":"https://s",)"
                       R"("install":"curl https://s | sh"})"};
  EXPECT_EQ(make_agent_token(session_, {"n", "m", "", "10m", 3}), kExitDone);
  EXPECT_EQ(session_.out, "cba_x\n");
  EXPECT_THAT(session_.errors, HasSubstr("    curl https://s | sh\n"));
  EXPECT_THAT(session_.errors, HasSubstr("cb-agent enroll --server https://s"));
  EXPECT_EQ(http_.asked.url, "http://s/api/v1/agents/tokens");
  EXPECT_EQ(http_.asked.body, R"({"ns":"n","mcis":"m","expires":"10m","uses":3})");
  EXPECT_EQ(make_agent_token(session_, {}), kExitDone);
  EXPECT_EQ(http_.asked.body, "{}");
  http_.answer = {200, R"({"tokens":[{"id":"a1","name":"rack","ns":"n","mcis":"m","expires":"e","uses":1,)"
                       R"("uses_max":null,"usable":true}]})"};
  session_.out.clear();
  EXPECT_EQ(list_agent_tokens(session_), kExitDone);
  EXPECT_THAT(session_.out, HasSubstr("rack"));
  http_.answer = {204, ""};
  EXPECT_EQ(revoke_agent_token(session_, "a/1"), kExitDone);
  EXPECT_EQ(http_.asked.url, "http://s/api/v1/agents/tokens/a%2F1");
}

TEST_F(TokenCommandsTest, ShowsTheAuditLog) {
  http_.answer = {200,
                  R"({"entries":[{"time":"t","who":"boss","from":"f","what":"token new","before":"","after":"{}"}]})"};
  EXPECT_EQ(show_audit(session_, 5), kExitDone);
  EXPECT_EQ(http_.asked.url, "http://s/api/v1/audit?limit=5");
  EXPECT_THAT(session_.out, HasSubstr("token new"));
}

TEST_F(TokenCommandsTest, RevokesAndSaysWhatWentWrong) {
  http_.answer = {204, ""};
  EXPECT_EQ(revoke_token(session_, "a/1"), kExitDone);
  EXPECT_EQ(http_.asked.method, "DELETE");
  EXPECT_EQ(http_.asked.url, "http://s/api/v1/tokens/a%2F1");
  http_.answer = {401, R"({"message":"a token is needed"})"};
  EXPECT_EQ(revoke_token(session_, "a1"), kExitRefused);
  EXPECT_THAT(session_.errors, HasSubstr("401: a token is needed\nGive a token with --token or CBMON_TOKEN"));
}

}  // namespace
}  // namespace dragonfly
