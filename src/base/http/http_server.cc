#include "base/http/http_server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <thread>

#include "base/core/number.h"
#include "base/http/connection.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using http_internal::Connection;
using http_internal::Loop;
using http_internal::Shared;
using http_internal::SystemError;

struct Address {
  net::ip::address address;
  uint16_t port = 0;
};

Result<Address> parse_listen(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, std::min(colon, text.size()));
  const std::string_view port = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  Address out;
  SystemError ec;
  out.address = net::ip::make_address(std::string(host), ec);
  const auto number = parse_number<decltype(out.port)>(port);
  if (ec || !number) {
    return fail(ErrorCode::kInvalidArgument, "listen address '{}' is not ADDRESS:PORT (127.0.0.1:9090, [::]:9090)",
                text);
  }
  out.port = *number;
  return out;
}

std::string text_of(const net::ip::address& address, uint16_t port) {
  return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), port)
                         : fmt::format("{}:{}", address.to_string(), port);
}

class Server final : public HttpServer {
 public:
  explicit Server(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {
    for (size_t i = 0; i < shared_->options.io_threads; ++i) loops_.push_back(std::make_shared<Loop>());
    acceptor_.emplace(loops_.front()->io);
  }
  ~Server() override { stop(); }
  Result<> listen();
  void run();
  std::string local() const override { return local_; }
  uint16_t port() const override { return port_; }
  const HttpStats& stats() const override { return shared_->stats; }
  void stop() override;

 private:
  net::awaitable<void> accept_all();
  void take(tcp::socket socket, const std::shared_ptr<Loop>& loop);
  template <class F>
  void on_connections(F f);
  bool wait_until_empty(Duration time);

  const std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::string local_;
  uint16_t port_ = 0;
  std::mutex stop_mutex_;
  std::vector<std::jthread> threads_;
};

Result<> Server::listen() {
  const auto address = parse_listen(shared_->options.listen);
  if (!address) return fail(address.error());
  const tcp::endpoint endpoint(address->address, address->port);
  SystemError ec;
  acceptor_->open(endpoint.protocol(), ec);
  if (!ec) acceptor_->set_option(net::socket_base::reuse_address(true), ec);
  if (!ec && address->address.is_v6()) acceptor_->set_option(net::ip::v6_only(false), ec);
  if (!ec) acceptor_->bind(endpoint, ec);
  if (!ec) acceptor_->listen(4096, ec);
  if (ec) return fail(ErrorCode::kIo, "cannot listen on {}: {}", shared_->options.listen, ec.message());
  port_ = acceptor_->local_endpoint(ec).port();
  local_ = text_of(address->address, port_);
  shared_->loopback = address->address.is_loopback();
  return {};
}

void Server::run() {
  net::co_spawn(
      loops_.front()->io, [this] { return accept_all(); }, net::detached);
  for (size_t i = 0; i < loops_.size(); ++i) {
    threads_.emplace_back([loop = loops_[i], i] {
      name_this_thread(fmt::format("http-{}", i));
      const auto work = net::make_work_guard(loop->io);
      loop->io.run();
    });
  }
}

net::awaitable<void> Server::accept_all() {
  net::steady_timer pause(loops_.front()->io);
  for (size_t next = 0; acceptor_->is_open(); ++next) {
    const auto& loop = loops_[next % loops_.size()];
    tcp::socket socket(loop->io);
    SystemError ec;
    co_await acceptor_->async_accept(socket, net::redirect_error(net::use_awaitable, ec));
    if (!ec) {
      take(std::move(socket), loop);
    } else if (acceptor_->is_open()) {
      // No descriptors left, or a peer that went away at once: wait, or it would spin.
      pause.expires_after(20ms);
      co_await pause.async_wait(net::redirect_error(net::use_awaitable, ec));
    }
  }
}

void Server::take(tcp::socket socket, const std::shared_ptr<Loop>& loop) {
  SystemError ec;
  const tcp::endpoint peer = socket.remote_endpoint(ec);
  if (ec) return;
  net::ip::address source = peer.address();
  if (source.is_v6() && source.to_v6().is_v4_mapped()) {
    source = net::ip::make_address_v4(net::ip::v4_mapped, source.to_v6());
  }
  socket.set_option(tcp::no_delay(true), ec);
  if (!shared_->admit(source)) {
    shared_->stats.connections_refused.add();
    if (shared_->options.tls) return;  // A word in clear would be noise to the peer.
    const auto response = error_response(503, "too many connections");
    const std::string bytes = render_head({response, false, false, false, shared_->clock.wall()}) + response.body;
    socket.non_blocking(true, ec);
    socket.write_some(net::buffer(bytes), ec);  // As far as it goes.
    return;
  }
  shared_->stats.connections_accepted.add();
  auto connection =
      std::make_shared<Connection>(std::move(socket), source, text_of(source, peer.port()), loop, shared_);
  net::post(loop->io, [connection, raw = loop.get()] {
    raw->connections.emplace(connection.get(), connection);
    net::co_spawn(
        raw->io, [connection] { return connection->run(); }, net::detached);
  });
}

template <class F>
void Server::on_connections(F f) {
  for (const auto& loop : loops_) {
    net::post(loop->io, [raw = loop.get(), f] {
      std::vector<std::shared_ptr<Connection>> all;
      for (const auto& [key, weak] : raw->connections) {
        if (auto connection = weak.lock()) all.push_back(std::move(connection));
      }
      for (const auto& connection : all) f(*connection);
    });
  }
}

bool Server::wait_until_empty(Duration time) {
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_for(lock, time, [this] { return shared_->connections.taken() == 0; });
}

void Server::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (loops_.empty()) return;
  shared_->stopping = true;
  if (!threads_.empty()) {
    net::post(loops_.front()->io, [this] {
      SystemError ignored;
      acceptor_->close(ignored);
    });
    on_connections([](Connection& connection) { connection.begin_stop(); });
    if (!wait_until_empty(shared_->options.stop_time)) {
      on_connections([](Connection& connection) { connection.abort(); });
      wait_until_empty(500ms);
    }
  }
  for (const auto& loop : loops_) loop->io.stop();
  threads_.clear();
  // What is left is ended here, so that every stream learns of its end.
  on_connections([](Connection& connection) { connection.abort(); });
  for (const auto& loop : loops_) {
    loop->io.restart();
    loop->io.poll();
  }
  acceptor_.reset();
  loops_.clear();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, Clock& clock, Executor& workers,
                                                      HttpHandler handler) {
  if (options.io_threads < 1 || options.io_threads > 64) {
    return fail(ErrorCode::kInvalidArgument, "io_threads {} is not within 1 to 64", options.io_threads);
  }
  auto server =
      std::make_unique<Server>(std::make_shared<Shared>(std::move(options), clock, workers, std::move(handler)));
  DF_TRY(server->listen());
  server->run();
  return server;
}

}  // namespace dragonfly
