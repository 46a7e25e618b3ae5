#include "store/tsdb/damage_book.h"

#include <algorithm>

namespace dragonfly {

void DamageBook::tell(std::string text, std::vector<std::string>* missing) {
  uint64_t held_back = 0;
  if (log_.allow(clock_.monotonic(), held_back))
    log_error("store", "{}{}", text, held_back == 0 ? "" : fmt::format(" (and {} more like it)", held_back));
  if (missing != nullptr && missing->size() < kLinesMax) missing->push_back(text);
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(lines_, text) != lines_.end()) return;
  if (lines_.size() >= kLinesMax) lines_.erase(lines_.begin());
  lines_.push_back(std::move(text));
}

std::vector<std::string> DamageBook::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

}  // namespace dragonfly
