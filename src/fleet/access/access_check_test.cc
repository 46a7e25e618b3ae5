#include "fleet/access/access_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/rt/clock.h"
#include "base/rt/random.h"
#include "fleet/access/audit_log.h"
#include "fleet/access/token_store.h"

namespace dragonfly {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class AccessCheckTest : public testing::Test {
 protected:
  AccessCheckTest() {
    char name[] = "/tmp/df_access_check_XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~AccessCheckTest() override { std::filesystem::remove_all(folder_); }
  static void flip(const Path& path, int64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at, at < 0 ? std::ios::end : std::ios::beg);
    const auto where = file.tellg();
    const int byte = file.get();
    file.seekp(where);
    file.put(static_cast<char>(byte ^ 1));
  }
  Path folder_;
};

TEST_F(AccessCheckTest, WhatIsNotThereIsNotDamaged) {
  EXPECT_EQ(check_tokens(system_files(), folder_).entries, 0u);
  EXPECT_EQ(check_audit(system_files(), folder_).damaged, 0u);
}

TEST_F(AccessCheckTest, CountsTokensAndFindsADamagedOne) {
  SystemRandom random;
  ManualClock clock(from_unix_ms(1'700'000'000'000));
  auto store = TokenStore::open(system_files(), random, clock, folder_).value();
  for (const char* name : {"a", "b"}) ASSERT_TRUE(store->create({name, Role::kViewer, {}, {}}));
  EXPECT_EQ(check_tokens(system_files(), folder_).entries, 2u);
  EXPECT_EQ(check_tokens(system_files(), folder_).damaged, 0u);
  flip(folder_ / "secrets" / "tokens", -5);
  const AccessCheck check = check_tokens(system_files(), folder_);
  EXPECT_EQ(check.entries, 1u);
  EXPECT_EQ(check.damaged, 1u);
  EXPECT_THAT(check.damage, ElementsAre(HasSubstr("secrets/tokens: 1 lines are cut or damaged")));
}

TEST_F(AccessCheckTest, CountsTheAuditLogAndNamesLines) {
  auto log = AuditLog::open(system_files(), folder_).value();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(log->add({from_unix_ms(1'700'000'000'000), "ann", "f", "what", "", "{}"}));
  EXPECT_EQ(check_audit(system_files(), folder_).entries, 30u);
  EXPECT_EQ(check_audit(system_files(), folder_).damaged, 0u);
  flip(folder_ / "audit" / kAuditNewer, 10);
  EXPECT_THAT(check_audit(system_files(), folder_).damage, ElementsAre(HasSubstr("line 2 is cut or damaged")));
  std::ofstream(folder_ / "audit" / kAuditOlder) << std::string(100, 'x') << "\n" << std::string(50, '\n') << "y\n";
  EXPECT_EQ(check_audit(system_files(), folder_).damaged, 3u);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "z\n";
  std::ofstream(folder_ / "audit" / kAuditOlder) << many;
  const AccessCheck check = check_audit(system_files(), folder_);
  EXPECT_EQ(check.damaged, 101u);
  EXPECT_EQ(check.damage.size(), kAccessDamageMax);
}

}  // namespace
}  // namespace dragonfly
