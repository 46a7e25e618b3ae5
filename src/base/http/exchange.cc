#include "base/http/exchange.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/http/connection.h"
#include "base/http/gzip.h"

namespace dragonfly::http_internal {
namespace {

void say_packed(HttpResponse& response) {
  response.headers.emplace_back("Content-Encoding", "gzip");
  response.headers.emplace_back("Vary", "Accept-Encoding");
}

}  // namespace

Pieces::Piece Pieces::next() {
  std::string text;
  const Result<bool> more = body_->next(text);
  if (!more) return {{}, true, more.error()};
  return made(text, !*more);
}

Pieces::Piece Pieces::made(std::string_view text, bool last) {
  std::string packed;
  if (packer_) {
    packer_->write(text, last, packed);
    text = packed;
  }
  Piece out{{}, last, std::nullopt};
  if (!chunked_) {
    out.bytes = text;
  } else if (!text.empty()) {  // An empty chunk would be the end.
    out.bytes = fmt::format("{:x}\r\n", text.size());
    out.bytes.reserve(out.bytes.size() + text.size() + 8);
    out.bytes.append(text).append("\r\n");
  }
  if (last && chunked_) out.bytes.append("0\r\n\r\n");
  return out;
}

HttpStream::Write Stream::write(std::string chunk) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return Write::kClosed;
    if (pending_.size() + chunk.size() > shared_->options.stream_buffer_bytes_max) {
      shared_->stats.stream_chunks_dropped.add();
      return Write::kFull;
    }
    const bool first = pending_.empty();
    pending_.append(chunk);
    if (!first) return Write::kTaken;
  }
  wake();
  return Write::kTaken;
}

void Stream::on_close(std::function<void()> closed) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      closed_ = std::move(closed);
      return;
    }
  }
  closed();
}

void Stream::close() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake();
}

void Stream::ended() {
  std::function<void()> closed;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (std::exchange(ended_, true)) return;
    std::swap(closed, closed_);
  }
  if (closed) closed();
}

void Stream::wake() {
  const auto loop = loop_.lock();
  if (!loop) return;
  boost::asio::post(loop->io, [connection = connection_] {
    if (const auto self = connection.lock()) self->wake();
  });
}

Exchange::~Exchange() {
  if (!answered_) answer(error_response(503, "the server gave no answer: it is too busy or about to stop"));
}

void Exchange::answer(HttpResponse response) {
  if (peer_.packs && response.body.size() >= shared_->options.gzip_bytes_min) {
    response.body = gzip(response.body);
    say_packed(response);
  }
  deliver({std::move(response)});
}

void Exchange::answer_in_pieces(HttpResponse begin, std::unique_ptr<HttpBody> rest) {
  auto pieces = std::make_shared<Pieces>(std::move(rest), peer_.packs, peer_.chunked);
  begin.body = pieces->first(begin.body).bytes;
  if (peer_.packs) say_packed(begin);
  deliver({std::move(begin), nullptr, std::move(pieces)});
}

std::shared_ptr<HttpStream> Exchange::start_stream(HttpResponse head, HttpStreamOptions options) {
  auto stream = std::make_shared<Stream>(loop_, connection_, shared_, std::move(options));
  deliver({std::move(head), stream, nullptr});
  return stream;
}

void Exchange::deliver(Delivery delivery) {
  DF_ASSERT(!answered_.exchange(true));
  boost::asio::post(loop_->io, [connection = connection_, delivery = std::move(delivery)]() mutable {
    if (const auto self = connection.lock()) {
      self->deliver(std::move(delivery));
    } else if (delivery.stream) {
      delivery.stream->ended();
    }
  });
}

}  // namespace dragonfly::http_internal
