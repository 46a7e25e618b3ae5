#include "fleet/registry/enrolment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "model/frame/frame.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

class EnrolmentTest : public testing::Test {
 protected:
  EnrolmentTest() {
    char name[] = "/tmp/df_enrolment_XXXXXX";
    directory_ = mkdtemp(name);
    enrolment_ = open();
  }
  ~EnrolmentTest() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<Enrolment> open() { return Enrolment::open(system_files(), random_, clock_, directory_).value(); }
  std::string token(NewAgentToken wanted = {}) { return enrolment_->create_token(std::move(wanted))->text; }
  Result<Enrolment::Enrolled> enrol(const std::string& by, const std::string& vm, MachineIdentity machine = {},
                                    std::optional<Duration> silent = {}) {
    return enrolment_->enrol({by, vm, std::move(machine), silent});
  }
  std::string refusal(const std::string& by, const std::string& vm = "vm") {
    const auto got = enrol(by, vm);
    return got ? "taken" : fmt::format("{} {}", static_cast<int>(got.error().code), got.error().message);
  }

  Path directory_;
  SystemRandom random_;
  ManualClock clock_{parse_rfc3339("2026-03-01T12:00:00Z").value()};
  std::unique_ptr<Enrolment> enrolment_;
};

TEST_F(EnrolmentTest, AMachineBecomesAnAgentOfTheTokensGroup) {
  const std::string text = token({"rack", "ns-1", "web"});
  const auto enrolled = enrol(text, "vm-1", {"a1a1a1a1a1a1a1a1", "", "b1b1b1b1b1b1b1b1"});
  ASSERT_TRUE(enrolled.has_value()) << enrolled.error().message;
  EXPECT_EQ(enrolled->key.ns + "/" + enrolled->key.mcis + "/" + enrolled->key.vm, "ns-1/web/vm-1");
  EXPECT_EQ(enrolled->key.epoch, 1);
  EXPECT_EQ(enrolled->token.uses, 1u);
  AgentRegistry registry = AgentRegistry::open(system_files(), random_, directory_).value();
  EXPECT_EQ(derive_agent_key(registry.master_key(), enrolled->key.agent_id, 1), enrolled->key.key);
  const auto records = registry.poll().value();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].machine, "a1a1a1a1a1a1a1a1");
  EXPECT_EQ(records[0].instance, "b1b1b1b1b1b1b1b1");
}

TEST_F(EnrolmentTest, TokensAreForgottenByNobody) {
  const std::string text = token({"a", "n", "m", 1h, 2});
  ASSERT_TRUE(enrol(text, "vm-1").has_value());
  enrolment_ = open();
  const auto kept = enrolment_->tokens();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].uses, 1u);
  EXPECT_TRUE(enrol(text, "vm-2").has_value());
  EXPECT_THAT(refusal(text), HasSubstr("used 2 times"));
  const auto file = system_files().read_file(directory_ / "secrets/agent-tokens", 1 << 20).value();
  EXPECT_EQ(as_text(file).find(text.substr(21, 32)), std::string_view::npos);
  struct stat info {};
  ASSERT_EQ(stat((directory_ / "secrets/agent-tokens").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(EnrolmentTest, WrongTokensAreNone) {
  const std::string text = token();
  std::string other = text;
  other.back() = other.back() == '0' ? '1' : '0';
  const std::string unauthenticated = fmt::format("{} ", static_cast<int>(ErrorCode::kUnauthenticated));
  EXPECT_THAT(refusal(other), HasSubstr(unauthenticated + "the token is not known"));
  EXPECT_THAT(refusal("cba_0000000000000000_" + text.substr(21)), HasSubstr("the token is not known"));
  EXPECT_THAT(refusal(""), HasSubstr("cbmon agent token new"));
  clock_.advance(59min + 59s);
  EXPECT_EQ(refusal(text, "vm-1"), "taken");
  clock_.advance(1s);
  EXPECT_THAT(refusal(text), HasSubstr("expired"));
  const auto fresh = enrolment_->create_token({}).value();
  EXPECT_EQ(enrolment_->revoke_token(fresh.record.id)->id, fresh.record.id);
  EXPECT_THAT(refusal(fresh.text), HasSubstr("was revoked"));
  EXPECT_EQ(enrolment_->revoke_token(fresh.record.id).error().code, ErrorCode::kNotFound);
}

TEST_F(EnrolmentTest, WhatATokenMayNotBe) {
  const auto f = [&](NewAgentToken wanted, std::string_view what) {
    const auto made = enrolment_->create_token(std::move(wanted));
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(made.error().message, HasSubstr(what));
  };
  f({"", ""}, "ns");
  f({"", "n", "a\tb"}, "mcis");
  f({"a\nb"}, "name");
  f({"", "n", "m", 9s}, "10s");
  f({"", "n", "m", 91 * 24h}, "expires");
  f({"", "n", "m", 1h, kAgentTokenUsesMax + 1}, "uses");
  EXPECT_TRUE(enrolment_->create_token({"", "n", "m", 10s, kAgentTokenUsesMax}).has_value());
  EXPECT_TRUE(enrolment_->create_token({"", "n", "m", 90 * 24h}).has_value());
}

TEST_F(EnrolmentTest, TokensThatAreOverForLongGo) {
  (void)token();
  clock_.advance(1h + kAgentTokenKept);
  (void)token();
  EXPECT_EQ(enrolment_->tokens().size(), 2u);
  clock_.advance(1s);
  (void)token();
  EXPECT_EQ(enrolment_->tokens().size(), 2u);
}

TEST_F(EnrolmentTest, ASecondMachineIsRefusedWhileTheFirstLives) {
  const std::string text = token();
  const MachineIdentity first{"a1a1a1a1a1a1a1a1", "f1f1f1f1f1f1f1f1", ""};
  const MachineIdentity second{"a2a2a2a2a2a2a2a2", "f2f2f2f2f2f2f2f2", ""};
  const uint64_t before = enrol(text, "vm", first)->key.agent_id;
  const auto refused = enrol(text, "vm", second, 3500ms);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("heard 3s ago"));
  EXPECT_EQ(enrol(text, "vm", second, kTakeOverAfter - 1ms).error().code, ErrorCode::kConflict);
  EXPECT_EQ(enrolment_->tokens()[0].uses, 1u);
  // The same machine again, and another one after the silence.
  const auto again = enrol(text, "vm", first, 1s);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->replaced->agent_id, before);
  const auto taken = enrol(text, "vm", second, kTakeOverAfter);
  ASSERT_TRUE(taken.has_value());
  size_t active = 0;
  const auto agents = enrolment_->agents().value();
  for (const AgentRecord& one : agents) {
    active += one.revoked ? 0 : 1;
    EXPECT_EQ(one.revoked, one.agent_id != taken->key.agent_id);
  }
  EXPECT_EQ(agents.size(), 3u);
  EXPECT_EQ(active, 1u);
}

TEST_F(EnrolmentTest, KeysMadeBesideTheServerAreSeen) {
  AgentRegistry tool = AgentRegistry::open(system_files(), random_, directory_).value();
  ASSERT_TRUE(tool.create({{"default", "default", "vm"}}).has_value());
  EXPECT_EQ(enrol(token(), "vm", {}, 1s).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(enrol(token(), "vm").has_value());  // Never heard.
}

TEST_F(EnrolmentTest, AKeyIsChangedOnceTheAgentHasUsedIt) {
  const uint64_t id = enrol(token(), "vm")->key.agent_id;
  const auto changed = enrolment_->rotate(id);
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(changed->before.epoch, 1);
  EXPECT_EQ(changed->after.epoch, 2);
  EXPECT_EQ(changed->after.older_epoch, 1);
  EXPECT_EQ(enrolment_->rotate(id).error().code, ErrorCode::kConflict);
  enrolment_ = open();  // It is on disk.
  EXPECT_EQ(enrolment_->agents()->front().older_epoch, 1);
  ASSERT_TRUE(enrolment_->epoch_used(id, 1).has_value());
  EXPECT_EQ(enrolment_->agents()->front().older_epoch, 1);
  ASSERT_TRUE(enrolment_->epoch_used(id, 2).has_value());
  EXPECT_EQ(enrolment_->agents()->front().older_epoch, 0);
  for (int epoch = 3; epoch <= UINT8_MAX; ++epoch) {
    ASSERT_TRUE(enrolment_->rotate(id).has_value());
    ASSERT_TRUE(enrolment_->epoch_used(id, static_cast<uint8_t>(epoch)).has_value());
  }
  EXPECT_EQ(enrolment_->rotate(id).error().code, ErrorCode::kResourceExhausted);
}

TEST_F(EnrolmentTest, ARevokedAgentMakesRoom) {
  const std::string text = token();
  const uint64_t id = enrol(text, "vm", {"a1a1a1a1a1a1a1a1", "", ""})->key.agent_id;
  EXPECT_EQ(enrol(text, "vm", {"a2a2a2a2a2a2a2a2", "", ""}, 1s).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(enrolment_->revoke(id)->after.revoked);
  EXPECT_EQ(enrolment_->revoke(id).error().code, ErrorCode::kConflict);
  EXPECT_EQ(enrolment_->rotate(id).error().code, ErrorCode::kConflict);
  EXPECT_EQ(enrolment_->revoke(id + 1).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(enrol(text, "vm", {"a2a2a2a2a2a2a2a2", "", ""}, 1s).has_value());
}

TEST_F(EnrolmentTest, CheckTellsOfDamage) {
  EXPECT_TRUE(check_agent_tokens(system_files(), directory_).damage.empty());
  (void)token();
  EXPECT_EQ(check_agent_tokens(system_files(), directory_).tokens, 1u);
  const Path file = directory_ / "secrets/agent-tokens";
  const auto text = system_files().read_file(file, 1 << 20).value();
  ASSERT_TRUE(system_files().replace_file(file, ByteView(text).first(text.size() - 3)).has_value());
  EXPECT_EQ(check_agent_tokens(system_files(), directory_).damaged, 1u);
  EXPECT_EQ(open()->damaged_lines(), 1u);
  ASSERT_TRUE(system_files().replace_file(file, as_bytes("x")).has_value());
  EXPECT_EQ(check_agent_tokens(system_files(), directory_).damage.size(), 1u);
  EXPECT_FALSE(Enrolment::open(system_files(), random_, clock_, directory_).has_value());
}

}  // namespace
}  // namespace dragonfly
