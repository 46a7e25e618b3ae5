#include "edge/agent/pushed_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/core/crc32c.h"
#include "base/rt/random.h"
#include "edge/agent/spool_testing.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;
using Values = std::vector<std::pair<std::string, std::string>>;

AgentSettings settings(const std::string& interval, uint64_t version = 1) {
  return {version, {{"agent_interval", interval}}};
}

AgentOptions options(const std::vector<const char*>& arguments) {
  const auto out = read_agent_options(arguments, system_files());
  EXPECT_TRUE(out.has_value());
  return *out;
}

TEST(PushedSettings, WhatComesOfASetting) {
  const auto f = [](const std::vector<const char*>& arguments, const std::string& told, Duration in_force,
                    SettingOutcome outcome) {
    SCOPED_TRACE(told);
    AgentOptions given = options(arguments);
    PushedSettings pushed(system_files(), {});
    const ReportBody report = pushed.take(settings(told, 5), given);
    EXPECT_EQ(given.interval, in_force);
    EXPECT_EQ(report, (ReportBody{5, static_cast<uint32_t>(in_force / 1ms), {{"agent_interval", outcome}}}));
    EXPECT_EQ(pushed.refused().empty(), outcome != SettingOutcome::kRefused);
    EXPECT_EQ(pushed.value("agent_interval"), outcome == SettingOutcome::kRefused ? "" : told);
  };
  f({}, "4s", 4s, SettingOutcome::kApplied);
  f({}, "100ms", 100ms, SettingOutcome::kApplied);
  f({}, "1h", 1h, SettingOutcome::kApplied);
  f({}, "99ms", 2s, SettingOutcome::kRefused);
  f({}, "3601s", 2s, SettingOutcome::kRefused);
  f({}, "0s", 2s, SettingOutcome::kRefused);
  f({}, "-4s", 2s, SettingOutcome::kRefused);
  f({}, "", 2s, SettingOutcome::kRefused);
  f({}, "soon", 2s, SettingOutcome::kRefused);
  f({}, "150500us", 2s, SettingOutcome::kRefused);
  f({"--interval", "3s"}, "4s", 3s, SettingOutcome::kPinned);
  f({"--interval=3s"}, "4s", 3s, SettingOutcome::kPinned);
  f({"--interval", "3s"}, "soon", 3s, SettingOutcome::kRefused);
}

TEST(PushedSettings, TheConfigurationFileIsBelowTheServer) {
  const TestDirectory directory;
  const std::string file = (directory.path() / "agent.yaml").native();
  ASSERT_TRUE(system_files().replace_file(file, as_bytes("interval: 7s\n")).has_value());
  AgentOptions given = options({"--config", file.c_str()});
  EXPECT_EQ(given.interval, 7s);
  PushedSettings pushed(system_files(), {});
  EXPECT_EQ(pushed.take(settings("4s"), given).outcomes.front().second, SettingOutcome::kApplied);
  EXPECT_EQ(given.interval, 4s);
}

TEST(PushedSettings, AnUnknownOneIsKeptForALaterRelease) {
  const TestDirectory directory;
  const Path file = directory.path() / "settings";
  AgentOptions given;
  PushedSettings pushed(system_files(), file);
  const ReportBody report = pushed.take({5, {{"colour", "red"}, {"agent_interval", "4s"}}}, given);
  EXPECT_EQ(report.outcomes, (std::vector<std::pair<std::string, SettingOutcome>>{
                                 {"colour", SettingOutcome::kUnknown}, {"agent_interval", SettingOutcome::kApplied}}));
  const auto bytes = system_files().read_file(file, kSettingsFileBytesMax);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(decode_settings_file(*bytes)->values, (Values{{"colour", "red"}, {"agent_interval", "4s"}}));
}

TEST(PushedSettings, AStartFindsWhatWasAllowed) {
  const TestDirectory directory;
  const Path file = directory.path() / "settings";
  const auto start = [&](const std::vector<const char*>& arguments = {}) {
    AgentOptions given = options(arguments);
    PushedSettings(system_files(), file).load(given);
    return given.interval;
  };
  EXPECT_EQ(start(), 2s) << "there is no file yet";
  {
    AgentOptions given;
    PushedSettings pushed(system_files(), file);
    pushed.take(settings("4s", 1), given);
    pushed.take(settings("forever", 2), given);
    EXPECT_EQ(given.interval, 4s) << "a bad one changes nothing";
    EXPECT_THAT(pushed.refused(), HasSubstr("forever"));
    EXPECT_EQ(pushed.version(), 2u);
    pushed.take(settings("5s", 3), given);
    EXPECT_EQ(pushed.refused(), "");
    pushed.take(settings("forever", 4), given);
  }
  EXPECT_EQ(start(), 5s);
  EXPECT_EQ(start({"--interval", "3s"}), 3s);
  ASSERT_TRUE(system_files().replace_file(file, as_bytes("DFST")).has_value());
  EXPECT_EQ(start(), 2s) << "a damaged file is as none";
}

TEST(PushedSettings, TheSameAgainIsReportedAgain) {
  AgentOptions given;
  PushedSettings pushed(system_files(), {});
  const ReportBody first = pushed.take(settings("4s", 5), given);
  EXPECT_EQ(pushed.take(settings("4s", 5), given), first);
  EXPECT_EQ(pushed.take(settings("6s", 6), given).interval_ms, 6000u);
  EXPECT_EQ(pushed.take(settings("4s", 5), given), first) << "back to what was before";
  EXPECT_EQ(given.interval, 4s);
}

TEST(PushedSettings, WhatDoesNotFitIsNotKept) {
  AgentOptions given;
  PushedSettings pushed(system_files(), {});
  for (int set = 0; set < 3; ++set) {
    AgentSettings told{static_cast<uint64_t>(set + 1), {}};
    for (size_t i = 0; i < kAckItemsMax; ++i) told.values.emplace_back(fmt::format("{}-{}", set, i), "x");
    EXPECT_EQ(pushed.take(told, given).outcomes.size(), kAckItemsMax);
  }
  EXPECT_EQ(pushed.value("0-15"), "x");
  EXPECT_EQ(pushed.value("1-0"), "");
}

TEST(SettingsFile, ReleasedBytesAreRead) {
  const AgentSettings made{0x89abcdef, {{"agent_interval", "4s"}, {"colour", "red"}}};
  Bytes bytes;
  encode_settings_file(made, bytes);
  EXPECT_EQ(golden(DF_SOURCE_DIR, "settings_file", bytes), bytes);
  EXPECT_EQ(decode_settings_file(bytes).value_or(AgentSettings{}), made);
}

TEST(SettingsFile, SaysWhatIsWrong) {
  const auto f = [](std::string_view hex, std::string_view what, bool checked = true) {
    Bytes bytes = spaced_hex(hex);
    if (checked) ByteWriter(bytes).u32(crc32c(bytes));
    const auto out = decode_settings_file(bytes);
    ASSERT_FALSE(out.has_value()) << hex;
    EXPECT_THAT(out.error().message, HasSubstr(what));
  };
  f("", "4 bytes are too few");
  f("44465354 01000000 0100 00000000", "checksum", false);
  f("44465355 01000000 0100", "does not begin with DFST");
  f("44465354 02000000 0100", "version 2; known is 1");
  f("44465354 01000000 0000", "version is 0");
  f("44465354 01000000 0101", "cut");
  f("44465354 01000000 0111", "17; at most 16");
  f("44465354 01000000 010000", "too long");
}

TEST(SettingsFileProperty, ComeBackAndEveryChangeIsFound) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    AgentSettings made{1 + random.below(UINT64_MAX), {}};
    for (uint64_t i = random.below(kAckItemsMax + 1); i > 0; --i)
      made.values.emplace_back(std::string(random.below(30), 'k'), std::string(random.below(100), 'v'));
    Bytes bytes;
    encode_settings_file(made, bytes);
    EXPECT_LE(bytes.size(), kSettingsFileBytesMax);
    EXPECT_EQ(decode_settings_file(bytes).value_or(AgentSettings{}), made);
    EXPECT_FALSE(decode_settings_file(ByteView(bytes).first(random.below(bytes.size()))).has_value());
    const uint64_t bit = random.below(bytes.size() * 8);
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(decode_settings_file(bytes).has_value());
  }
}

}  // namespace
}  // namespace dragonfly
