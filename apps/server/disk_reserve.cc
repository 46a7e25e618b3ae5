#include "disk_reserve.h"

#include "base/obs/log.h"

namespace dragonfly {

void DiskReserve::give() {
  std::error_code error;
  const auto space = std::filesystem::space(path_.parent_path(), error);
  if (error || space.available >= kBytes || !std::filesystem::exists(path_, error)) return;
  log_warning("server", "the disk of {} is full; the room that {} kept is used to start", path_.parent_path().string(),
              path_.filename().string());
  if (auto removed = files_.remove(path_); !removed) log_warning("server", "{}", removed.error().message);
}

void DiskReserve::take() {
  std::error_code error;
  const uint64_t has = std::filesystem::file_size(path_, error);
  for (uint64_t bytes = kBytes; bytes >= kBytesMin && (error || has < bytes); bytes /= 2) {
    if (files_.replace_file(path_, Bytes(bytes))) return;
  }
}

}  // namespace dragonfly
