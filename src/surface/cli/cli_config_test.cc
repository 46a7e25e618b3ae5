#include "surface/cli/cli_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragonfly {
namespace {

using testing::HasSubstr;

TEST(CliConfig, TakesWhatTheFileSays) {
  const auto none = read_cli_settings("c.yaml", "");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->server, "http://127.0.0.1:9090");
  EXPECT_EQ(none->output, "table");
  const auto all = read_cli_settings("c.yaml", "server: https://s:1\ntoken: '@t'\ncacert: ca.crt\noutput: csv\n");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->server, "https://s:1");
  EXPECT_EQ(all->token, "@t");
  EXPECT_EQ(all->cacert, "ca.crt");
  EXPECT_EQ(all->output, "csv");
  EXPECT_TRUE(all->warnings.empty());
}

TEST(CliConfig, NamesWhatIsWrong) {
  const auto f = [](const char* text, const char* words) {
    const auto settings = read_cli_settings("c.yaml", text);
    ASSERT_FALSE(settings) << text;
    EXPECT_THAT(settings.error().message, HasSubstr(words));
  };
  f("output: xml", "table, json, csv");
  f("server: [", "c.yaml is not YAML: line");
  f("- a", "must hold keys");
  const auto unknown = read_cli_settings("c.yaml", "sever: http://s\n");
  ASSERT_TRUE(unknown);
  ASSERT_EQ(unknown->warnings.size(), 1u);
  EXPECT_THAT(unknown->warnings.front(), HasSubstr("'sever'"));
}

TEST(CliConfig, LiesWherePeopleExpectIt) {
  EXPECT_EQ(cli_settings_path("/a", "/x", "/h"), "/a");
  EXPECT_EQ(cli_settings_path("", "/x", "/h"), "/x/cbmon/config.yaml");
  EXPECT_EQ(cli_settings_path("", "", "/h"), "/h/.config/cbmon/config.yaml");
  EXPECT_EQ(cli_settings_path("", "", ""), "");
}

}  // namespace
}  // namespace dragonfly
