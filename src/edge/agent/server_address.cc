#include "edge/agent/server_address.h"

#include <mutex>
#include <system_error>
#include <thread>

namespace dragonfly {

struct ServerAddress::LookUp {
  std::mutex mutex;
  std::optional<Result<Endpoint>> result;
};

ServerAddress::ServerAddress(std::string text, MonotonicTime now) : text_(std::move(text)), looked_up_(now) {
  if (const auto digits = Endpoint::parse(text_)) {
    endpoint_ = *digits;
    return;
  }
  is_name_ = true;
  take(Endpoint::resolve(text_));
}

ServerAddress::~ServerAddress() = default;

bool ServerAddress::take(const Result<Endpoint>& found) {
  if (!found) {
    error_ = found.error().message;
    return false;
  }
  error_.clear();
  if (endpoint_ && *endpoint_ == *found) return false;
  endpoint_ = *found;
  return true;
}

bool ServerAddress::update(bool silent, MonotonicTime now) {
  if (!is_name_) return false;
  if (running_) {
    const std::shared_ptr<LookUp> running = running_;  // Outlives the lock.
    const std::lock_guard lock(running->mutex);
    if (!running->result) return false;
    looked_up_ = now;
    running_.reset();
    return take(*running->result);
  }
  if (now - looked_up_ < (silent ? kLookUpSilent : kLookUpEvery)) return false;
  looked_up_ = now;
  auto look_up = std::make_shared<LookUp>();
  try {
    std::thread([look_up, text = text_] {
      auto found = Endpoint::resolve(text);
      const std::lock_guard lock(look_up->mutex);
      look_up->result = std::move(found);
    }).detach();
    running_ = std::move(look_up);
  } catch (const std::system_error& e) {
    error_ = e.what();
  }
  return false;
}

}  // namespace dragonfly
