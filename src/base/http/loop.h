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

namespace dragonfly::http_internal {

class Connection;

// One io thread and its connections. Kept alive by everything that may still post to it.
struct Loop {
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;  // Before io: it dies after the frames do.
  boost::asio::io_context io{1};
};

// What all connections share.
struct Shared {
  Shared(HttpOptions given, Clock& the_clock, Executor& the_workers, HttpHandler the_handler)
      : options(std::move(given)), clock(the_clock), workers(the_workers), handler(std::move(the_handler)) {}
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
  std::map<boost::asio::ip::address, size_t> by_source;
  size_t connections = 0;

  bool admit(const boost::asio::ip::address& source) {
    const std::lock_guard lock(mutex);
    size_t& of_source = by_source[source];
    if (stopping || connections >= options.connections_max || of_source >= options.connections_per_source_max) {
      if (of_source == 0) by_source.erase(source);
      return false;
    }
    ++of_source;
    ++connections;
    stats.connections_open.set(static_cast<int64_t>(connections));
    return true;
  }
  void leave(const boost::asio::ip::address& source) {
    const std::lock_guard lock(mutex);
    const auto found = by_source.find(source);
    DF_ASSERT(found != by_source.end() && connections > 0);
    if (--found->second == 0) by_source.erase(found);
    --connections;
    stats.connections_open.set(static_cast<int64_t>(connections));
    changed.notify_all();
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
