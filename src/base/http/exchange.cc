#include "base/http/exchange.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/http/connection.h"
#include "base/http/gzip.h"

namespace dragonfly::http_internal {

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
  if (packs_ && response.body.size() >= shared_->options.gzip_bytes_min) {
    response.body = gzip(response.body);
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.headers.emplace_back("Vary", "Accept-Encoding");
  }
  deliver({std::move(response), nullptr});
}

std::shared_ptr<HttpStream> Exchange::start_stream(HttpResponse head, HttpStreamOptions options) {
  auto stream = std::make_shared<Stream>(loop_, connection_, shared_, std::move(options));
  deliver({std::move(head), stream});
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
