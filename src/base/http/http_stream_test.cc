#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/http/http_server.h"
#include "base/http/http_test_client.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

class HttpStreamTest : public testing::Test {
 protected:
  void start(HttpOptions options, HttpStreamOptions stream_options = {}) {
    options.listen = "127.0.0.1:0";
    server_ = HttpServer::start(options, clock_, workers_, [=, this](HttpRequest, Responder responder) {
                auto stream = responder.start_stream({.content_type = "text/event-stream", .headers = {}, .body = {}},
                                                     stream_options);
                stream->on_close([this] { closed_.set_value(); });
                stream_.set_value(stream);
              }).value();
  }
  SystemClock clock_;
  WorkerPool workers_{"test", 2, 100};
  std::promise<std::shared_ptr<HttpStream>> stream_;
  std::promise<void> closed_;
  std::unique_ptr<HttpServer> server_;
};

constexpr std::string_view kAsk = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(HttpStreamTest, ChunksComeAsTheyAreWritten) {
  start({});
  TestClient client(server_->port());
  client.send(kAsk);
  const auto stream = stream_.get_future().get();
  const TestAnswer head = client.read();
  EXPECT_EQ(head.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(stream->write("data: 1\n\n"), HttpStream::Write::kTaken);
  EXPECT_EQ(client.read_until("\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
  std::thread([&] { stream->write("data: 2\n\n"); }).join();
  EXPECT_EQ(client.read_until("\n\n\r\n"), "9\r\ndata: 2\n\n\r\n");
  stream->write("end");
  stream->close();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "3\r\nend\r\n0\r\n\r\n");
  closed_.get_future().wait();
  EXPECT_EQ(stream->write("more"), HttpStream::Write::kClosed);
}

TEST_F(HttpStreamTest, TheClientsEndIsSeen) {
  start({});
  auto client = std::make_unique<TestClient>(server_->port());
  client->send(kAsk);
  const auto stream = stream_.get_future().get();
  EXPECT_EQ(client->read().status, 200);
  client.reset();
  closed_.get_future().wait();
  EXPECT_EQ(stream->write("more"), HttpStream::Write::kClosed);
  bool at_once = false;
  stream->on_close([&] { at_once = true; });
  EXPECT_TRUE(at_once);
}

TEST_F(HttpStreamTest, ASlowReaderLosesEventsNotMemory) {
  HttpOptions options;
  options.stream_buffer_bytes_max = 100'000;
  options.stop_time = 100ms;
  start(options);
  TestClient client(server_->port());
  client.send(kAsk);
  const auto stream = stream_.get_future().get();
  EXPECT_EQ(client.read().status, 200);
  // The kernel's buffers take some megabytes, then ours is full.
  const std::string chunk(10'000, 'x');
  bool full = false;
  for (int i = 0; i < 100'000 && !full; ++i) full = stream->write(chunk) == HttpStream::Write::kFull;
  EXPECT_TRUE(full);
  EXPECT_GT(server_->stats().stream_chunks_dropped.value(), 0u);
}

TEST_F(HttpStreamTest, HeartbeatsFillSilence) {
  start({}, {.heartbeat = ":\n\n", .heartbeat_every = 20ms});
  TestClient client(server_->port());
  client.send(kAsk);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read_until(":\n\n\r\n3\r\n:\n\n\r\n"), "3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
}

TEST_F(HttpStreamTest, StopEndsStreams) {
  start({});
  TestClient client(server_->port());
  client.send(kAsk);
  const auto stream = stream_.get_future().get();
  EXPECT_EQ(client.read().status, 200);
  server_->stop();
  closed_.get_future().wait();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(stream->write("more"), HttpStream::Write::kClosed);
}

TEST_F(HttpStreamTest, Http10GetsPlainBytes) {
  start({});
  TestClient client(server_->port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const auto stream = stream_.get_future().get();
  EXPECT_EQ(client.read().header("Transfer-Encoding"), "");
  stream->write("data\n\n");
  EXPECT_EQ(client.read_until("\n\n"), "data\n\n");
}

TEST_F(HttpStreamTest, AHeadOnly) {
  start({});
  TestClient client(server_->port());
  client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read(true).status, 200);
  EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace dragonfly
