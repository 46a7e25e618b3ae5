// Inside base/http: the bytes of a connection, in clear or under TLS, as one of Asio's streams.
//
// Units      see http_server.h.
// Ownership  owns the socket.
// Threading  the connection's loop only. One read and one write may be under way at once.
// Errors     error codes as sockets give them; a failed TLS session is connection_aborted, its end eof.
// Limits     none of its own: the connection's deadlines end what takes too long (cancel()).
#pragma once

#include <boost/asio/append.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>

#include "base/tls/tls_session.h"

namespace dragonfly::http_internal {

using SystemError = boost::system::error_code;

class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using executor_type = Socket::executor_type;

  explicit Transport(Socket socket) : socket_(std::move(socket)) {}
  executor_type get_executor() { return socket_.get_executor(); }
  Socket& socket() { return socket_; }
  bool is_open() const { return socket_.is_open(); }
  // Whether a read has something without waiting for the socket.
  bool has_pending() const { return tls_ && tls_->has_pending(); }

  // From here on all bytes go through TLS.
  void secure(std::shared_ptr<const TlsContext> context) {
    SystemError ignored;
    socket_.native_non_blocking(true, ignored);
    tls_.emplace(std::move(context), socket_.native_handle());
  }
  // False: it failed, or was cancelled.
  boost::asio::awaitable<bool> shake_hands();
  bool peer_spoke_http() const { return tls_ && tls_->peer_spoke_http(); }
  // Back to clear text, for a last word to a peer that does not speak TLS.
  void drop_tls() { tls_.reset(); }

  // As of Asio's AsyncReadStream and AsyncWriteStream. Under TLS only the first of several buffers is used.
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(SystemError, size_t)>(Operation<Buffers, true>{*this, buffers}, token,
                                                                        socket_);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(SystemError, size_t)>(Operation<Buffers, false>{*this, buffers},
                                                                        token, socket_);
  }
  // Ends our side, so that the peer still gets what was written.
  void end_writing(SystemError& error) {
    if (tls_) tls_->say_end();
    socket_.shutdown(Socket::shutdown_send, error);
  }

 private:
  using Outcome = TlsSession::Outcome;

  template <class Buffers>
  TlsSession::Step step(const Buffers& buffers, std::true_type) {
    const boost::asio::mutable_buffer first = *boost::asio::buffer_sequence_begin(buffers);
    return tls_->read({static_cast<char*>(first.data()), first.size()});
  }
  template <class Buffers>
  TlsSession::Step step(const Buffers& buffers, std::false_type) {
    const boost::asio::const_buffer first = *boost::asio::buffer_sequence_begin(buffers);
    return tls_->write({static_cast<const char*>(first.data()), first.size()});
  }

  // One read or write: in clear it is the socket's; under TLS it steps and waits by turns.
  template <class Buffers, bool kReads>
  struct Operation {
    Transport& transport;
    Buffers buffers;
    bool waited = false;

    // The start.
    template <class Self>
    void operator()(Self& self) {
      if (transport.tls_) return advance(self);
      if constexpr (kReads) {
        transport.socket_.async_read_some(buffers, std::move(self));
      } else {
        transport.socket_.async_write_some(buffers, std::move(self));
      }
    }
    // In clear: done.
    template <class Self>
    void operator()(Self& self, SystemError error, size_t bytes) {
      self.complete(error, bytes);
    }
    // The socket is ready.
    template <class Self>
    void operator()(Self& self, SystemError error) {
      waited = true;
      if (error) return self.complete(error, 0);
      advance(self);
    }

    template <class Self>
    void advance(Self& self) {
      const TlsSession::Step step = transport.step(buffers, std::bool_constant<kReads>{});
      if (step.outcome == Outcome::kWaitsRead) return transport.socket_.async_wait(Socket::wait_read, std::move(self));
      if (step.outcome == Outcome::kWaitsWrite)
        return transport.socket_.async_wait(Socket::wait_write, std::move(self));
      const SystemError error = error_of(step.outcome);
      if (waited) return self.complete(error, step.bytes);
      // It must not complete inside the call that starts it.
      boost::asio::post(transport.get_executor(), boost::asio::append(std::move(self), error, step.bytes));
    }
  };

  static SystemError error_of(Outcome outcome) {
    if (outcome == Outcome::kDone) return {};
    if (outcome == Outcome::kClosed) return boost::asio::error::eof;
    return boost::asio::error::connection_aborted;
  }

  Socket socket_;
  std::optional<TlsSession> tls_;
};

}  // namespace dragonfly::http_internal
