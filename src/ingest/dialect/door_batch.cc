#include "ingest/dialect/door_batch.h"

namespace dragonfly {

void DoorBatch::refuse(std::string_view unit, size_t number, std::string_view problem) {
  if (not_shown_ == 0) return refuse(fmt::format("{} {}: {}", unit, number, problem));
  ++points_wrong;
  ++not_shown_;
}

void DoorBatch::refuse(std::string_view text) {
  constexpr size_t kRoomForCount = 64;
  ++points_wrong;
  // Once one did not fit none is shown any more, so that what is shown is a beginning.
  if (not_shown_ > 0 || shown_.size() + text.size() + kRoomForCount > kErrorBytesMax) {
    ++not_shown_;
    return;
  }
  shown_.append(shown_.empty() ? "" : "\n").append(text);
}

std::string DoorBatch::errors() const {
  return not_shown_ == 0 ? shown_ : fmt::format("{}\nand {} more", shown_, not_shown_);
}

uint64_t DoorBatch::rows() const {
  uint64_t out = 0;
  for (const DoorVm& vm : vms) out += vm.rows.size() + vm.custom.size();
  return out;
}

}  // namespace dragonfly
