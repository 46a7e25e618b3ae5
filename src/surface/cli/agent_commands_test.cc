#include "surface/cli/agent_commands.h"

#include <gmock/gmock.h>

#include "surface/cli/testing/canned_client.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

const std::string kOne =
    R"({"agent_id":"00000000000000ab","ns":"n","mcis":"m","vm":"v","epoch":2,"state":"active","last_seen":null,)"
    R"("duplicate":false})";

class AgentCommandsTest : public testing::Test {
 protected:
  void list(const std::string& agents) {
    http_.answers["/api/v1/agents?limit"] = {200, R"({"agents":[)" + agents + R"(],"next":null})"};
  }
  CannedClient http_;
  CliSession session_{http_, "http://s"};
};

TEST_F(AgentCommandsTest, ListsKeys) {
  list(kOne);
  EXPECT_EQ(list_agent_keys(session_, {"n 1", "", "v"}, true), kExitDone);
  EXPECT_EQ(http_.asked[0], "/api/v1/agents?limit=1000&revoked=true&ns=n%201&vm=v");
  EXPECT_THAT(session_.out, HasSubstr("00000000000000ab"));
}

TEST_F(AgentCommandsTest, ChangesTheOneThatIsMeant) {
  list(kOne);
  http_.answers["/api/v1/agents/rotate"] = http_.answers["/api/v1/agents/revoke"] = {200, kOne};
  EXPECT_EQ(change_agent(session_, "rotate", {"", "", "v"}), kExitDone);
  EXPECT_EQ(http_.asked.back(), "/api/v1/agents/rotate?agent=00000000000000ab");
  EXPECT_THAT(session_.errors, HasSubstr("n/m/v gets its key 2"));
  EXPECT_EQ(change_agent(session_, "revoke", {"", "", "00000000000000cd"}), kExitDone);  // By its id, without looking.
  EXPECT_EQ(http_.asked.back(), "/api/v1/agents/revoke?agent=00000000000000cd");
  EXPECT_EQ(http_.asked.size(), 3u);
}

TEST_F(AgentCommandsTest, SaysWhichThereAre) {
  list(kOne + "," + kOne);
  EXPECT_EQ(change_agent(session_, "revoke", {"", "", "v"}), kExitRefused);
  EXPECT_THAT(session_.errors, HasSubstr("00000000000000ab  n/m/v"));
  list("");
  EXPECT_EQ(change_agent(session_, "revoke", {"", "", "v"}), kExitRefused);
  EXPECT_THAT(session_.errors, HasSubstr("no agent of a VM 'v'"));
}

TEST_F(AgentCommandsTest, ASuccessorGetsAToken) {
  list(kOne);
  http_.answers["/api/v1/agents/replace"] = {200, kOne};
  http_.answers["/api/v1/agents/tokens"] = {201, R"({"ns":"n","mcis":"m","token":"cba_x"})"};
  EXPECT_EQ(change_agent(session_, "replace", {"n", "m", "v"}), kExitDone);
  EXPECT_EQ(session_.out, "cba_x\n");
  EXPECT_EQ(http_.calls.back().body, R"({"ns":"n","mcis":"m","name":"in place of 00000000000000ab","uses":1})");
}

}  // namespace
}  // namespace dragonfly
