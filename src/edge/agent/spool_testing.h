// For tests: a directory that goes with its test, and a disk that can be full.
//
// Units      bytes.
// Ownership  FullFiles borrows the real file system and the directory's files stay the test's.
// Threading  one thread.
// Errors     kNoSpace where the room is used up.
// Limits     none.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/fs/file.h"

namespace dragonfly {

class TestDirectory {
 public:
  TestDirectory() {
    std::string name = testing::TempDir() + "/df-spool-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const Path& path() const { return path_; }
  std::vector<Path> segments() const {
    std::vector<Path> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().extension() == ".spool") out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  uint64_t bytes() const {
    uint64_t out = 0;
    for (const Path& path : segments()) out += std::filesystem::file_size(path);
    return out;
  }

 private:
  Path path_;
};

// The real file system, of which appends get `room` bytes more. The append that finds it used up leaves half of its
// bytes behind.
class FullFiles final : public FileSystem {
 public:
  uint64_t room = UINT64_MAX;

  Result<std::unique_ptr<AppendFile>> open_append(const Path& path, bool create) override {
    auto opened = real_.open_append(path, create);
    if (!opened) return fail(opened.error());
    return std::make_unique<File>(*this, std::move(*opened));
  }
  Result<Bytes> read_file(const Path& path, uint64_t bytes_max) override { return real_.read_file(path, bytes_max); }
  Result<> replace_file(const Path& path, ByteView content) override { return real_.replace_file(path, content); }
  Result<> make_directories(const Path& path) override { return real_.make_directories(path); }
  Result<> remove(const Path& path) override { return real_.remove(path); }
  Result<> sync_directory(const Path& path) override { return real_.sync_directory(path); }
  Result<std::vector<std::string>> list(const Path& path) override { return real_.list(path); }

 private:
  class File final : public AppendFile {
   public:
    File(FullFiles& files, std::unique_ptr<AppendFile> real) : files_(files), real_(std::move(real)) {}
    Result<> append(ByteView bytes) override {
      if (bytes.size() > files_.room) {
        (void)real_->append(bytes.first(bytes.size() / 2));
        return fail(ErrorCode::kNoSpace, "write: no space left");
      }
      files_.room -= bytes.size();
      return real_->append(bytes);
    }
    Result<> sync() override { return real_->sync(); }
    Result<> truncate(uint64_t size) override { return real_->truncate(size); }
    uint64_t size() const override { return real_->size(); }

   private:
    FullFiles& files_;
    std::unique_ptr<AppendFile> real_;
  };
  FileSystem& real_ = system_files();
};

}  // namespace dragonfly
