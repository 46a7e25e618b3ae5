#include "base/tls/tls_session.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

namespace dragonfly {
namespace {

const Timestamp kNow = parse_rfc3339("2026-03-01T12:00:00Z").value();

// Two ends of one connection, moved step by step.
class TlsSessionTest : public testing::Test {
 protected:
  using Outcome = TlsSession::Outcome;
  TlsSessionTest() {
    std::signal(SIGPIPE, SIG_IGN);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_);
    const PemPair root = make_authority(kNow).value();
    server_ = std::make_unique<TlsSession>(
        TlsContext::make(make_server_certificate(root, {{"s"}, {}}, kNow).value()).value(), ends_[0]);
    client_context_ = SSL_CTX_new(TLS_client_method());
    client_ = SSL_new(client_context_);
    SSL_set_fd(client_, ends_[1]);
  }
  ~TlsSessionTest() override {
    SSL_free(client_);
    SSL_CTX_free(client_context_);
    close(ends_[0]);
    close(ends_[1]);
  }
  void shake_hands() {
    for (int i = 0; i < 10 && SSL_connect(client_) != 1; ++i) server_->handshake();
    ASSERT_EQ(server_->handshake().outcome, Outcome::kDone);
  }
  int ends_[2] = {-1, -1};
  std::unique_ptr<TlsSession> server_;
  SSL_CTX* client_context_ = nullptr;
  SSL* client_ = nullptr;
};

TEST_F(TlsSessionTest, SaysForWhatItWaits) {
  EXPECT_EQ(server_->handshake().outcome, Outcome::kWaitsRead);
  shake_hands();
  char bytes[100];
  EXPECT_EQ(server_->read(bytes).outcome, Outcome::kWaitsRead);
  const std::string chunk(100'000, 'x');
  TlsSession::Step step{Outcome::kDone};
  while (step.outcome == Outcome::kDone) step = server_->write(chunk);
  EXPECT_EQ(step.outcome, Outcome::kWaitsWrite);
}

TEST_F(TlsSessionTest, BytesGoBothWays) {
  shake_hands();
  SSL_write(client_, "hello", 5);
  char bytes[3];
  EXPECT_EQ(server_->read(bytes).bytes, 3u);
  EXPECT_TRUE(server_->has_pending());
  EXPECT_EQ(server_->read(bytes).bytes, 2u);
  EXPECT_FALSE(server_->has_pending());
  EXPECT_EQ(server_->write("back").bytes, 4u);
  char got[10];
  EXPECT_EQ(SSL_read(client_, got, sizeof got), 4);
}

TEST_F(TlsSessionTest, EndsAreSaidAndHeard) {
  shake_hands();
  server_->say_end();
  char bytes[10];
  EXPECT_EQ(SSL_read(client_, bytes, sizeof bytes), 0);
  EXPECT_EQ(SSL_get_shutdown(client_) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
  SSL_shutdown(client_);
  EXPECT_EQ(server_->read(bytes).outcome, Outcome::kClosed);
}

TEST_F(TlsSessionTest, HttpInClearIsKnown) {
  EXPECT_EQ(::write(ends_[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
  EXPECT_EQ(server_->handshake().outcome, Outcome::kFailed);
  EXPECT_TRUE(server_->peer_spoke_http());
  EXPECT_EQ(server_->error(), "http request");
}

TEST_F(TlsSessionTest, APeerThatLeavesIsTheEnd) {
  shutdown(ends_[1], SHUT_RDWR);
  EXPECT_NE(server_->handshake().outcome, Outcome::kDone);
}

}  // namespace
}  // namespace dragonfly
