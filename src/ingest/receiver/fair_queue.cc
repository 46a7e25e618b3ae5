#include "ingest/receiver/fair_queue.h"

#include <algorithm>

namespace dragonfly {

size_t FairQueue::push(uint64_t source, std::string datagram) {
  const std::lock_guard lock(mutex_);
  if (datagram.size() > bytes_max_ || datagrams_max_ == 0) return 1;
  auto at = by_id_.find(source);
  if (at == by_id_.end()) at = by_id_.emplace(source, turns_.insert(turns_.end(), Source{source, {}, 0})).first;
  ++datagrams_;
  bytes_ += datagram.size();
  at->second->bytes += datagram.size();
  at->second->waiting.push_back(std::move(datagram));
  size_t dropped = 0;
  for (; is_over(); ++dropped) drop_oldest_of_largest();
  return dropped;
}

std::optional<std::string> FairQueue::pop() {
  const std::lock_guard lock(mutex_);
  if (turns_.empty()) return std::nullopt;
  const auto source = turns_.begin();
  std::string out = std::move(source->waiting.front());
  source->bytes -= out.size();
  bytes_ -= out.size();
  --datagrams_;
  source->waiting.pop_front();
  turns_.splice(turns_.end(), turns_, source);
  take_off(source);
  return out;
}

// Walks all sources: only where it is full, and as many as wait then are at most datagrams_max_.
void FairQueue::drop_oldest_of_largest() {
  const auto largest = std::max_element(turns_.begin(), turns_.end(),
                                        [](const Source& a, const Source& b) { return a.bytes < b.bytes; });
  const size_t size = largest->waiting.front().size();
  largest->bytes -= size;
  bytes_ -= size;
  --datagrams_;
  largest->waiting.pop_front();
  take_off(largest);
}

void FairQueue::take_off(Sources::iterator source) {
  if (!source->waiting.empty()) return;
  by_id_.erase(source->id);
  turns_.erase(source);
}

size_t FairQueue::size() const {
  const std::lock_guard lock(mutex_);
  return datagrams_;
}

size_t FairQueue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace dragonfly
