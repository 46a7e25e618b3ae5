#include "store/tsdb/store_check.h"

#include <gmock/gmock.h>

#include "base/fs/testing/files.h"
#include "base/rt/random.h"
#include "store/tsdb/store_fixture.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class StoreCheckTest : public StoreFixture {
 protected:
  static constexpr uint32_t kVms = 30;

  void fill() {
    open();
    for (int64_t half = 0; half < 2; ++half) {
      for (int64_t minute = half * 10; minute < (half + 1) * 10; ++minute) {
        std::vector<SealedRows> batch;
        for (uint32_t vm = 1; vm <= kVms; ++vm) batch.push_back(cpu_rows(vm, minute * 60, 60));
        ASSERT_TRUE(append(std::move(batch)).has_value());
      }
      ASSERT_TRUE(put(fmt::format("vm/{}", half), "identity").has_value());
      ASSERT_TRUE(db->checkpoint(LogPosition{static_cast<uint64_t>(half) + 41}).has_value());
    }
    db.reset();
  }
  StoreCheck check() const { return check_store(directory / "store", {}).value(); }
  std::vector<fs::path> files() const { return files_in(directory / "store"); }
};

TEST_F(StoreCheckTest, AWholeStoreAndNone) {
  EXPECT_EQ(check_store(directory / "none", {}).error().code, ErrorCode::kNotFound);
  fill();
  const auto before = files();
  uint64_t done = 0;
  uint64_t all = 0;
  const auto whole = check_store(directory / "store", [&](uint64_t now, uint64_t total) {
    EXPECT_GE(now, done);
    done = now;
    all = total;
  });
  ASSERT_TRUE(whole.has_value());
  EXPECT_THAT(whole->damage, IsEmpty());
  EXPECT_EQ(whole->rows, uint64_t{kVms} * 20 * 60);
  EXPECT_EQ(whole->log_begin, LogPosition{42});
  EXPECT_GE(whole->metadata, 4u);
  EXPECT_EQ(done, all);
  EXPECT_EQ(files(), before);  // Nothing was made.
}

TEST_F(StoreCheckTest, EveryFlippedBitOfAFileIsNamed) {
  fill();
  SeededRandom random(7);
  size_t tried = 0;
  for (const fs::path& path : files()) {
    const std::string name = path.filename().string();
    // OPTIONS is not read, and the logs of the database hold nothing.
    if (path.extension() != ".sst" && !name.starts_with("MANIFEST") && name != "CURRENT") continue;
    const uint64_t size = fs::file_size(path);
    for (int i = 0; i < 12; ++i, ++tried) {
      const uint64_t at = random.below(size);
      flip_bit(path, at);
      const StoreCheck found = check();
      EXPECT_GE(found.damaged, 1u) << name << " at " << at << " of " << size;
      if (path.extension() == ".sst") {
        EXPECT_THAT(found.damage, Contains(HasSubstr(name))) << at;
        EXPECT_GT(found.chunks, 0u);
      }
      flip_bit(path, at);
    }
  }
  EXPECT_GT(tried, 40u);
  EXPECT_THAT(check().damage, IsEmpty());
}

TEST_F(StoreCheckTest, AMissingFileIsNamed) {
  fill();
  for (const fs::path& path : files()) {
    if (path.extension() != ".sst") continue;
    fs::rename(path, directory / "aside");
    EXPECT_THAT(check().damage, Not(IsEmpty()));
    fs::rename(directory / "aside", path);
  }
  EXPECT_THAT(check().damage, IsEmpty());
}

}  // namespace
}  // namespace dragonfly
