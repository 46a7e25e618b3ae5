// How much memory this process may use: the machine's, or less where a memory cgroup (version 1 or 2) says so.
//
// Units      bytes.
// Ownership  none.
// Threading  any thread.
// Errors     none: what cannot be read bounds nothing.
// Limits     none.
#pragma once

#include <cstdint>

#include "base/fs/file.h"

namespace dragonfly {

// `root`: where proc and sys lie; `machine`: the memory that there is without any bound.
uint64_t available_memory(FileSystem& files, const Path& root, uint64_t machine);
// Of this process.
uint64_t available_memory();

}  // namespace dragonfly
