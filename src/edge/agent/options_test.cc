#include "edge/agent/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fs/file.h"

namespace dragonfly {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Result<AgentOptions> read(std::vector<const char*> arguments) { return read_agent_options(arguments, system_files()); }

TEST(Options, DefaultsAndBothSpellingsOfAValue) {
  const auto defaults = read({});
  ASSERT_TRUE(defaults.has_value());
  EXPECT_EQ(defaults->server, "");
  EXPECT_EQ(defaults->interval, Duration(2s));
  EXPECT_FALSE(defaults->vm.has_value());
  const auto given = read({"--server", "[::1]:9", "--interval=500ms", "--vm", "vm 1", "--ns=a=b", "--once",
                           "--log-level=debug", "--spool-dir", "/s", "--spool-max", "1T", "--spool-age=1m"});
  ASSERT_TRUE(given.has_value()) << given.error().message;
  EXPECT_EQ(given->server, "[::1]:9");
  EXPECT_EQ(given->interval, Duration(500ms));
  EXPECT_EQ(given->vm, "vm 1");
  EXPECT_EQ(given->ns, "a=b");
  EXPECT_EQ(given->log_level, LogLevel::kDebug);
  EXPECT_TRUE(given->once);
  EXPECT_EQ(given->spool_dir, "/s");
  EXPECT_EQ(given->spool_bytes_max, uint64_t{1} << 40);
  EXPECT_EQ(given->spool_age_max, Duration(1min));
}

TEST(Options, WrongInputIsNamedWithWhatIsAllowed) {
  const auto f = [](std::vector<const char*> arguments, std::string_view has1, std::string_view has2) {
    const auto result = read(std::move(arguments));
    ASSERT_FALSE(result.has_value()) << has1;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(result.error().message, AllOf(HasSubstr(has1), HasSubstr(has2)));
  };
  f({"--frequency", "2s"}, "'--frequency'", "--help");
  f({"extra"}, "'extra'", "--help");
  f({"--interval"}, "--interval", "TIME");
  f({"--interval", "2"}, "--interval", "ms, s, m, h or d");
  f({"--interval", "99ms"}, "--interval", "100ms to 1h");
  f({"--interval", "61m"}, "--interval", "100ms to 1h");
  f({"--interval", "100.5ms"}, "--interval", "whole ms");
  f({"--server", "host"}, "--server", "ADDRESS:PORT");
  f({"--server", "host:0"}, "--server", "ADDRESS:PORT");
  f({"--server", "host:65536"}, "--server", "ADDRESS:PORT");
  f({"--server", ":8094"}, "--server", "ADDRESS:PORT");
  f({"--vm", ""}, "--vm", "1 to 256");
  f({"--key", ""}, "--key", "path");
  f({"--once=yes"}, "--once", "no value");
  f({"--metadata", "cloud"}, "--metadata", "auto, none or ADDRESS:PORT");
  f({"--spool-dir", ""}, "--spool-dir", "path");
  f({"--spool-max", "1023K"}, "--spool-max", "1M to 1T");
  f({"--spool-max", "2T"}, "--spool-max", "1M to 1T");
  f({"--spool-max", "64MB"}, "--spool-max", "1M to 1T");
  f({"--spool-max", "99999999999999999999"}, "--spool-max", "1M to 1T");
  f({"--spool-max", "9999999T"}, "--spool-max", "1M to 1T");
  f({"--spool-age", "59s"}, "--spool-age", "1m to 8760h");
  f({"--log-level", "loud"}, "--log-level", "debug, info, warning and error");
}

TEST(Options, AConfigurationFileBelowTheCommandLine) {
  AgentOptions options;
  const auto applied = apply_agent_config(
      "# where to\nserver: 192.0.2.1:8094   # the collector\n\ninterval = 10s\r\nvm: \"web 1\"\nlog-level: warning",
      options);
  ASSERT_TRUE(applied.has_value()) << applied.error().message;
  EXPECT_EQ(options.server, "192.0.2.1:8094");
  EXPECT_EQ(options.interval, Duration(10s));
  EXPECT_EQ(options.vm, "web 1");
  const auto f = [](std::string_view text, std::string_view has1, std::string_view has2) {
    AgentOptions into;
    const auto result = apply_agent_config(text, into);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_THAT(result.error().message, AllOf(HasSubstr(has1), HasSubstr(has2)));
  };
  f("server: 192.0.2.1:8094\nintervall: 2s", "line 2", "'intervall'");
  f("interval: 2 parsecs", "line 1", "interval");
  f("once: yes", "line 1", "'once'");
  f("config: other", "line 1", "'config'");
  f("\n\nnothing", "line 3", "name: value");

  const std::string path = testing::TempDir() + "/cb-agent-" + std::to_string(getpid()) + ".conf";
  ASSERT_TRUE(system_files().replace_file(path, as_bytes("interval: 5s\nvm: a\n")).has_value());
  const auto both = read({"--vm", "b", "--config", path.c_str()});
  ASSERT_TRUE(both.has_value()) << both.error().message;
  EXPECT_EQ(both->interval, Duration(5s));
  EXPECT_EQ(both->vm, "b");
  ASSERT_TRUE(system_files().remove(path).has_value());
  EXPECT_THAT(read({"--config", path.c_str()}).error().message, AllOf(HasSubstr("--config"), HasSubstr(path)));
}

TEST(Options, HelpNamesEveryOption) {
  const std::string help = agent_help();
  for (const char* name : {"--config", "--server", "--ns", "--mcis", "--vm", "--csp", "--region", "--metadata",
                           "--interval", "--key", "--spool-dir", "--spool-max", "--spool-age", "--root", "--log-level",
                           "--once", "--version", "--help", "memory"}) {
    EXPECT_THAT(help, HasSubstr(name));
  }
}

}  // namespace
}  // namespace dragonfly
