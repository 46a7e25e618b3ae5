// What of ChunkDb a backup needs.
#include <rocksdb/utilities/checkpoint.h>

#include "store/tsdb/chunk_db.h"

namespace dragonfly {

Result<> ChunkDb::copy_to(const std::filesystem::path& directory) {
  {
    std::unique_lock lock(queue_mutex_);
    const uint64_t upto = taken_;
    queue_changed_.wait(lock, [&] { return finished_ >= upto; });
  }
  core_.resume_after_error();
  // It flushes every family, and copies the list of them.
  const auto families = core_.partitions.hold();
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(core_.db.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory.string());
  if (!status.ok()) return fail(to_error(status, fmt::format("cannot copy the store to {}", directory.string())));
  return {};
}

}  // namespace dragonfly
