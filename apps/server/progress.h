// Progress: a bar on the terminal, where standard error is one; else nothing.
//
// Units      whatever the caller counts.
// Ownership  none.
// Threading  one thread.
// Errors     none.
// Limits     drawn anew where the percentage changes.
#pragma once

#include <cstdint>
#include <string>

namespace dragonfly {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(uint64_t done, uint64_t total);

 private:
  const std::string what_;
  const bool terminal_;
  int percent_ = -1;
};

}  // namespace dragonfly
