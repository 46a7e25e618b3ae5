#include "store/log/log_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/fs/testing/files.h"
#include "store/log/log_testing.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LogCheckTest : public ::testing::Test {
 protected:
  LogCheckTest() {
    std::string pattern = (fs::temp_directory_path() / "df_logcheck_XXXXXX").string();
    options_.directory = mkdtemp(pattern.data());
    options_.segment_bytes_max = 4096;
  }
  ~LogCheckTest() override { fs::remove_all(options_.directory); }

  std::unique_ptr<LogRun> start(LogPosition from = {}) {
    auto run = std::make_unique<LogRun>(system_files(), clock_, options_);
    DF_ASSERT(run->opened() && run->replay(from));
    run->log().start();
    return run;
  }
  void fill() {
    auto run = start();
    for (int i = 0; i < 30; ++i) ASSERT_FALSE(run->commit(std::string(500, static_cast<char>('a' + i % 26))).error);
  }
  std::vector<fs::path> segments() const { return files_in(options_.directory); }
  LogCheck check(LogPosition from = {}) { return check_log(system_files(), options_.directory, from).value(); }

  SystemClock clock_;
  LogOptions options_;
};

TEST_F(LogCheckTest, AWholeLogAndNone) {
  EXPECT_EQ(check_log(system_files(), options_.directory / "none", {})->segments, 0u);
  fill();
  const LogCheck whole = check();
  EXPECT_EQ(whole.records, 30u);
  EXPECT_GE(whole.segments, 3u);
  EXPECT_EQ(whole.torn_bytes, 0u);
  EXPECT_THAT(whole.damage, IsEmpty());
}

TEST_F(LogCheckTest, EveryFlippedBitIsNamed) {
  fill();
  const fs::path path = segments()[1];
  const uint64_t size = fs::file_size(path);
  for (uint64_t at = 0; at < size; at += 37) {
    flip_bit(path, at);
    EXPECT_THAT(check().damage, ElementsAre(HasSubstr(path.filename().string()))) << at;
    flip_bit(path, at);
  }
  EXPECT_THAT(check().damage, IsEmpty());
}

TEST_F(LogCheckTest, CutAndMissingSegments) {
  fill();
  const auto all = segments();
  const auto bytes = fs::file_size(all.back());
  fs::resize_file(all.back(), bytes - 5);  // The last mark: nothing that was acknowledged.
  EXPECT_THAT(check().damage, IsEmpty());
  fs::resize_file(all[1], fs::file_size(all[1]) - 100);
  EXPECT_THAT(check().damage, Contains(HasSubstr("missing at its end")));
  // Not where the store does not need it any more.
  EXPECT_THAT(check(*parse_segment_name(all[2].filename().string())).damage, IsEmpty());
  fs::remove(all[0]);
  fs::remove(all[1]);
  EXPECT_THAT(check().damage, ElementsAre(HasSubstr("before it are missing")));
}

TEST_F(LogCheckTest, AStoppedLogIsCutWhole) {
  LogPosition end{};
  {
    auto run = start();
    ASSERT_FALSE(run->commit("one").error);
    run->log().stop();
    end = run->log().end();
    run->log().cut(LogPosition{offset_of(end) - 1});
    EXPECT_EQ(segments().size(), 1u);
    run->log().cut(end);
  }
  EXPECT_THAT(segments(), IsEmpty());
  {
    auto run = start(end);
    EXPECT_EQ(run->log().end(), end);
    ASSERT_FALSE(run->commit("two").error);
    EXPECT_GE(run->outcomes.wait("two").begin, end);
  }
  EXPECT_THAT(start(end)->texts(), ElementsAre("two"));
}

}  // namespace
}  // namespace dragonfly
