// FairQueue: datagrams that wait, taken in turns from their sources, so that a flood from one does not starve the others.
//
// Where it is full, the source with the most bytes loses its oldest ones until there is room: what is newest matters most,
// and who sends little loses nothing to who sends much. A source is an address and a port: a sender is known by its socket,
// and a thousand behind one address have a thousand.
//
// Units      bytes.
// Ownership  owns what waits.
// Threading  any thread; one mutex, because shards push and the door's thread pops, for the time of a move.
// Errors     push() tells how many were dropped.
// Limits     datagrams_max and bytes_max, also for the number of sources.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace dragonfly {

class FairQueue {
 public:
  FairQueue(size_t datagrams_max, size_t bytes_max) : datagrams_max_(datagrams_max), bytes_max_(bytes_max) {}

  // How many had to go for it, itself included where it does not fit at all.
  size_t push(uint64_t source, std::string datagram);
  // The oldest of the source whose turn it is.
  std::optional<std::string> pop();
  size_t size() const;
  size_t bytes() const;

 private:
  struct Source {
    uint64_t id;
    std::deque<std::string> waiting;
    size_t bytes = 0;
  };
  using Sources = std::list<Source>;
  bool is_over() const { return datagrams_ > datagrams_max_ || bytes_ > bytes_max_; }
  void drop_oldest_of_largest();
  void take_off(Sources::iterator source);

  const size_t datagrams_max_;
  const size_t bytes_max_;
  mutable std::mutex mutex_;  // Guards what follows.
  Sources turns_;             // With something that waits; the first is next.
  std::unordered_map<uint64_t, Sources::iterator> by_id_;
  size_t datagrams_ = 0;
  size_t bytes_ = 0;
};

}  // namespace dragonfly
