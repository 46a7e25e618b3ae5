// Inside base/http: an io thread, and what all connections of a server share.
//
// Units      see http_server.h.
// Ownership  a Loop is kept alive by its server and by every Exchange; it owns the frames of its connections.
// Threading  Loop: its own thread, but posting to io is free to all. Shared: any thread.
// Errors     none.
// Limits     HttpOptions.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/core/assert.h"
#include "base/http/http_server.h"
#include "base/obs/log.h"

namespace dragonfly::http_internal {

class Connection;

// One io thread and its connections. Kept alive by everything that may still post to it.
struct Loop {
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;  // Before io: it dies after the frames do.
  boost::asio::io_context io{1};
};

// How many of something there may be, in all and of one source.
class Places {
 public:
  Places(size_t in_all, size_t of_source) : max_(in_all), of_source_max_(of_source) {}
  bool take(const boost::asio::ip::address& source) {
    size_t& of_source = by_source_[source];
    if (taken_ >= max_ || of_source >= of_source_max_) {
      if (of_source == 0) by_source_.erase(source);
      return false;
    }
    ++of_source;
    ++taken_;
    return true;
  }
  void give_back(const boost::asio::ip::address& source) {
    const auto found = by_source_.find(source);
    DF_ASSERT(found != by_source_.end() && taken_ > 0);
    if (--found->second == 0) by_source_.erase(found);
    --taken_;
  }
  size_t taken() const { return taken_; }

 private:
  const size_t max_;
  const size_t of_source_max_;
  std::map<boost::asio::ip::address, size_t> by_source_;
  size_t taken_ = 0;
};

// What all connections share.
struct Shared {
  Shared(HttpOptions given, Clock& the_clock, Executor& the_workers, HttpHandler the_handler)
      : options(std::move(given)),
        clock(the_clock),
        workers(the_workers),
        handler(std::move(the_handler)),
        connections(options.connections_max, options.connections_per_source_max),
        pieces(options.pieces_max, options.pieces_per_source_max) {}
  const HttpOptions options;
  Clock& clock;
  Executor& workers;
  const HttpHandler handler;
  bool loopback = false;  // The listener.
  HttpStats stats;
  std::atomic<size_t> bodies_bytes{0};
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable changed;
  Places connections;  // As the next under the mutex.
  Places pieces;       // Answers that are being made piece by piece.
  RateLimit broken_logged{10s};

  bool admit(const boost::asio::ip::address& source) {
    const std::lock_guard lock(mutex);
    if (stopping || !connections.take(source)) return false;
    stats.connections_open.set(static_cast<int64_t>(connections.taken()));
    return true;
  }
  void leave(const boost::asio::ip::address& source) {
    const std::lock_guard lock(mutex);
    connections.give_back(source);
    stats.connections_open.set(static_cast<int64_t>(connections.taken()));
    changed.notify_all();
  }
  bool admit_pieces(const boost::asio::ip::address& source) {
    const std::lock_guard lock(mutex);
    const bool taken = pieces.take(source);
    stats.pieces_open.set(static_cast<int64_t>(pieces.taken()));
    return taken;
  }
  void leave_pieces(const boost::asio::ip::address& source) {
    const std::lock_guard lock(mutex);
    pieces.give_back(source);
    stats.pieces_open.set(static_cast<int64_t>(pieces.taken()));
  }
};

// Bytes of bodies in memory, given back by the destructor.
class BodyShare {
 public:
  explicit BodyShare(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() { shared_->bodies_bytes -= bytes_; }
  bool grow_to(size_t bytes) {
    if (bytes <= bytes_) return true;
    const size_t more = bytes - bytes_;
    if (shared_->bodies_bytes.fetch_add(more) + more > shared_->options.bodies_bytes_max) {
      shared_->bodies_bytes -= more;
      return false;
    }
    bytes_ = bytes;
    return true;
  }

 private:
  std::shared_ptr<Shared> shared_;
  size_t bytes_ = 0;
};

}  // namespace dragonfly::http_internal
