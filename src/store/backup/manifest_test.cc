#include "store/backup/manifest.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

BackupManifest sample() {
  BackupManifest out;
  out.created = parse_rfc3339("2026-01-31T07:10:00Z").value();
  out.version = "0.1.0";
  out.files = {
      {"log/00000000000000000000.seg", 4096, 0x0badcafe}, {"registry/agents", 0, 0}, {"store/a name.sst", 7, 1}};
  return out;
}

TEST(Manifest, ReadsWhatItWrites) {
  const auto again = BackupManifest::decode(sample().encode());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, sample());
  EXPECT_EQ(again->bytes(), 4103u);
}

TEST(Manifest, IsTheTextOfItsPage) {
  EXPECT_EQ(sample().encode(),
            "cb-dragonfly backup 1\ncreated 2026-01-31T07:10:00Z\nby 0.1.0\n"
            "file 0badcafe 4096 log/00000000000000000000.seg\nfile 00000000 0 registry/agents\n"
            "file 00000001 7 store/a name.sst\nend aab6c3b4\n");
}

TEST(Manifest, EveryFlippedBitAndEveryCutIsSeen) {
  const std::string good = sample().encode();
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(BackupManifest::decode(std::string_view(good).substr(0, i)).has_value()) << "cut at " << i;
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(BackupManifest::decode(bad).has_value()) << "byte " << i << " bit " << bit;
    }
  }
  EXPECT_FALSE(BackupManifest::decode(good + "\n").has_value());
}

TEST(Manifest, NoPathLeadsOutOfTheBackup) {
  const auto f = [](std::string path) {
    BackupManifest manifest = sample();
    manifest.files = {{std::move(path), 1, 1}};
    return BackupManifest::decode(manifest.encode()).has_value();
  };
  EXPECT_TRUE(f("store/x"));
  EXPECT_FALSE(f("/etc/passwd"));
  EXPECT_FALSE(f("../x"));
  EXPECT_FALSE(f("store/../../x"));
  EXPECT_FALSE(f("store//x"));
  EXPECT_FALSE(f("store/./x"));
  EXPECT_FALSE(f("store/"));
  EXPECT_FALSE(f(""));
  EXPECT_FALSE(f("a\tb"));
}

TEST(Manifest, ALaterFormatIsNamed) {
  const auto result = BackupManifest::decode("cb-dragonfly backup 2\n");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace dragonfly
