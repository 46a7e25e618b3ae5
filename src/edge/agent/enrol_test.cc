// `cb-agent enroll` without a server: what is asked for and what is refused. With one: tests/e2e/test_enrol.py.
#include "edge/agent/enrol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "edge/agent/identity.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

const std::string kPlainToken = "cba_0123456789abcdef_00112233445566778899aabbccddeeff";
const std::string kToken = kPlainToken + "_" + std::string(64, 'a');

Result<EnrolOptions> read(std::vector<const char*> arguments, std::string_view token = {}) {
  return read_enrol_options(arguments, token, system_files());
}

TEST(EnrolOptions, TakesWhatItNeeds) {
  const auto options =
      read({"--server", "https://c.example", "--token", kToken.c_str(), "--vm=web 1", "--key", "/tmp/k"});
  ASSERT_TRUE(options.has_value()) << options.error().message;
  EXPECT_EQ(options->url.to_string(), "https://c.example:443");
  EXPECT_EQ(options->token.text(), kToken);
  EXPECT_EQ(options->vm, "web 1");
  EXPECT_EQ(options->key_file, "/tmp/k");
  EXPECT_EQ(read({"--server", "http://127.0.0.1:1"}, kPlainToken)->token.text(), kPlainToken);
  EXPECT_EQ(read({"--server", "http://127.0.0.1:1", "--token", kToken.c_str()}, kPlainToken)->token.text(), kToken);
  EXPECT_TRUE(read({"-h"})->help);
}

TEST(EnrolOptions, ATokenInAFile) {
  const std::string path = testing::TempDir() + "/cb-agent-token-" + std::to_string(getpid());
  ASSERT_TRUE(system_files().replace_file(path, as_bytes(kToken + "\n")).has_value());
  const std::string given = "@" + path;
  EXPECT_EQ(read({"--server", "https://c", "--token", given.c_str()})->token.text(), kToken);
  (void)system_files().remove(path);
  EXPECT_THAT(read({"--server", "https://c", "--token", given.c_str()}).error().message, HasSubstr(path));
}

TEST(EnrolOptions, NamesWhatIsWrong) {
  const auto f = [](std::vector<const char*> arguments, std::string_view what) {
    const auto options = read(arguments);
    ASSERT_FALSE(options.has_value()) << what;
    EXPECT_EQ(options.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(options.error().message, HasSubstr(what));
    EXPECT_THAT(options.error().message, testing::Not(HasSubstr("00112233")));
  };
  f({}, "--server URL is missing");
  f({"--server"}, "--server needs a value");
  f({"--server="}, "--server is empty");
  f({"--server", "c.example:9090"}, "https://HOST:PORT");
  f({"--server", "https://c"}, "--token is missing");
  f({"--server", "https://c", "--token", "cbd_x"}, "--token: this is not a token for an agent");
  f({"--server", "https://c", "--token", kPlainToken.c_str()}, "who vouches for the server");
  f({"--server", "http://192.0.2.1:9090", "--token", kToken.c_str()}, "in clear");
  f({"--server", "https://c", "--vm", "a\tb"}, "--vm");
  f({"--metadata", "x"}, "--metadata");
  f({"--interval", "2s"}, "'--interval' is not an option");
}

AgentIdentity enrolled(MachineIdentity machine) {
  AgentIdentity out;
  out.ns = out.mcis = out.vm = "x";
  out.enrolment = AgentEnrolment{"192.0.2.1:8094", "https://192.0.2.1:9090", std::move(machine), {}};
  return out;
}

TEST(Clone, IsToldFromTheMachineThatEnrolled) {
  const AgentIdentity identity = enrolled({"m", "f", "i"});
  EXPECT_TRUE(check_machine(identity, {"m", "f", "i"}).has_value());
  EXPECT_TRUE(check_machine(identity, {"x", "f", "i"}).has_value());
  EXPECT_TRUE(check_machine(identity, {"x", "", ""}).has_value());
  const auto clone = check_machine(identity, {"x", "f", "y"});
  ASSERT_FALSE(clone.has_value());
  EXPECT_EQ(clone.error().code, ErrorCode::kConflict);
  EXPECT_THAT(clone.error().message, HasSubstr("the machine-id and the cloud's instance id differ"));
  EXPECT_TRUE(check_machine(AgentIdentity{}, {"x", "y", "z"}).has_value());  // A key made by hand knows no machine.
}

TEST(NextKeyFile, OneKeyIsChangedAndTheRestStays) {
  const std::string path = testing::TempDir() + "/cb-agent-next-" + std::to_string(getpid());
  AgentKey first{1, 1, Key256{1}, "n", "m", "a"};
  AgentKey second{2, 7, Key256{2}, "n", "m", "b"};
  second.enrolment = AgentEnrolment{"192.0.2.1:8094", "https://192.0.2.1:9090", {"", "", ""}, {{0x30}}};
  ASSERT_TRUE(system_files().replace_file(path, as_bytes(format_agent_key(first) + format_agent_key(second))));
  ASSERT_TRUE(keep_next_key(system_files(), path, 2, {8, Key256{9}}).has_value());
  const auto keys = parse_key_file(as_text(system_files().read_file(path, 1 << 20).value())).value();
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].key, first.key);
  EXPECT_EQ(keys[1].epoch, 8);
  EXPECT_EQ(keys[1].key, Key256{9});
  EXPECT_EQ(keys[1].enrolment, second.enrolment);
  EXPECT_EQ(keep_next_key(system_files(), path, 3, {8, Key256{9}}).error().code, ErrorCode::kNotFound);
  (void)system_files().remove(path);
  EXPECT_FALSE(keep_next_key(system_files(), path, 2, {8, Key256{9}}).has_value());
}

TEST(Server, IsWhereTheOptionsSayElseWhereTheKeyDoes) {
  AgentOptions options;
  EXPECT_EQ(server_of(options, AgentIdentity{}), "127.0.0.1:8094");
  EXPECT_EQ(server_of(options, enrolled({})), "192.0.2.1:8094");
  options.server = "c:1";
  EXPECT_EQ(server_of(options, enrolled({})), "c:1");
}

}  // namespace
}  // namespace dragonfly
