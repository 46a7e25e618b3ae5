// DiskReserve: a file that holds room for the moment when the disk is full: a server that starts there still has to open
// its store, and RocksDB ends the process where it cannot write its own records of what it opened.
//
// Units      bytes.
// Ownership  owns the file; borrows FileSystem, which outlives it.
// Threading  one thread, at the start.
// Errors     none: without the reserve a start on a full disk fails, with words.
// Limits     kBytes; kBytesMin where the disk has no more to give.
#pragma once

#include "base/fs/file.h"

namespace dragonfly {

class DiskReserve {
 public:
  static constexpr uint64_t kBytes = 2u << 20;
  static constexpr uint64_t kBytesMin = 512u << 10;

  DiskReserve(FileSystem& files, Path path) : files_(files), path_(std::move(path)) {}
  // Gives the room back where it is needed. Before anything is opened.
  void give();
  // Takes it again, as much of it as there is. Before anything else can take it.
  void take();

 private:
  FileSystem& files_;
  const Path path_;
};

}  // namespace dragonfly
