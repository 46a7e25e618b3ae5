#include "base/config/config.h"

#include <gmock/gmock.h>

namespace dragonfly {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr ConfigKey kKeys[] = {
    {"web.listen", "", ConfigType::kEndpoint, "127.0.0.1:9090", "", 0, 0, "", "Where it listens."},
    {"web.origins", "", ConfigType::kList, "", "", 0, 0, "", "Who may ask."},
    {"run.interval", "run.old_interval", ConfigType::kSeconds, "10", "s", 100, 3'600'000, "", "How often."},
    {"run.count", "", ConfigType::kInteger, "10", "", 1, 100, "", "How many."},
    {"run.mode", "", ConfigType::kWord, "push", "", 0, 0, "push|pull|agentCount", "Which way."},
    {"run.loud", "", ConfigType::kBool, "false", "", 0, 0, "", "Whether it is heard."},
    {"keep.raw", "", ConfigType::kDuration, "48h", "h", 60'000, 3'153'600'000'000, "", "How long."},
    {"keep.buffer", "", ConfigType::kBytes, "64M", "", 0, INT64_MAX, "", "How much."},
    {"keep.name", "", ConfigType::kText, "x", "", 0, 0, "", "What."},
};

Result<Config> load(std::string_view file, std::vector<std::string> sets = {}) {
  return Config::load(kKeys, {"c.yaml", file, std::move(sets)});
}

TEST(Config, DefaultsWithoutAnything) {
  const auto config = load("");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->text("web.listen"), "127.0.0.1:9090");
  EXPECT_TRUE(config->list("web.origins").empty());
  EXPECT_EQ(config->duration("run.interval"), 10s);
  EXPECT_EQ(config->integer("run.count"), 10);
  EXPECT_FALSE(config->flag("run.loud"));
  EXPECT_EQ(config->duration("keep.raw"), 48h);
  EXPECT_EQ(config->integer("keep.buffer"), 64 << 20);
  EXPECT_EQ(config->source("keep.name"), Config::Source::kDefault);
  EXPECT_TRUE(config->warnings().empty());
}

TEST(Config, FileOverDefaultAndCommandLineOverFile) {
  const auto config = load("web:\n  origins: [http://a, http://b]\nrun:\n  count: 20\n  interval: 4\nkeep.raw: 96h\n",
                           {"run.count=30", "run.mode=AGENTCOUNT", "run.count=31"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->list("web.origins"), ElementsAre("http://a", "http://b"));
  EXPECT_EQ(config->integer("run.count"), 31);
  EXPECT_EQ(config->source("run.count"), Config::Source::kCommandLine);
  EXPECT_EQ(config->duration("run.interval"), 4s);
  EXPECT_EQ(config->source("run.interval"), Config::Source::kFile);
  EXPECT_EQ(config->text("run.mode"), "agentCount");
  EXPECT_EQ(config->shown("keep.raw"), "96h");
}

TEST(Config, ValuesOfEachType) {
  const auto f = [](const std::string& set, const std::string& expected) {
    const auto config = load("", {set});
    const std::string key = set.substr(0, set.find('='));
    EXPECT_EQ(config ? config->shown(key) : "refused", expected) << set;
  };
  f("run.interval=0.1", "0.1");
  f("run.interval=0.0999", "refused");
  f("run.interval=3600", "3600");
  f("run.interval=3600.1", "refused");
  f("run.interval=500ms", "0.5");
  f("run.interval=1m", "60");
  f("run.interval=ten", "refused");
  f("run.interval=", "refused");
  f("run.interval=nan", "refused");
  f("run.count=0", "refused");
  f("run.count=1", "1");
  f("run.count=100", "100");
  f("run.count=101", "refused");
  f("run.count=5.5", "refused");
  f("run.count=99999999999999999999", "refused");
  f("run.mode=pull", "pull");
  f("run.mode=pul", "refused");
  f("run.loud=yes", "true");
  f("run.loud=OFF", "false");
  f("run.loud=1", "refused");
  f("keep.raw=4d", "96h");
  f("keep.raw=90m", "90m");
  f("keep.raw=48", "refused");
  f("keep.raw=36501d", "refused");
  f("keep.buffer=1024", "1K");
  f("keep.buffer=3g", "3G");
  f("keep.buffer=-1", "refused");
  f("keep.buffer=9000000000G", "refused");
  f("web.listen=[::1]:0", "[::1]:0");
  f("web.listen=localhost:65535", "localhost:65535");
  f("web.listen=::1:80", "refused");
  f("web.listen=:80", "refused");
  f("web.listen=a:65536", "refused");
  f("web.origins= a , ,b ", "a,b");
  f("keep.name=a=b", "a=b");
}

TEST(Config, AliasesAreTheSameKey) {
  const auto config = load("run:\n  old_interval: 7\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->duration("run.interval"), 7s);
  EXPECT_TRUE(config->warnings().empty());
}

TEST(Config, ErrorsNameKeyValueAndWhatIsAllowed) {
  const auto f = [](std::string_view file, std::vector<std::string> sets, const std::string& expected) {
    const auto config = load(file, std::move(sets));
    ASSERT_FALSE(config) << expected;
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(config.error().message, expected);
  };
  f("run:\n  count: 500\n", {}, "c.yaml: run.count = '500' is not allowed; it takes a whole number from 1 to 100");
  f("", {"run.mode=fly"}, "--set run.mode = 'fly' is not allowed; it takes one of push, pull, agentCount");
  f("", {"run.interval=0"},
    "--set run.interval = '0' is not allowed; it takes seconds from 0.1 to 3600, or a duration like 500ms, 10s, 1m");
  f("", {"run.cuont=1"}, "--set run.cuont: no such key; did you mean run.count?");
  f("", {"interval=1"}, "--set interval: no such key; did you mean run.interval?");
  f("", {"zzzzzzzzz=1"}, "--set zzzzzzzzz: no such key");
  f("", {"run.count"}, "--set 'run.count' must be key=value");
  f("", {"run.count=x", "run.loud=y"},
    "--set run.count = 'x' is not allowed; it takes a whole number from 1 to 100; "
    "--set run.loud = 'y' is not allowed; it takes true or false");
  f("run:\n  count: [1, 2]\n", {}, "c.yaml: run.count has a nested value; it takes a whole number from 1 to 100");
  f("run:\n  count:\n", {}, "c.yaml: run.count has no value; it takes a whole number from 1 to 100");
  f("- a\n- b\n", {}, "c.yaml must hold keys and values, like 'server:' and '  http: 127.0.0.1:9090'");
}

TEST(Config, WhatIsNotYamlNamesTheLine) {
  const auto config = load("run:\n  count: 5\n bad: [\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("c.yaml is not YAML: line "));
}

TEST(Config, UnknownKeysOfAFileAreNamedAndIgnored) {
  const auto config = load("keep: 5\nweb:\nother:\n  deep:\n    key: 1\nrun:\n  count: 5\n  colour: red\n  count: 6\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->integer("run.count"), 6);
  EXPECT_THAT(config->warnings(), ElementsAre("c.yaml:1: 'keep' holds no keys and is ignored",
                                              "c.yaml:3: 'other' is not a key of this version and is ignored",
                                              "c.yaml:8: 'run.colour' is not a key of this version and is ignored",
                                              "c.yaml: run.count is given twice; the later one counts"));
}

TEST(Config, WhatMayBeMeantIsSaid) {
  const auto f = [](std::string_view file, const std::string& expected) {
    const auto config = load(file);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_THAT(config->warnings(), ElementsAre(HasSubstr(expected))) << file;
  };
  f("run:\n  cuont: 5\n", "c.yaml:2: 'run.cuont' is not a key of this version and is ignored; did you mean run.count?");
  f("run:\n\n  old_intervall: 5\n",
    "c.yaml:3: 'run.old_intervall' is not a key of this version and is ignored; did you mean run.old_interval?");
  f("interval: 5\n", "did you mean run.interval?");
  f("keep:\n  count: 5\n", "did you mean run.count?");  // In the wrong section.
  f("wbe:\n  listen: a:1\n", "'wbe' is not a key of this version and is ignored; did you mean web?");
  f("quite_else: 5\n", "is ignored");
  const auto config = load("quite_else: 5\nx: 1\n" + std::string(300, 'k') + ": 1\n");
  ASSERT_TRUE(config);
  for (const std::string& warning : config->warnings())
    EXPECT_EQ(warning.find("did you mean"), std::string::npos) << warning;
}

TEST(Config, KeysOfEarlierVersionsAreExplained) {
  constexpr RetiredKey kRetired[] = {
      {"database", "none is needed"}, {"database.kept", "say keep.raw"}, {"run.kind", "gone"}};
  const auto config = Config::load(
      kKeys, {"c.yaml", "database:\n  url: x\n  kept: 4w\nrun:\n  kind: a\n  count: 3\ndatabases: 1\n", {}, kRetired});
  ASSERT_TRUE(config);
  EXPECT_THAT(config->warnings(),
              ElementsAre("c.yaml:2: 'database.url' is of an earlier version and is ignored: none is needed",
                          "c.yaml:3: 'database.kept' is of an earlier version and is ignored: say keep.raw",
                          "c.yaml:5: 'run.kind' is of an earlier version and is ignored: gone",
                          "c.yaml:7: 'databases' is not a key of this version and is ignored"));
}

TEST(Config, HostileFilesEnd) {
  const auto f = [](const std::string& file) { EXPECT_FALSE(load(file).has_value()) << file.substr(0, 40); };
  f(std::string(kConfigFileBytesMax + 1, ' '));
  f("run: " + std::string(100'000, '['));
  std::string wide = "run:\n";
  for (int i = 0; i < 20'000; ++i) wide += fmt::format("  k{}: 1\n", i);
  f(wide);
  EXPECT_TRUE(load("a: &a [x]\nrun: {b: *a}\n").has_value());
}

TEST(Config, TemplateHoldsEveryKeyAndIsAFileOfDefaults) {
  const std::string text = config_file_template(kKeys, "Heading\nof two lines.");
  EXPECT_THAT(text, HasSubstr("# Heading\n# of two lines.\n\nweb:\n  # Where it listens. Takes ADDR:PORT"));
  EXPECT_THAT(text, HasSubstr("  # interval: 10\n"));
  EXPECT_TRUE(load(text).has_value());
  // With each comment sign in front of a key removed it says the same.
  std::string active;
  for (const auto& key : kKeys) {
    active += fmt::format("{}: \"{}\"\n", key.name, key.default_text);
  }
  const auto config = load(active);
  ASSERT_TRUE(config) << config.error().message;
  for (const auto& key : kKeys) EXPECT_EQ(config->shown(key.name), load("")->shown(key.name));
}

}  // namespace
}  // namespace dragonfly
