// Inside base/http: one TCP connection, a coroutine on its loop's thread.
//
// Units      see http_server.h.
// Ownership  owned by its coroutine's frame.
// Threading  its loop's thread only.
// Errors     none.
// Limits     HttpOptions.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/http/exchange.h"
#include "base/http/loop.h"
#include "base/http/transport.h"

namespace dragonfly::http_internal {

inline constexpr size_t kReadBufferBytes = 64 * 1024;
using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
using RequestHead = boost::beast::http::request_header<>;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, boost::asio::ip::address source, std::string remote,
             std::shared_ptr<Loop> loop, std::shared_ptr<Shared> shared)
      : loop_(*loop),
        weak_loop_(loop),
        shared_(std::move(shared)),
        transport_(std::move(socket)),
        deadline_(loop->io),
        signal_(loop->io),
        source_(std::move(source)),
        remote_(std::move(remote)) {}
  ~Connection() {
    if (stream_) stream_->ended();
    loop_.connections.erase(this);
    shared_->leave(source_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::asio::awaitable<void> run();

  // On the loop's thread.
  void deliver(Delivery delivery) {
    delivery_ = std::move(delivery);
    signal_.cancel();
  }
  void deliver_piece(Pieces::Piece piece) {
    piece_ = std::move(piece);
    signal_.cancel();
  }
  void wake() { signal_.cancel(); }
  void begin_stop() {
    stopping_ = true;
    if (reading_head_ || lingering_) {
      abort();
    } else if (stream_) {
      stream_->close();
    }
  }
  void abort() {
    SystemError ignored;
    transport_.socket().close(ignored);
    signal_.cancel();
  }

 private:
  using Refusal = std::optional<HttpResponse>;

  boost::asio::awaitable<bool> secure();
  boost::asio::awaitable<bool> wait_for_request();
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<bool> read_head(Parser& parser, Refusal& refusal);
  boost::asio::awaitable<bool> read_body(Parser& parser, BodyShare& share, Refusal& refusal);
  Refusal refusal_of(SystemError ec, const Parser& parser);
  bool names_a_version() const;
  Refusal check_head(const Parser& parser);
  Refusal check_framing(const RequestHead& head) const;
  Refusal check_host(const RequestHead& head) const;
  void fill_request(const Parser& parser);
  void dispatch(std::string body, std::string encoding, std::shared_ptr<BodyShare> share);
  boost::asio::awaitable<void> wait_for_delivery();
  boost::asio::awaitable<bool> write_pieces(Delivery delivery);
  boost::asio::awaitable<bool> write_rest(std::string bytes, const std::shared_ptr<Pieces>& pieces);
  bool ask_for_piece(const std::shared_ptr<Pieces>& pieces);
  void break_off(const Error& error);
  boost::asio::awaitable<bool> write_answer(HttpResponse response);
  boost::asio::awaitable<void> run_stream(Delivery delivery);
  boost::asio::awaitable<void> watch_peer();
  boost::asio::awaitable<bool> write_all(std::string_view bytes);
  boost::asio::awaitable<void> linger();
  bool peer_has_ended();

  void arm(Duration time) {
    timed_out_ = false;
    const uint64_t turn = ++turn_;
    deadline_.expires_after(time);
    deadline_.async_wait([weak = weak_from_this(), turn](SystemError ec) {
      const auto self = weak.lock();
      if (ec || !self || self->turn_ != turn) return;
      self->timed_out_ = true;
      SystemError ignored;
      self->transport_.socket().cancel(ignored);
    });
  }
  void disarm() {
    ++turn_;
    deadline_.cancel();
  }

  Loop& loop_;
  const std::weak_ptr<Loop> weak_loop_;
  const std::shared_ptr<Shared> shared_;
  Transport transport_;
  boost::asio::steady_timer deadline_;  // For the operation on the socket.
  boost::asio::steady_timer signal_;    // Woken when an answer or a chunk is there.
  const boost::asio::ip::address source_;
  const std::string remote_;
  boost::beast::flat_buffer buffer_{kReadBufferBytes};
  uint64_t turn_ = 0;
  bool timed_out_ = false;
  bool reading_head_ = false;
  bool lingering_ = false;
  bool stopping_ = false;
  bool peer_gone_ = false;
  // Of the request at hand.
  HttpRequest request_;
  bool http_1_0_ = false;
  bool keep_alive_ = false;
  std::optional<Delivery> delivery_;
  std::optional<Pieces::Piece> piece_;
  std::shared_ptr<Stream> stream_;
};

}  // namespace dragonfly::http_internal
