// The server under TLS: the same requests, and what can go wrong before the first of them.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <filesystem>

#include "base/http/http_server.h"
#include "base/http/http_test_client.h"
#include "base/rt/random.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

// A client that trusts one authority, or nobody.
class SecureClient {
 public:
  SecureClient(uint16_t port, const std::string& authority_file, int version = 0)
      : tcp_(port), context_(SSL_CTX_new(TLS_client_method())) {
    if (!authority_file.empty()) SSL_CTX_load_verify_locations(context_, authority_file.c_str(), nullptr);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    if (version != 0) {
      SSL_CTX_set_security_level(context_, 0);  // Or OpenSSL refuses the old ones by itself.
      SSL_CTX_set_min_proto_version(context_, version);
      SSL_CTX_set_max_proto_version(context_, version);
    }
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, tcp_.descriptor());
    SSL_set1_host(ssl_, "localhost");
    connected_ = SSL_connect(ssl_) == 1;
    if (!connected_) ERR_clear_error();
  }
  ~SecureClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  SecureClient(const SecureClient&) = delete;
  SecureClient& operator=(const SecureClient&) = delete;
  bool connected() const { return connected_; }
  std::string version() const { return SSL_get_version(ssl_); }
  void send(std::string_view bytes) { SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); }
  // Until `size` bytes have come, or the end.
  std::string read(size_t size) {
    std::string out;
    char bytes[16384];
    while (out.size() < size) {
      const int got = SSL_read(ssl_, bytes, static_cast<int>(std::min(sizeof bytes, size - out.size())));
      if (got <= 0) break;
      out.append(bytes, static_cast<size_t>(got));
    }
    return out;
  }
  // Whether the peer said that nothing more comes, so that what came is whole.
  bool said_farewell() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  std::string get(const std::string& target) {
    send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const std::string all = read(SIZE_MAX);
    return all.substr(std::min(all.find("\r\n\r\n") + 4, all.size()));
  }

 private:
  TestClient tcp_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

// 25 large pieces, then an end or, at /pieces/broken, an error.
class Letters final : public HttpBody {
 public:
  explicit Letters(std::string target) : target_(std::move(target)) {}
  static std::string piece(int i) { return std::string(100'000, static_cast<char>('a' + i)); }
  Result<bool> next(std::string& out) override {
    if (at_ == 25 && target_.ends_with("broken")) return fail(ErrorCode::kIo, "gone");
    out += piece(at_);
    return ++at_ < 26;
  }

 private:
  const std::string target_;
  int at_ = 0;
};

class HttpsTest : public testing::Test {
 protected:
  HttpsTest() {
    std::signal(SIGPIPE, SIG_IGN);
    ServerIdentityOptions options;
    options.directory = folder_ / "tls";
    options.hosts.names = {"localhost"};
    identity_ = std::shared_ptr<ServerIdentity>(ServerIdentity::open(system_files(), clock_, options).value());
    authority_ = identity_->authority_file().string();
  }
  ~HttpsTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  void start(HttpOptions options = {}) {
    options.listen = "127.0.0.1:0";
    options.tls = identity_;
    server_ = HttpServer::start(std::move(options), clock_, workers_, [](HttpRequest request, Responder responder) {
                HttpResponse response;
                response.body = request.target + " " + request.body;
                if (request.target.starts_with("/pieces"))
                  return responder.answer_in_pieces(std::move(response), std::make_unique<Letters>(request.target));
                if (request.target == "/large") response.body.assign(3'000'000, 'x');
                responder.answer(std::move(response));
              }).value();
  }
  uint16_t port() const { return server_->port(); }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("dragonfly-https-" + std::to_string(::getpid()));
  SystemClock clock_;
  WorkerPool workers_{"test", 2, 100};
  std::shared_ptr<ServerIdentity> identity_;
  std::string authority_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpsTest, AnswersWhoTrustsTheAuthority) {
  start();
  SecureClient client(port(), authority_);
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.version(), "TLSv1.3");
  EXPECT_EQ(client.get("/a"), "/a ");
  EXPECT_FALSE(SecureClient(port(), "").connected());
}

TEST_F(HttpsTest, VersionsBefore12AreRefused) {
  start();
  const auto f = [&](int version) { return SecureClient(port(), authority_, version).connected(); };
  EXPECT_FALSE(f(TLS1_VERSION));
  EXPECT_FALSE(f(TLS1_1_VERSION));
  EXPECT_TRUE(f(TLS1_2_VERSION));
  EXPECT_TRUE(f(TLS1_3_VERSION));
  EXPECT_EQ(server_->stats().handshakes_failed.value(), 2u);
}

TEST_F(HttpsTest, LargeAnswersAndPipelinedRequestsAreWhole) {
  start();
  EXPECT_EQ(SecureClient(port(), authority_).get("/large"), std::string(3'000'000, 'x'));
  SecureClient client(port(), authority_);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n" + std::to_string(100 + i % 900);
  }
  client.send(all + "GET /end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string got = client.read(SIZE_MAX);
  size_t answers = 0;
  for (size_t at = 0; (at = got.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, 201u);
  EXPECT_TRUE(got.ends_with("/end "));
}

TEST_F(HttpsTest, AnswersInPiecesAreWholeOrEndWithoutAnEnd) {
  start();
  std::string whole = "9\r\n/pieces/ \r\n";
  for (int i = 0; i < 26; ++i) whole += fmt::format("186a0\r\n{}\r\n", Letters::piece(i));
  EXPECT_TRUE(SecureClient(port(), authority_).get("/pieces/") == whole + "0\r\n\r\n");
  SecureClient client(port(), authority_);
  EXPECT_FALSE(client.get("/pieces/broken").ends_with("0\r\n\r\n"));
  EXPECT_FALSE(client.said_farewell());
}

TEST_F(HttpsTest, LargeBodiesArriveWhole) {
  start();
  SecureClient client(port(), authority_);
  const std::string body(2'000'000, 'b');
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n" + body);
  EXPECT_TRUE(client.read(SIZE_MAX).ends_with("\r\n\r\n/ " + body));
}

TEST_F(HttpsTest, PlainHttpIsToldToUseHttps) {
  start();
  TestClient client(port());
  const TestAnswer answer = client.get("/");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("https://"), std::string::npos);
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpsTest, AHandshakeThatDoesNotComeEnds) {
  HttpOptions options;
  options.handshake_time = 100ms;
  start(options);
  TestClient silent(port());
  TestClient half(port());
  half.send(std::string_view("\x16\x03\x01\x02\x00", 5));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(half.closed());
  EXPECT_EQ(server_->stats().handshakes_failed.value(), 2u);
  EXPECT_EQ(server_->stats().timeouts.value(), 2u);
}

TEST_F(HttpsTest, SlowHandshakesDelayNobody) {
  start();
  std::vector<std::unique_ptr<TestClient>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<TestClient>(port()));
    slow.back()->send(std::string_view("\x16\x03\x01\x02\x00", 5));
  }
  // Their time is 10 s; this is done before the first of them ends.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(SecureClient(port(), authority_).get("/a"), "/a ");
  EXPECT_EQ(server_->stats().handshakes_failed.value(), 0u);
}

TEST_F(HttpsTest, NoiseInsteadOfARecordEndsTheConnectionOnly) {
  start();
  SystemRandom random;
  for (int i = 0; i < 50; ++i) {
    uint8_t noise[300];
    random.fill(noise);
    TestClient client(port());
    client.send({reinterpret_cast<const char*>(noise), sizeof noise});
    client.finish_sending();
    client.read();
  }
  EXPECT_EQ(SecureClient(port(), authority_).get("/a"), "/a ");
}

TEST_F(HttpsTest, ANewCertificateIsForNewConnections) {
  start();
  SecureClient before(port(), authority_);
  ASSERT_TRUE(before.connected());
  std::filesystem::remove(folder_ / "tls" / "server.crt");
  const std::string old = identity_->info().fingerprint;
  EXPECT_EQ(identity_->refresh(), true);
  EXPECT_NE(identity_->info().fingerprint, old);
  EXPECT_EQ(SecureClient(port(), authority_).get("/new"), "/new ");
  EXPECT_EQ(before.get("/old"), "/old ");
}

TEST_F(HttpsTest, StopEndsHandshakesAtOnce) {
  start();
  TestClient silent(port());
  while (server_->stats().connections_open.value() != 1) std::this_thread::yield();
  server_->stop();
  EXPECT_TRUE(silent.closed());
}

}  // namespace
}  // namespace dragonfly
