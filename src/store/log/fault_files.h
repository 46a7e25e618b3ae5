// FaultFiles: a file system in memory, for tests, whose n-th operation fails and which can lose its power.
//
// A failed append leaves half of its bytes behind. After a failed sync the file's later syncs succeed and keep nothing,
// as kernels do it. lose_power() keeps of each file what was synced and a random part of what was appended since; a
// file whose directory entry was not synced is gone.
//
// Units      operations are counted from 1; bytes.
// Ownership  files that were handed out share their content with it and may outlive a loss of power.
// Threading  any thread: the test's and the committer's, so one std::mutex guards it all.
// Errors     the injected one.
// Limits     none.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/fs/file.h"
#include "base/rt/random.h"

namespace dragonfly {

class FaultFiles final : public FileSystem {
 public:
  // The n-th operation from now on fails, and every later one where `persistent`. 0 = none.
  void fail_at(uint64_t n, ErrorCode code, bool persistent) {
    const std::lock_guard lock(mutex_);
    operations_ = 0;
    fail_at_ = n;
    code_ = code;
    persistent_ = persistent;
  }
  bool has_failed() const {
    const std::lock_guard lock(mutex_);
    return fail_at_ != 0 && operations_ >= fail_at_;
  }
  // Bytes that all files may hold together.
  void set_space(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    space_ = bytes;
  }
  void lose_power(Random& random) {
    const std::lock_guard lock(mutex_);
    for (auto it = nodes_.begin(); it != nodes_.end();) {
      if (!it->second->entry_durable) {
        it = nodes_.erase(it);
        continue;
      }
      auto left = std::make_shared<Node>();
      const Node& node = *it->second;
      left->data = node.durable;
      if (node.data.size() > node.durable.size()) {
        const size_t kept = node.durable.size() + random.below(node.data.size() - node.durable.size() + 1);
        left->data.insert(left->data.end(), node.data.begin() + static_cast<ptrdiff_t>(node.durable.size()),
                          node.data.begin() + static_cast<ptrdiff_t>(kept));
      }
      left->durable = left->data;
      left->entry_durable = true;
      it->second = std::move(left);
      ++it;
    }
  }
  // For a test's own look and damage, without counting.
  std::map<std::string, Bytes> snapshot() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Bytes> out;
    for (const auto& [path, node] : nodes_) out[Path(path).filename().native()] = node->data;
    return out;
  }
  void put(const Path& path, Bytes content) {
    const std::lock_guard lock(mutex_);
    auto node = std::make_shared<Node>();
    node->data = node->durable = std::move(content);
    node->entry_durable = true;
    nodes_[path.native()] = std::move(node);
  }

  Result<std::unique_ptr<AppendFile>> open_append(const Path& path, bool create) override {
    const std::lock_guard lock(mutex_);
    auto it = nodes_.find(path.native());
    if (it == nodes_.end() && !create) return dragonfly::fail(ErrorCode::kNotFound, "open {}", path.native());
    const bool failed = hit();
    if (failed && code_ != ErrorCode::kIo) return injected("open", path);
    if (it == nodes_.end()) it = nodes_.emplace(path.native(), std::make_shared<Node>()).first;
    if (failed) {  // The file was made, the sync of its directory failed.
      it->second->entry_broken = true;
      return injected("sync of the directory of", path);
    }
    it->second->entry_durable = !it->second->entry_broken;
    return std::make_unique<File>(*this, path, it->second);
  }
  Result<Bytes> read_file(const Path& path, uint64_t bytes_max) override {
    const std::lock_guard lock(mutex_);
    if (hit()) return injected("read", path);
    const auto it = nodes_.find(path.native());
    if (it == nodes_.end()) return dragonfly::fail(ErrorCode::kNotFound, "read {}", path.native());
    if (it->second->data.size() > bytes_max) return dragonfly::fail(ErrorCode::kResourceExhausted, "too long");
    return it->second->data;
  }
  Result<> replace_file(const Path& path, ByteView content) override {
    if (const std::lock_guard lock(mutex_); hit()) return injected("replace", path);
    put(path, Bytes(content.begin(), content.end()));
    return {};
  }
  Result<> make_directories(const Path& path) override { return simple("make", path); }
  Result<> remove(const Path& path) override {
    const std::lock_guard lock(mutex_);
    if (hit()) return injected("remove", path);
    nodes_.erase(path.native());
    return {};
  }
  Result<> sync_directory(const Path& path) override { return simple("sync", path); }
  Result<std::vector<std::string>> list(const Path& path) override {
    const std::lock_guard lock(mutex_);
    if (hit()) return injected("list", path);
    std::vector<std::string> names;
    for (const auto& [name, node] : nodes_)
      if (Path(name).parent_path() == path) names.push_back(Path(name).filename().native());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  struct Node {
    Bytes data;
    Bytes durable;
    bool sync_broken = false;
    bool entry_durable = false;
    bool entry_broken = false;
  };

  class File final : public AppendFile {
   public:
    File(FaultFiles& files, Path path, std::shared_ptr<Node> node)
        : files_(files), path_(std::move(path)), node_(std::move(node)), size_(node_->data.size()) {}
    Result<> append(ByteView bytes) override {
      const std::lock_guard lock(files_.mutex_);
      if (files_.hit()) {
        write(bytes.first(bytes.size() / 2));
        return files_.injected("write", path_);
      }
      const uint64_t used = files_.used() - (node_->data.size() - size_);
      if (used + bytes.size() > files_.space_) {
        write(bytes.first(files_.space_ > used ? files_.space_ - used : 0));
        return dragonfly::fail(ErrorCode::kNoSpace, "write {}: no space", path_.native());
      }
      write(bytes);
      size_ += bytes.size();
      return {};
    }
    Result<> sync() override {
      const std::lock_guard lock(files_.mutex_);
      if (files_.hit()) {
        node_->sync_broken = true;
        return files_.injected("sync", path_);
      }
      if (!node_->sync_broken) node_->durable = node_->data;
      return {};
    }
    Result<> truncate(uint64_t size) override {
      const std::lock_guard lock(files_.mutex_);
      if (files_.hit()) return files_.injected("truncate", path_);
      node_->data.resize(size);
      size_ = size;
      return {};
    }
    uint64_t size() const override { return size_; }

   private:
    void write(ByteView bytes) {
      if (node_->data.size() < size_ + bytes.size()) node_->data.resize(size_ + bytes.size());
      std::copy(bytes.begin(), bytes.end(), node_->data.begin() + static_cast<ptrdiff_t>(size_));
    }
    FaultFiles& files_;
    const Path path_;
    const std::shared_ptr<Node> node_;
    uint64_t size_;
  };

  bool hit() {
    ++operations_;
    return fail_at_ != 0 && (persistent_ ? operations_ >= fail_at_ : operations_ == fail_at_);
  }
  tl::unexpected<Error> injected(std::string_view what, const Path& path) const {
    return dragonfly::fail(code_, "{} {}: injected", what, path.native());
  }
  Result<> simple(std::string_view what, const Path& path) {
    const std::lock_guard lock(mutex_);
    if (hit()) return injected(what, path);
    return {};
  }
  uint64_t used() const {
    uint64_t bytes = 0;
    for (const auto& [path, node] : nodes_) bytes += node->data.size();
    return bytes;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> nodes_;
  uint64_t operations_ = 0;
  uint64_t fail_at_ = 0;
  ErrorCode code_ = ErrorCode::kIo;
  bool persistent_ = false;
  uint64_t space_ = UINT64_MAX;
};

}  // namespace dragonfly
