#include "store/backup/backup.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

namespace dragonfly {
namespace {

namespace fs = std::filesystem;

const Timestamp kCreated = parse_rfc3339("2026-01-31T07:10:00Z").value();

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() {
    std::string pattern = (fs::temp_directory_path() / "df_backup_XXXXXX").string();
    root = mkdtemp(pattern.data());
    write("data/store/000001.sst", std::string(3'000'000, 'a'));
    write("data/store/MANIFEST-1", "table of contents");
    write("data/log/00000000000000000000.seg", "rows");
    write("data/secrets/fleet.key", "secret");
    write("data/LOCK", "42");
    write("data/listening", "http=127.0.0.1:9090");
    write("data/backups/old/MANIFEST", "another");
  }
  ~BackupTest() override { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  std::string read(const std::string& path) const {
    std::ifstream in(root / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void make() {
    ASSERT_TRUE(copy_data_directory(root / "data", root / "b.part", {}).has_value());
    const auto made = finish_backup(system_files(), root / "b.part", root / "b", kCreated, "0.1.0", {});
    ASSERT_TRUE(made.has_value()) << made.error().message;
    EXPECT_EQ(made->files.size(), 4u);
  }
  fs::path root;
};

TEST_F(BackupTest, WhatIsRestoredIsWhatWas) {
  make();
  EXPECT_FALSE(fs::exists(root / "b.part"));
  uint64_t last = 0;
  const auto restored = restore_backup(system_files(), root / "b", root / "new", [&](uint64_t done, uint64_t total) {
    EXPECT_LE(done, total);
    EXPECT_GE(done, last);
    last = done;
  });
  ASSERT_TRUE(restored.has_value()) << restored.error().message;
  EXPECT_EQ(last, restored->bytes());
  for (const char* path :
       {"store/000001.sst", "store/MANIFEST-1", "log/00000000000000000000.seg", "secrets/fleet.key"}) {
    EXPECT_EQ(read("new/" + std::string(path)), read("data/" + std::string(path))) << path;
    struct stat info {};
    ASSERT_EQ(stat((root / "new" / path).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << path;
  }
  EXPECT_FALSE(fs::exists(root / "new/LOCK"));
  EXPECT_FALSE(fs::exists(root / "new/backups"));
  EXPECT_FALSE(fs::exists(root / "new/MANIFEST"));
}

TEST_F(BackupTest, ALaterChangeOfTheDataDoesNotReachIt) {
  make();
  write("data/log/00000000000000000000.seg", "rows and more rows");
  write("data/store/MANIFEST-1", "changed");
  const auto damage = verify_backup(system_files(), root / "b", {});
  ASSERT_TRUE(damage.has_value());
  EXPECT_TRUE(damage->empty()) << damage->front();
}

TEST_F(BackupTest, DamageIsNamedAndNotRestored) {
  make();
  fs::remove(root / "b/store/000001.sst");  // It may be a link to the living file.
  write("b/store/000001.sst", std::string(2'999'999, 'a') + "b");
  const auto damage = verify_backup(system_files(), root / "b", {});
  ASSERT_TRUE(damage.has_value());
  ASSERT_EQ(damage->size(), 1u);
  EXPECT_EQ(damage->front(), "store/000001.sst: its checksum does not match");
  const auto restored = restore_backup(system_files(), root / "b", root / "new", {});
  ASSERT_FALSE(restored.has_value());
  EXPECT_EQ(restored.error().code, ErrorCode::kCorruption);
  EXPECT_FALSE(fs::exists(root / "new"));
  EXPECT_FALSE(fs::exists(root / "new.part"));
}

TEST_F(BackupTest, AMissingFileIsNamed) {
  make();
  fs::remove(root / "b/secrets/fleet.key");
  const auto damage = verify_backup(system_files(), root / "b", {});
  ASSERT_TRUE(damage.has_value());
  ASSERT_EQ(damage->size(), 1u);
  EXPECT_NE(damage->front().find("secrets/fleet.key"), std::string::npos);
}

TEST_F(BackupTest, NothingIsOverwritten) {
  make();
  const auto restored = restore_backup(system_files(), root / "b", root / "data", {});
  ASSERT_FALSE(restored.has_value());
  EXPECT_EQ(restored.error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(copy_data_directory(root / "data", root / "c.part", {}).has_value());
  const auto again = finish_backup(system_files(), root / "c.part", root / "b", kCreated, "0.1.0", {});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
}

TEST_F(BackupTest, WhatIsNoBackupIsCalledSo) {
  const auto manifest = read_manifest(system_files(), root / "data");
  ASSERT_FALSE(manifest.has_value());
  EXPECT_EQ(manifest.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dragonfly
