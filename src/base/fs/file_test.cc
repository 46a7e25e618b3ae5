#include "base/fs/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "df-file-XXXXXX").string();
    DF_ASSERT(::mkdtemp(name.data()) != nullptr);
    directory_ = name;
  }
  ~FileTest() override { std::filesystem::remove_all(directory_); }

  std::string content(const Path& path) {
    const Result<Bytes> bytes = files_.read_file(path, 1 << 20);
    return bytes.has_value() ? std::string(as_text(*bytes)) : bytes.error().message;
  }
  static mode_t mode(const Path& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }

  FileSystem& files_ = system_files();
  Path directory_;
};

TEST_F(FileTest, AppendsSyncsTruncatesAndGoesOnAtTheEnd) {
  const Path path = directory_ / "a";
  {
    auto file = files_.open_append(path, true);
    ASSERT_TRUE(file.has_value()) << file.error().message;
    EXPECT_EQ((*file)->size(), 0u);
    EXPECT_TRUE((*file)->append(as_bytes("hello ")).has_value());
    EXPECT_TRUE((*file)->append(as_bytes("world")).has_value());
    EXPECT_TRUE((*file)->sync().has_value());
    EXPECT_EQ((*file)->size(), 11u);
    EXPECT_EQ(content(path), "hello world");
    EXPECT_TRUE((*file)->truncate(6).has_value());
    EXPECT_TRUE((*file)->append(as_bytes("sea")).has_value());
  }
  EXPECT_EQ(content(path), "hello sea");
  EXPECT_EQ(mode(path), 0600u);
  auto again = files_.open_append(path, false);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ((*again)->size(), 9u);
  EXPECT_TRUE((*again)->append(as_bytes("!")).has_value());
  EXPECT_EQ(content(path), "hello sea!");
}

TEST_F(FileTest, ErrorsNameThePathAndTheCause) {
  const auto f = [](const auto& result) {
    return result.has_value() ? std::string("fine")
                              : std::to_string(static_cast<int>(result.error().code)) + " " + result.error().message;
  };
  const std::string not_found = std::to_string(static_cast<int>(ErrorCode::kNotFound));
  const std::string io = std::to_string(static_cast<int>(ErrorCode::kIo));
  const Path absent = directory_ / "absent";
  EXPECT_EQ(f(files_.open_append(absent, false)),
            not_found + " open " + absent.native() + ": No such file or directory");
  EXPECT_EQ(f(files_.read_file(absent, 10)), not_found + " open " + absent.native() + ": No such file or directory");
  EXPECT_EQ(f(files_.list(absent)), not_found + " list " + absent.native() + ": No such file or directory");
  EXPECT_EQ(f(files_.open_append(directory_, false)), io + " open " + directory_.native() + ": Is a directory");
  EXPECT_EQ(f(files_.remove(absent)), "fine");
}

TEST_F(FileTest, AFullDiskIsToldAsSuch) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  // replace_file makes path.tmp; a link there leads the write to the device that is always full.
  const Path path = directory_ / "f";
  std::filesystem::create_symlink("/dev/full", directory_ / "f.tmp");
  const Result<> result = files_.replace_file(path, as_bytes("x"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kNoSpace);
  EXPECT_THAT(result.error().message, HasSubstr("No space left"));
}

TEST_F(FileTest, ReadsUpToALimitAndFilesWithoutASize) {
  const Path path = directory_ / "r";
  ASSERT_TRUE(files_.replace_file(path, as_bytes("12345")).has_value());
  EXPECT_EQ(files_.read_file(path, 5)->size(), 5u);
  EXPECT_EQ(files_.read_file(path, 4).error().code, ErrorCode::kResourceExhausted);
  const Result<Bytes> status = files_.read_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(status.has_value());
  EXPECT_THAT(std::string(as_text(*status)), HasSubstr("VmRSS"));
}

TEST_F(FileTest, ReplaceLeavesNoTemporaryAndKeepsTheOldOnFailure) {
  const Path path = directory_ / "state";
  EXPECT_TRUE(files_.replace_file(path, as_bytes("old")).has_value());
  EXPECT_TRUE(files_.replace_file(path, as_bytes("new")).has_value());
  EXPECT_EQ(content(path), "new");
  EXPECT_EQ(mode(path), 0600u);
  EXPECT_THAT(*files_.list(directory_), ElementsAre("state"));
  // A directory in the way of the temporary file.
  std::filesystem::create_directory(directory_ / "state.tmp");
  EXPECT_FALSE(files_.replace_file(path, as_bytes("newer")).has_value());
  EXPECT_EQ(content(path), "new");
}

TEST_F(FileTest, MakesDirectoriesListsAndRemoves) {
  const Path deep = directory_ / "x" / "y" / "z";
  EXPECT_TRUE(files_.make_directories(deep).has_value());
  EXPECT_TRUE(files_.make_directories(deep).has_value());
  EXPECT_TRUE(files_.make_directories(directory_ / "slash" / "").has_value());
  EXPECT_EQ(mode(deep), 0700u);
  EXPECT_TRUE(files_.replace_file(directory_ / "b", {}).has_value());
  EXPECT_TRUE(files_.replace_file(directory_ / "a", {}).has_value());
  EXPECT_THAT(*files_.list(directory_), ElementsAre("a", "b", "slash", "x"));
  EXPECT_EQ(files_.make_directories(directory_ / "a").error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(files_.remove(directory_ / "a").has_value());
  EXPECT_TRUE(files_.sync_directory(directory_).has_value());
  EXPECT_THAT(*files_.list(directory_), ElementsAre("b", "slash", "x"));
}

TEST_F(FileTest, LockTellsItsHolderAndEndsWithIt) {
  {
    Result<DirectoryLock> held = DirectoryLock::acquire(directory_);
    ASSERT_TRUE(held.has_value()) << held.error().message;
    const Result<DirectoryLock> second = DirectoryLock::acquire(directory_);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(second.error().message, HasSubstr("in use by process " + std::to_string(::getpid())));
    DirectoryLock moved = std::move(*held);
    EXPECT_FALSE(DirectoryLock::acquire(directory_).has_value());
  }
  EXPECT_TRUE(DirectoryLock::acquire(directory_).has_value());
}

TEST_F(FileTest, LockOfAKilledProcessIsFree) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = DirectoryLock::acquire(directory_);
    const char byte = lock.has_value() ? '+' : '-';
    (void)!::write(ready[1], &byte, 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, '+');
  EXPECT_THAT(DirectoryLock::acquire(directory_).error().message, HasSubstr(std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(DirectoryLock::acquire(directory_).has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace dragonfly
