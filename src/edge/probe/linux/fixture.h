// For tests: a copy of a tree of tests/fixtures/proc that may be changed, and look-ups in collected rows.
//
// Units      none.
// Ownership  a Tree owns its temporary folder and removes it.
// Threading  one object, one thread.
// Errors     gtest failures.
// Limits     none.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "edge/probe/probe.h"

namespace dragonfly::linux_probe {

class Tree {
 public:
  // Empty without a name.
  explicit Tree(const std::string& name = {}) {
    std::string path = (std::filesystem::temp_directory_path() / "df_probe_XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    root_ = path;
    if (!name.empty()) lay_over(name);
  }
  ~Tree() { std::filesystem::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void lay_over(const std::string& name) {
    using std::filesystem::copy_options;
    std::filesystem::copy(std::filesystem::path(DF_SOURCE_DIR) / "tests/fixtures/proc" / name, root_,
                          copy_options::recursive | copy_options::overwrite_existing | copy_options::copy_symlinks);
  }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::trunc) << text;
  }
  void link(const std::string& path, const std::string& target) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::filesystem::create_symlink(target, root_ / path);
  }
  void remove(const std::string& path) { std::filesystem::remove_all(root_ / path); }

  ProbeOptions options() {
    ProbeOptions options;
    options.root = root_.string();
    options.ticks_hz = 100;
    options.page_bytes = 4096;
    options.file_system_size = [this](const std::string& path) { return size_of(path); };
    return options;
  }
  // The mount points whose size was asked for, in order.
  std::vector<std::string> asked;

 private:
  // From the tree's file "statvfs": mount point, total, used, free; the point may have blanks.
  std::optional<FileSystemSize> size_of(const std::string& path) {
    const std::string point = path.substr(root_.string().size());
    asked.push_back(point);
    std::ifstream in(root_ / "statvfs");
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with(point + ' ')) continue;
      std::istringstream numbers(line.substr(point.size()));
      FileSystemSize size;
      if (numbers >> size.total >> size.used >> size.free) return size;
    }
    return std::nullopt;
  }
  std::filesystem::path root_;
};

inline const Row* row_of(const std::vector<Row>& rows, GroupId group, uint32_t device = 0) {
  for (const Row& row : rows) {
    if (row.group == group && row.device == device) return &row;
  }
  return nullptr;
}

// "-" = absent; else the number as a test writes it, compared exactly.
inline void expect_metric(const std::vector<Row>& rows, std::string_view name, const std::string& expected,
                          uint32_t device = 0) {
  const Metric* metric = find_metric(name);
  ASSERT_NE(metric, nullptr) << name;
  const Row* row = row_of(rows, metric->group, device);
  const std::optional<Value> value = row == nullptr ? std::nullopt : row->values.at(metric->field);
  if (expected == "-") {
    EXPECT_FALSE(value.has_value()) << name;
    return;
  }
  ASSERT_TRUE(value.has_value()) << name;
  EXPECT_EQ(value->type, metric->type) << name;
  if (metric->type == ValueType::kFloat64) {
    EXPECT_EQ(std::bit_cast<double>(value->bits), std::strtod(expected.c_str(), nullptr)) << name;
  } else {
    EXPECT_EQ(value->bits, std::strtoull(expected.c_str(), nullptr, 10)) << name;
  }
}

// Lines "name value" for all 52.
inline void expect_all(const std::vector<Row>& rows, const std::string& lines) {
  std::istringstream in(lines);
  size_t count = 0;
  for (std::string name, value; in >> name >> value; ++count) expect_metric(rows, name, value);
  EXPECT_EQ(count, catalogue().size());
}

inline MonotonicTime at_seconds(double seconds) { return MonotonicTime(Duration(static_cast<int64_t>(seconds * 1e9))); }

}  // namespace dragonfly::linux_probe
