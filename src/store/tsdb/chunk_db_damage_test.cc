// Damaged bytes on disk: every start succeeds, what is whole is served, what is not is told.
#include <gmock/gmock.h>

#include <fstream>

#include "base/fs/testing/files.h"
#include "store/tsdb/store_fixture.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ChunkDbDamageTest : public StoreFixture {
 protected:
  static constexpr uint32_t kVms = 20;
  static constexpr int64_t kMinutes = 20;

  // Two checkpoints, so that each partition has two files; metadata beside them.
  void fill() {
    open();
    for (int64_t half = 0; half < 2; ++half) {
      for (int64_t minute = half * kMinutes / 2; minute < (half + 1) * kMinutes / 2; ++minute) {
        std::vector<SealedRows> batch;
        for (uint32_t vm = 1; vm <= kVms; ++vm) {
          batch.push_back(cpu_rows(vm, minute * 60, 60));
          batch.push_back(cpu_rows(vm, minute * 60, 60, "cpu0"));
        }
        ASSERT_TRUE(append(std::move(batch)).has_value());
      }
      ASSERT_TRUE(put(fmt::format("vm/{}", half), "identity").has_value());
      ASSERT_TRUE(db->checkpoint(LogPosition{static_cast<uint64_t>(half) + 1}).has_value());
    }
    db.reset();
    fs::copy(directory / "store", directory / "copy", fs::copy_options::recursive);
  }

  // The directory as fill() left it.
  void restore() {
    db.reset();
    fs::remove_all(directory / "store");
    fs::remove_all(directory / "store.damaged");
    fs::copy(directory / "copy", directory / "store", fs::copy_options::recursive);
  }

  std::vector<fs::path> files(std::string_view ending) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(directory / "copy")) {
      if (entry.path().string().ends_with(ending)) out.push_back(entry.path());
    }
    std::ranges::sort(out);
    return out;
  }

  // How many rows of all series are served; they must be right, and missing ones must be told.
  size_t served() {
    ReadRequest request = of_vms({});
    request.devices = ReadRequest::Devices::kAll;
    for (uint32_t vm = 1; vm <= kVms; ++vm) request.vms.push_back(VmId{vm});
    const auto answer = read(request);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    size_t rows = 0;
    for (const auto& series : answer->series) {
      rows += series.rows.rows();
      for (size_t row = 0; row < series.rows.rows(); ++row) {
        const auto second = (series.rows.times_ns[row] - kStartNs) / kSecondNs;
        EXPECT_EQ(series.rows.columns[0].as_double(row), static_cast<double>(second));
      }
    }
    if (rows < kRows) {
      EXPECT_FALSE(answer->missing_parts.empty() && db->damage().empty());
    }
    return rows;
  }
  static constexpr size_t kRows = size_t{kVms} * 2 * kMinutes * 60;
};

TEST_F(ChunkDbDamageTest, UndamagedIsWhole) {
  fill();
  open();
  EXPECT_EQ(served(), kRows);
  EXPECT_THAT(db->damage(), IsEmpty());
}

TEST_F(ChunkDbDamageTest, AFlippedByteInABlockCostsThatBlock) {
  fill();
  for (const auto& path : files(".sst")) {
    const uint64_t size = fs::file_size(path);
    if (size < 100'000) continue;  // Metadata.
    for (const double part : {0.0, 0.3, 0.6}) {
      const auto at = static_cast<uint64_t>(static_cast<double>(size) * part) + 500;
      restore();
      flip_bit(directory / "store" / path.filename(), at);
      open();
      const size_t rows = served();
      EXPECT_LT(rows, kRows) << path << " at " << at;
      EXPECT_GT(rows, kRows - 20 * 60) << path << " at " << at;
      EXPECT_EQ(served(), rows);  // Again, now that it is known.
      EXPECT_GT(db->stats().chunks_damaged.value(), 0u);
      EXPECT_THAT(db->damage(), Not(IsEmpty()));
      // And it still takes rows.
      ASSERT_TRUE(append({cpu_rows(99, 0, 10)}).has_value());
      EXPECT_EQ(rows_of(99).rows(), 10u);
      ASSERT_TRUE(db->checkpoint(LogPosition{5}).has_value());
      EXPECT_EQ(rows_of(99).rows(), 10u);
    }
  }
}

TEST_F(ChunkDbDamageTest, EveryStartSucceedsWhereverAByteFlips) {
  fill();
  SeededRandom random(42);
  size_t tried = 0;
  for (const auto& file : files("")) {
    const std::string name = file.filename();
    const uint64_t size = fs::file_size(file);
    if (size == 0 || name == "LOCK" || name.starts_with("LOG")) continue;
    for (int i = 0; i < 6; ++i) {
      restore();
      // Half of them near the end, where tables of contents lie.
      const uint64_t at = i % 2 == 0 ? random.below(size) : size - 1 - random.below(std::min<uint64_t>(size, 300));
      flip_bit(directory / "store" / name, at);
      SCOPED_TRACE(fmt::format("{} at {} of {}", name, at, size));
      open();
      ASSERT_NE(db, nullptr);
      const size_t rows = served();
      if (name.ends_with(".sst")) {
        EXPECT_GE(rows, kRows / 2 - 20 * 60);
      }
      ASSERT_TRUE(append({cpu_rows(99, 0, 10)}).has_value());
      ASSERT_TRUE(db->checkpoint(LogPosition{7}).has_value());
      EXPECT_EQ(rows_of(99).rows(), 10u);
      open();
      EXPECT_EQ(rows_of(99).rows(), 10u);
      ++tried;
    }
  }
  EXPECT_GE(tried, 30u);
}

TEST_F(ChunkDbDamageTest, MissingAndCutFiles) {
  fill();
  for (const auto& file : files("")) {
    const std::string name = file.filename();
    if (name == "LOCK" || name.starts_with("LOG")) continue;
    for (const bool cut : {false, true}) {
      restore();
      const fs::path victim = directory / "store" / name;
      if (cut) {
        fs::resize_file(victim, fs::file_size(victim) / 2);
      } else {
        fs::remove(victim);
      }
      SCOPED_TRACE(fmt::format("{} {}", name, cut ? "cut" : "gone"));
      open();
      ASSERT_NE(db, nullptr);
      // A table of contents that ends early cannot be told from an older one.
      if (!(cut && name.starts_with("MANIFEST"))) served();
      ASSERT_TRUE(append({cpu_rows(99, 0, 10)}).has_value());
      ASSERT_TRUE(db->checkpoint(LogPosition{7}).has_value());
      EXPECT_EQ(rows_of(99).rows(), 10u);
    }
  }
}

TEST_F(ChunkDbDamageTest, ADirectoryOfNonsenseIsSetAside) {
  fs::create_directories(directory / "store");
  std::ofstream(directory / "store" / "CURRENT") << "nonsense";
  open();
  ASSERT_NE(db, nullptr);
  EXPECT_EQ(db->log_begin(), LogPosition{0});
  ASSERT_THAT(db->damage(), Not(IsEmpty()));
  EXPECT_THAT(db->damage()[0], HasSubstr("store"));
  ASSERT_TRUE(append({cpu_rows(1, 0, 10)}).has_value());
  EXPECT_EQ(rows_of(1).rows(), 10u);
}

}  // namespace
}  // namespace dragonfly
