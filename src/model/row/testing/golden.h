// Bytes for tests. Golden bytes: what a format looked like when it was released, as lines of hexadecimal digits in
// tests/compat/<version>/<name>.hex. They are read for ever. DF_WRITE_GOLDEN=1 writes files that are not there yet;
// one that is there is never overwritten: a changed format is a new version.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/core/bytes.h"

namespace dragonfly {

// from_hex of text in which blanks may part the fields.
inline Bytes spaced_hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  return from_hex(digits);
}

// Content of tests/compat/v1/<name>.hex below `source_dir`; `current` = what this build would write.
inline Bytes golden(const std::string& source_dir, const std::string& name, const Bytes& current) {
  const std::string path = source_dir + "/tests/compat/v1/" + name + ".hex";
  if (std::getenv("DF_WRITE_GOLDEN") != nullptr && !std::filesystem::exists(path)) {
    const std::string hex = to_hex(current);
    std::ofstream file(path);
    for (size_t at = 0; at < hex.size(); at += 96) file << hex.substr(at, 96) << '\n';
  }
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path << " is missing; DF_WRITE_GOLDEN=1 writes it";
  std::string hex;
  for (std::string line; std::getline(file, line);) hex += line;
  const Bytes bytes = from_hex(hex);
  EXPECT_FALSE(bytes.empty()) << path << " is not hexadecimal";
  return bytes;
}

}  // namespace dragonfly
