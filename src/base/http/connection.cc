#include "base/http/connection.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include "base/core/assert.h"
#include "base/http/gzip.h"

namespace dragonfly::http_internal {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;

constexpr size_t kLingerBytesMax = 1u << 20;
constexpr Duration kLingerTime = 2s;
constexpr Duration kPeerLookInterval = 500ms;
constexpr Duration kPieceRetry = 20ms;

}  // namespace

net::awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  stopping_ = shared_->stopping;
  bool more = !stopping_;
  if (more && shared_->options.tls) more = co_await secure();
  while (more) more = co_await serve_one();
  disarm();
  co_await linger();
}

// The handshake; false = the connection ends.
net::awaitable<bool> Connection::secure() {
  transport_.secure(shared_->options.tls->current());
  reading_head_ = true;  // Nothing is lost where a stop ends it.
  arm(shared_->options.handshake_time);
  const bool done = co_await transport_.shake_hands();
  disarm();
  if (done) co_return true;
  if (timed_out_) shared_->stats.timeouts.add();
  shared_->stats.handshakes_failed.add();
  if (transport_.peer_spoke_http() && !stopping_) {
    transport_.drop_tls();
    keep_alive_ = false;
    co_await write_answer(error_response(400, "this port speaks TLS: ask https:// instead of http://"));
  }
  co_return false;
}

// Waits with an empty buffer, so that an idle connection costs no read buffer.
net::awaitable<bool> Connection::wait_for_request() {
  if (buffer_.size() != 0 || transport_.has_pending()) co_return true;
  buffer_.shrink_to_fit();
  arm(shared_->options.idle_time);
  SystemError ec;
  co_await transport_.socket().async_wait(tcp::socket::wait_read, net::redirect_error(net::use_awaitable, ec));
  disarm();
  co_return !ec;
}

// One request and its answer; false = the connection ends.
net::awaitable<bool> Connection::serve_one() {
  reading_head_ = true;
  const bool there = co_await wait_for_request();
  if (!there || stopping_) co_return false;
  auto parser = std::make_unique<Parser>();
  parser->header_limit(static_cast<uint32_t>(shared_->options.header_bytes_max));
  parser->body_limit(shared_->options.body_bytes_max);
  keep_alive_ = false;
  http_1_0_ = false;
  request_ = HttpRequest{};
  delivery_.reset();
  Refusal refusal;
  auto share = std::make_shared<BodyShare>(shared_);
  bool whole = co_await read_head(*parser, refusal);
  reading_head_ = false;
  if (whole) whole = co_await read_body(*parser, *share, refusal);
  disarm();
  if (refusal) {
    shared_->stats.requests_refused.add();
    keep_alive_ = false;
    co_await write_answer(std::move(*refusal));
    co_return false;
  }
  if (!whole) co_return false;
  std::string encoding(parser->get()[http::field::content_encoding]);
  dispatch(std::move(parser->get().body()), std::move(encoding), std::move(share));
  parser.reset();
  co_await wait_for_delivery();
  if (!delivery_) co_return false;
  Delivery delivery = std::move(*delivery_);
  delivery_.reset();
  if (delivery.stream) {
    co_await run_stream(std::move(delivery));
    co_return false;
  }
  if (delivery.pieces) co_return co_await write_pieces(std::move(delivery));
  co_return co_await write_answer(std::move(delivery.response));
}

// Looks whether the peer is still there, too. One that has ended its side may still wait for a quick answer, so only the
// second look counts.
net::awaitable<void> Connection::wait_for_delivery() {
  bool had_ended = false;
  while (!delivery_ && !piece_ && transport_.is_open()) {
    SystemError woken;
    signal_.expires_after(kPeerLookInterval);
    co_await signal_.async_wait(net::redirect_error(net::use_awaitable, woken));
    if (woken || delivery_ || piece_ || request_.cancellation.cancelled()) continue;
    const bool has_ended = peer_has_ended();
    if (has_ended && had_ended) {
      shared_->stats.requests_abandoned.add();
      request_.cancellation.cancel();
    }
    had_ended = has_ended;
  }
}

// Also where bytes lie before the end that nobody has read.
bool Connection::peer_has_ended() {
  pollfd look{transport_.socket().native_handle(), POLLRDHUP, 0};
  return ::poll(&look, 1, 0) == 1;
}

net::awaitable<bool> Connection::read_head(Parser& parser, Refusal& refusal) {
  arm(shared_->options.header_time);
  SystemError ec;
  const size_t bytes =
      co_await http::async_read_header(transport_, buffer_, parser, net::redirect_error(net::use_awaitable, ec));
  shared_->stats.bytes_in.add(bytes);
  if (stopping_) co_return false;
  refusal = ec ? refusal_of(ec, parser) : check_head(parser);
  co_return !ec && !refusal;
}

net::awaitable<bool> Connection::read_body(Parser& parser, BodyShare& share, Refusal& refusal) {
  if (parser.is_done()) co_return true;
  if (!http_1_0_ && lower_case(request_.header("expect")) == "100-continue") {
    const bool sent = co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent) co_return false;
  }
  const HttpOptions& options = shared_->options;
  const MonotonicTime start = shared_->clock.monotonic();
  while (!parser.is_done()) {
    // The time allowed grows with what came: a body may be slow for body_grace, then it must keep its average.
    const size_t so_far = parser.get().body().size();
    const Duration allowed = options.body_grace + std::chrono::seconds(so_far / options.body_bytes_per_s);
    arm(std::max<Duration>(allowed - (shared_->clock.monotonic() - start), 1ms));
    SystemError ec;
    const size_t bytes =
        co_await http::async_read_some(transport_, buffer_, parser, net::redirect_error(net::use_awaitable, ec));
    shared_->stats.bytes_in.add(bytes);
    if (ec) {
      refusal = refusal_of(ec, parser);
      co_return false;
    }
    if (!share.grow_to(parser.get().body().size())) {
      shared_->stats.requests_overload.add();
      refusal = error_response(503, "too many bytes of requests are being read at once; try again later");
      co_return false;
    }
  }
  co_return true;
}

// What to answer to a failed read; nothing where the peer went away.
Connection::Refusal Connection::refusal_of(SystemError ec, const Parser& parser) {
  if (timed_out_) {
    shared_->stats.timeouts.add();
    return error_response(408, "the request came too slowly");
  }
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    if (parser.get().method_string().empty()) {  // Still within the first line.
      return error_response(
          414, fmt::format("the request's target is longer than {} bytes", shared_->options.target_bytes_max));
    }
    return error_response(
        431, fmt::format("the request's headers are longer than {} bytes", shared_->options.header_bytes_max));
  }
  if (ec == http::error::body_limit) {
    return error_response(413, fmt::format("the body is larger than {} bytes", shared_->options.body_bytes_max));
  }
  if (ec == http::error::bad_version && names_a_version()) {
    return error_response(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (ec.category() != make_error_code(http::error::bad_method).category() || ec == http::error::end_of_stream ||
      ec == http::error::partial_message) {
    return std::nullopt;
  }
  return error_response(400, "the request is not well-formed HTTP: " + ec.message());
}

// Whether the first line ends in HTTP/x.y, of whatever version.
bool Connection::names_a_version() const {
  const std::string_view text(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  const std::string_view line = text.substr(0, text.find("\r\n"));
  const size_t at = line.rfind(" HTTP/");
  return at != std::string_view::npos && line.size() == at + 9 && line[at + 7] == '.';
}

Connection::Refusal Connection::check_framing(const RequestHead& head) const {
  const auto lengths = head.count(http::field::content_length);
  const std::string_view length = head[http::field::content_length];
  if (lengths > 1 || length.find(',') != std::string_view::npos) {
    return error_response(400, "Content-Length is given more than once");
  }
  const auto encodings = head.count(http::field::transfer_encoding);
  if (encodings == 0) return std::nullopt;
  if (encodings > 1 || lengths > 0) {
    return error_response(400, "Transfer-Encoding is given more than once or beside Content-Length");
  }
  if (head.version() < 11) return error_response(400, "Transfer-Encoding is not allowed in HTTP/1.0");
  if (lower_case(trimmed(head[http::field::transfer_encoding])) != "chunked") {
    return error_response(501, "the only Transfer-Encoding taken is chunked");
  }
  return std::nullopt;
}

Connection::Refusal Connection::check_host(const RequestHead& head) const {
  const auto hosts = head.count(http::field::host);
  if (hosts > 1) return error_response(400, "Host is given more than once");
  if (hosts == 0 && head.version() >= 11) return error_response(400, "Host is missing");
  std::string_view text = head[http::field::host];
  const auto target = parse_target(head.target());
  if (target && !target->authority.empty()) text = target->authority;
  const std::string name = host_name(text);
  if (hosts > 0 && name.empty() && !trimmed(text).empty()) {
    return error_response(400, "Host is not a name or address with an optional port");
  }
  // A page of another site whose name resolves to this address must not read what a person at this machine may read.
  if (!shared_->loopback || hosts == 0 || is_loopback_name(name)) return std::nullopt;
  for (const auto& allowed : shared_->options.allowed_hosts) {
    if (host_name(allowed) == name && !name.empty()) return std::nullopt;
  }
  return error_response(421, fmt::format("Host '{}' is not served here: this server listens on loopback only; names "
                                         "beside localhost must be listed in api.allowed_hosts",
                                         text));
}

Connection::Refusal Connection::check_head(const Parser& parser) {
  const auto& head = parser.get().base();
  http_1_0_ = head.version() == 10;
  if (head.version() != 10 && head.version() != 11) {
    return error_response(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (head.target().size() > shared_->options.target_bytes_max) {
    return error_response(
        414, fmt::format("the request's target is longer than {} bytes", shared_->options.target_bytes_max));
  }
  const http::verb verb = head.method();
  if (verb == http::verb::unknown || verb == http::verb::connect || verb == http::verb::trace) {
    return error_response(
        501, fmt::format("method '{}' is not known here", std::string_view(head.method_string()).substr(0, 40)));
  }
  if (auto refusal = check_framing(head)) return refusal;
  if (auto refusal = check_host(head)) return refusal;
  auto target = parse_target(head.target());
  if (!target) return error_response(400, target.error().message);
  if (head.target() == "*" && verb != http::verb::options) return error_response(400, "target '*' is for OPTIONS only");
  const std::string expect = lower_case(head[http::field::expect]);
  if (!expect.empty() && expect != "100-continue") return error_response(417, "the only Expect taken is 100-continue");
  const std::string encoding = lower_case(trimmed(head[http::field::content_encoding]));
  if (head.count(http::field::content_encoding) > 1 ||
      !(encoding.empty() || encoding == "gzip" || encoding == "x-gzip" || encoding == "identity")) {
    return error_response(415, "the only Content-Encoding taken is gzip");
  }
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  fill_request(parser);
  return std::nullopt;
}

void Connection::fill_request(const Parser& parser) {
  const auto& head = parser.get().base();
  request_.method = head.method_string();
  request_.head = head.method() == http::verb::head;
  if (request_.head) request_.method = "GET";
  request_.target = head.target();
  for (const auto& field : head) {
    request_.headers.emplace_back(lower_case(field.name_string()), std::string(field.value()));
  }
  request_.remote = remote_;
  request_.is_loopback = source_.is_loopback();
  keep_alive_ = parser.keep_alive();
}

// Asks the handler on a worker; unpacking costs CPU, so it happens there, too.
void Connection::dispatch(std::string body, std::string encoding, std::shared_ptr<BodyShare> share) {
  const auto loop = weak_loop_.lock();
  DF_ASSERT(loop != nullptr);
  const bool packs = accepts_gzip(request_.header("accept-encoding"));
  auto exchange = std::make_shared<Exchange>(loop, weak_from_this(), shared_, Exchange::Peer{packs, !http_1_0_});
  const std::string coding = lower_case(trimmed(encoding));
  request_.cancellation = Cancellation::make();
  auto request = std::make_shared<HttpRequest>(request_);
  request->body = std::move(body);
  auto task = [shared = shared_, exchange, request, share = std::move(share), coding] {
    if (coding == "gzip" || coding == "x-gzip") {
      const GunzipLimits limits{shared->options.body_bytes_max, shared->options.inflate_ratio_max};
      auto plain = gunzip(request->body, limits);
      if (!plain || !share->grow_to(plain->size())) {
        shared->stats.requests_refused.add();
        exchange->answer(plain ? error_response(503, "too many bytes of requests are being read at once")
                               : error_response(http_status(plain.error().code), plain.error().message));
        return;
      }
      request->body = std::move(*plain);
    }
    shared->handler(std::move(*request), Responder(exchange));
  };
  if (shared_->workers.post(std::move(task))) return;
  shared_->stats.requests_overload.add();
  auto response = error_response(503, "the server is too busy; try again later");
  response.headers.emplace_back("Retry-After", "1");
  exchange->answer(std::move(response));
}

// False = the connection ends.
net::awaitable<bool> Connection::write_answer(HttpResponse response) {
  const bool keep = keep_alive_ && !stopping_ && !shared_->stopping;
  for (const auto& header : shared_->options.common_headers) response.headers.push_back(header);
  shared_->stats.count_answer(response.status);
  std::string bytes = render_head({response, false, keep, http_1_0_, shared_->clock.wall()});
  const bool has_body = !request_.head && response.status != 204 && response.status != 304;
  // One write for what is small: a second packet would wait for the first one's acknowledgement.
  const bool together = has_body && response.body.size() < kReadBufferBytes;
  if (together) bytes.append(response.body);
  bool sent = co_await write_all(bytes);
  if (sent && has_body && !together) sent = co_await write_all(response.body);
  co_return sent&& keep;
}

// As write_answer().
net::awaitable<bool> Connection::write_pieces(Delivery delivery) {
  if (!shared_->admit_pieces(source_)) {
    shared_->stats.requests_overload.add();
    auto response = error_response(503, "too many large answers are being read at once; try again later");
    response.headers.emplace_back("Retry-After", "1");
    co_return co_await write_answer(std::move(response));
  }
  const std::shared_ptr<void> place(nullptr,
                                    [shared = shared_, source = source_](void*) { shared->leave_pieces(source); });
  HttpResponse& response = delivery.response;
  const bool keep = keep_alive_ && !http_1_0_ && !stopping_ && !shared_->stopping;
  for (const auto& header : shared_->options.common_headers) response.headers.push_back(header);
  shared_->stats.count_answer(response.status);
  std::string begin = render_head({response, true, keep, http_1_0_, shared_->clock.wall()});
  if (request_.head) co_return co_await write_all(begin) && keep;
  const bool whole = co_await write_rest(begin.append(response.body), delivery.pieces);
  if (!whole) request_.cancellation.cancel();
  co_return whole&& keep;
}

// `bytes`, then what further pieces there are; false where it broke off, on whichever side.
net::awaitable<bool> Connection::write_rest(std::string bytes, const std::shared_ptr<Pieces>& pieces) {
  for (bool last = false;;) {
    const bool sent = co_await write_all(bytes);
    if (!sent || last) co_return sent;
    while (!ask_for_piece(pieces)) {  // The workers are busy: the peer waits, and nothing is lost.
      SystemError woken;
      signal_.expires_after(kPieceRetry);
      co_await signal_.async_wait(net::redirect_error(net::use_awaitable, woken));
      if (!transport_.is_open()) co_return false;
    }
    co_await wait_for_delivery();
    if (!piece_) co_return false;
    if (piece_->error) {
      break_off(*piece_->error);
      co_return false;
    }
    bytes = std::move(piece_->bytes);
    last = piece_->last;
    piece_.reset();
  }
}

bool Connection::ask_for_piece(const std::shared_ptr<Pieces>& pieces) {
  return shared_->workers.post([pieces, loop = weak_loop_.lock(), weak = weak_from_this()] {
    net::post(loop->io, [weak, piece = pieces->next()]() mutable {
      if (const auto self = weak.lock()) self->deliver_piece(std::move(piece));
    });
  });
}

// So that no peer takes what came for the whole: chunks lack their end, TLS its farewell; to HTTP/1.0, where the end of
// the connection is the end of the answer, it is reset.
void Connection::break_off(const Error& error) {
  if (request_.cancellation.cancelled()) return abort();
  shared_->stats.answers_broken.add();
  uint64_t held_back = 0;
  if (shared_->broken_logged.allow(shared_->clock.monotonic(), held_back)) {
    log_warning("http", "an answer to {} broke off: {} ({} more since the last such line)",
                std::string_view(request_.target).substr(0, 200), error.message, held_back);
  }
  SystemError ignored;
  if (http_1_0_) transport_.socket().set_option(net::socket_base::linger(true, 0), ignored);
  abort();
}

net::awaitable<bool> Connection::write_all(std::string_view bytes) {
  const HttpOptions& options = shared_->options;
  const MonotonicTime start = shared_->clock.monotonic();
  for (size_t so_far = 0; !bytes.empty();) {
    // As bodies that come: slow for body_grace, then it must keep its average.
    const Duration allowed = options.body_grace + std::chrono::seconds(so_far / options.body_bytes_per_s);
    const Duration left = allowed - (shared_->clock.monotonic() - start);
    arm(std::clamp<Duration>(left, 1ms, options.write_stall));
    SystemError ec;
    const size_t written = co_await transport_.async_write_some(net::buffer(bytes.data(), bytes.size()),
                                                                net::redirect_error(net::use_awaitable, ec));
    shared_->stats.bytes_out.add(written);
    bytes.remove_prefix(written);
    so_far += written;
    if (ec) {
      if (timed_out_) shared_->stats.timeouts.add();
      abort();
      co_return false;
    }
  }
  disarm();
  co_return true;
}

net::awaitable<void> Connection::run_stream(Delivery delivery) {
  stream_ = std::move(delivery.stream);
  if (stopping_) stream_->close();
  for (const auto& header : shared_->options.common_headers) delivery.response.headers.push_back(header);
  shared_->stats.count_answer(delivery.response.status);
  shared_->stats.streams_open.add(1);
  bool alive = co_await write_all(render_head({delivery.response, true, false, http_1_0_, shared_->clock.wall()}));
  if (alive && !request_.head) {
    net::co_spawn(
        transport_.get_executor(), [self = shared_from_this()] { return self->watch_peer(); }, net::detached);
  }
  if (request_.head) stream_->close();
  std::string chunk;
  while (alive && !peer_gone_ && stream_->take(chunk)) {
    if (chunk.empty()) {
      const HttpStreamOptions& options = stream_->options();
      const bool beats = !options.heartbeat.empty();
      signal_.expires_after(beats ? options.heartbeat_every : Duration(24h));
      SystemError ec;
      co_await signal_.async_wait(net::redirect_error(net::use_awaitable, ec));
      if (ec || !beats) continue;  // Woken: look again.
      chunk = options.heartbeat;
    }
    if (request_.head) continue;
    if (!http_1_0_) chunk = fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    alive = co_await write_all(chunk);
  }
  if (alive && !peer_gone_ && !http_1_0_ && !request_.head) co_await write_all("0\r\n\r\n");
  shared_->stats.streams_open.add(-1);
  stream_->ended();
}

// While a stream runs, the peer has nothing to say: anything but silence ends it.
net::awaitable<void> Connection::watch_peer() {
  char byte = 0;
  SystemError ec;
  co_await transport_.async_read_some(net::buffer(&byte, 1), net::redirect_error(net::use_awaitable, ec));
  if (timed_out_) co_return;  // The writer's deadline.
  peer_gone_ = true;
  signal_.cancel();
}

// Closes so that the peer still gets our last words: a close with unread input would make the kernel reset the
// connection, and the answer might be lost.
net::awaitable<void> Connection::linger() {
  SystemError ec;
  if (!transport_.is_open() || peer_gone_) co_return;
  transport_.end_writing(ec);
  if (ec || stopping_) co_return;
  lingering_ = true;
  buffer_.consume(buffer_.size());
  arm(kLingerTime);
  for (size_t bytes = 0; bytes < kLingerBytesMax && !ec && !timed_out_;) {
    auto space = buffer_.prepare(4096);
    bytes += co_await transport_.socket().async_read_some(space, net::redirect_error(net::use_awaitable, ec));
  }
  disarm();
}

}  // namespace dragonfly::http_internal
