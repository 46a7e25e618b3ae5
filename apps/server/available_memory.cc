#include "available_memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace dragonfly {
namespace {

constexpr uint64_t kFileBytesMax = 64 << 10;

// The number that the file begins with; absent ("max", no such file) it bounds nothing.
uint64_t bound_of(FileSystem& files, const Path& file) {
  const auto text = files.read_file(file, kFileBytesMax);
  uint64_t bound = 0;
  if (!text) return UINT64_MAX;
  const std::string_view digits = as_text(*text);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bound);
  return error == std::errc() && end != digits.data() && bound > 0 ? bound : UINT64_MAX;
}

// Of every group from `path` up to the root: each bounds those below it.
uint64_t bound_of_groups(FileSystem& files, const Path& mount, const Path& path, const char* file) {
  uint64_t bound = bound_of(files, mount / file);
  for (Path at = path.relative_path(); !at.empty(); at = at.parent_path())
    bound = std::min(bound, bound_of(files, mount / at / file));
  return bound;
}

}  // namespace

uint64_t available_memory(FileSystem& files, const Path& root, uint64_t machine) {
  const auto groups = files.read_file(root / "proc/self/cgroup", kFileBytesMax);
  if (!groups) return machine;
  uint64_t bound = machine;
  // Lines "hierarchy:controllers:path"; version 2 has no controllers.
  for (std::string_view rest = as_text(*groups); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const Path path(line.substr(second + 1));
    if (controllers.empty())
      bound = std::min(bound, bound_of_groups(files, root / "sys/fs/cgroup", path, "memory.max"));
    else if (controllers == "memory")
      bound = std::min(bound, bound_of_groups(files, root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
  }
  return bound;
}

uint64_t available_memory() {
  const auto machine =
      static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return available_memory(system_files(), "/", machine);
}

}  // namespace dragonfly
