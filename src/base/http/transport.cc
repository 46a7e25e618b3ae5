#include "base/http/transport.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace dragonfly::http_internal {

namespace net = boost::asio;

net::awaitable<bool> Transport::shake_hands() {
  while (true) {
    const Outcome outcome = tls_->handshake().outcome;
    if (outcome == Outcome::kDone) co_return true;
    if (outcome != Outcome::kWaitsRead && outcome != Outcome::kWaitsWrite) co_return false;
    SystemError ec;
    co_await socket_.async_wait(outcome == Outcome::kWaitsRead ? Socket::wait_read : Socket::wait_write,
                                net::redirect_error(net::use_awaitable, ec));
    if (ec) co_return false;
  }
}

}  // namespace dragonfly::http_internal
