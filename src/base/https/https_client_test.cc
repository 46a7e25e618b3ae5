// The client against the real server: whom it believes, and what becomes of answers and connections.
#include "base/https/https_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

#include "base/fs/file.h"
#include "base/http/http_server.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

class HttpsClientTest : public testing::Test {
 protected:
  HttpsClientTest() { std::signal(SIGPIPE, SIG_IGN); }
  ~HttpsClientTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::shared_ptr<ServerIdentity> identity(const std::string& name, HostNames hosts) {
    ServerIdentityOptions options;
    options.directory = folder_ / name;
    options.hosts = std::move(hosts);
    return std::shared_ptr<ServerIdentity>(ServerIdentity::open(system_files(), clock_, options).value());
  }
  std::vector<Bytes> authority(const std::string& name) {
    const auto pem = system_files().read_file(folder_ / name / "ca.crt", kPemBytesMax).value();
    return read_certificates(as_text(pem)).value();
  }
  void start(std::shared_ptr<const ServerIdentity> identity, const std::string& listen = "127.0.0.1:0") {
    HttpOptions options;
    options.listen = listen;
    options.tls = std::move(identity);
    options.idle_time = idle_time_;
    server_ = HttpServer::start(std::move(options), clock_, workers_, [this](HttpRequest request, Responder responder) {
                HttpResponse response;
                response.body = fmt::format("{} {} {} {}", request.method, request.target,
                                            request.header("authorization"), request.body.size());
                if (request.target == "/large") response.body.assign(200'000, 'x');
                if (request.target == "/empty") response.status = 204;
                if (request.target == "/later") {
                  response.status = 503;
                  response.headers.emplace_back("Retry-After", "7");
                }
                sources_.insert(request.remote);
                responder.answer(std::move(response));
              }).value();
  }
  HttpsOptions options(const std::string& host, std::vector<Bytes> authorities, bool tls = true) {
    return {ServerUrl{tls, host, server_->port()}, std::move(authorities)};
  }
  Result<HttpsAnswer> ask(HttpsOptions options, const HttpsQuestion& question = {}) {
    return HttpsClient(std::move(options), clock_, random_).ask(question);
  }
  static std::string text(const Result<HttpsAnswer>& answer) {
    return answer ? std::string(as_text(answer->body)) : answer.error().message;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("dragonfly-https-client-" + std::to_string(::getpid()));
  SystemClock clock_;
  SystemRandom random_;
  WorkerPool workers_{"test", 1, 100};
  Duration idle_time_ = 60s;
  std::set<std::string> sources_;  // Connections that asked.
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpsClientTest, AsksByNameAndByAddress) {
  start(identity("a", {{"localhost"}, {"127.0.0.1", "::1"}}));
  for (const char* host : {"localhost", "127.0.0.1"}) {
    EXPECT_EQ(text(ask(options(host, authority("a")))), "GET /  0") << host;
  }
  const Bytes body(100'000, 7);
  EXPECT_EQ(text(ask(options("localhost", authority("a")), {"POST", "/p", "secret", "text/plain", body})),
            "POST /p Bearer secret 100000");
}

TEST_F(HttpsClientTest, AnIpv6AddressIsOneToo) {
  start(identity("a", {{}, {"::1"}}), "[::1]:0");
  EXPECT_EQ(text(ask(options("::1", authority("a")))), "GET /  0");
}

TEST_F(HttpsClientTest, BelievesNobodyElse) {
  start(identity("a", {{"elsewhere.example"}, {"192.0.2.1", "7f00::1"}}));
  (void)identity("other", {{"localhost"}, {"127.0.0.1"}});
  const auto f = [&](const std::string& host, const std::string& trusted) {
    const auto answer = ask(options(host, authority(trusted)));
    ASSERT_FALSE(answer.has_value()) << host;
    EXPECT_EQ(answer.error().code, ErrorCode::kPermissionDenied);
    EXPECT_THAT(answer.error().message, HasSubstr("not who it should be"));
  };
  f("localhost", "a");      // Another name,
  f("127.0.0.1", "a");      // another address,
  f("localhost", "other");  // another authority.
  EXPECT_TRUE(sources_.empty());
  // Without authorities whoever answers is asked.
  EXPECT_EQ(text(ask(options("127.0.0.1", {}))), "GET /  0");
}

TEST_F(HttpsClientTest, AnExpiredCertificateIsNone) {
  const ManualClock past(clock_.wall() - 398 * 24h);
  ServerIdentityOptions old;
  old.directory = folder_ / "a";
  old.hosts.addresses = {"127.0.0.1"};
  start(std::shared_ptr<ServerIdentity>(ServerIdentity::open(system_files(), past, old).value()));
  EXPECT_THAT(text(ask(options("127.0.0.1", authority("a")))), HasSubstr("expired"));
}

TEST_F(HttpsClientTest, KeepsItsConnectionAndFindsItClosed) {
  idle_time_ = 100ms;
  start(identity("a", {{}, {"127.0.0.1"}}));
  HttpsClient client(options("127.0.0.1", authority("a")), clock_, random_);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.ask({})->status, 200);
  EXPECT_EQ(sources_.size(), 1u);
  while (server_->stats().connections_open.value() != 0) std::this_thread::yield();
  EXPECT_EQ(client.ask({})->status, 200);
  EXPECT_EQ(sources_.size(), 2u);
}

TEST_F(HttpsClientTest, AnswersOfEachKind) {
  start(identity("a", {{}, {"127.0.0.1"}}));
  const auto trust = authority("a");
  const auto large = ask(options("127.0.0.1", trust), {"GET", "/large"});
  ASSERT_TRUE(large.has_value());
  EXPECT_EQ(large->body.size(), 200'000u);
  EXPECT_EQ(ask(options("127.0.0.1", trust), {"GET", "/empty"})->status, 204);
  const auto later = ask(options("127.0.0.1", trust), {"GET", "/later"});
  EXPECT_EQ(later->status, 503);
  EXPECT_EQ(later->retry_after_s, 7u);
  HttpsOptions small = options("127.0.0.1", trust);
  small.body_max = 199'999;
  EXPECT_EQ(ask(small, {"GET", "/large"}).error().code, ErrorCode::kResourceExhausted);
}

TEST_F(HttpsClientTest, InClearWhereTheAddressSaysSo) {
  start(nullptr);
  EXPECT_EQ(text(ask(options("127.0.0.1", {}, false))), "GET /  0");
  // TLS to who speaks none.
  const auto answer = ask(options("127.0.0.1", {}));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

// A listener that takes connections and says `says`, or nothing.
class Mute {
 public:
  explicit Mute(std::string says = {}) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&any), size), 0);
    EXPECT_EQ(::listen(descriptor_, 5), 0);
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&any), &size);
    port = ntohs(any.sin_port);
    if (says.empty()) return;
    thread_ = std::thread([this, says] {
      const int peer = ::accept(descriptor_, nullptr, nullptr);
      (void)!::send(peer, says.data(), says.size(), MSG_NOSIGNAL);
      ::shutdown(peer, SHUT_WR);
      char byte = 0;
      while (::recv(peer, &byte, 1, 0) > 0) {
      }
      ::close(peer);
    });
  }
  ~Mute() {
    if (thread_.joinable()) thread_.join();
    ::close(descriptor_);
  }
  uint16_t port = 0;

 private:
  int descriptor_;
  std::thread thread_;
};

TEST_F(HttpsClientTest, EndsInTime) {
  const Mute mute;
  for (const bool tls : {true, false}) {
    HttpsOptions wanted{ServerUrl{tls, "127.0.0.1", mute.port}, {}, 200ms};
    const MonotonicTime start = clock_.monotonic();
    const auto answer = ask(wanted);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kTimeout) << answer.error().message;
    EXPECT_LT(clock_.monotonic() - start, 5s);
  }
}

TEST_F(HttpsClientTest, OddAnswersAreErrors) {
  const auto f = [&](const std::string& says, ErrorCode code) {
    const Mute odd(says);
    const auto answer = ask({ServerUrl{false, "127.0.0.1", odd.port}, {}});
    ASSERT_FALSE(answer.has_value()) << says;
    EXPECT_EQ(answer.error().code, code) << says;
  };
  f("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", ErrorCode::kUnavailable);
  f("HTTP/1.1 200 OK\r\nContent-Le", ErrorCode::kUnavailable);
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrorCode::kUnsupported);
  f("220 mail.example ESMTP\r\n\r\n", ErrorCode::kUnsupported);
  f(std::string(kAnswerHeadBytesMax + 5000, 'a'), ErrorCode::kUnsupported);
  f("HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n" + std::string(262145, 'a'), ErrorCode::kResourceExhausted);
  const Mute to_the_end("HTTP/1.0 200 OK\r\n\r\nto the end");
  EXPECT_EQ(text(ask({ServerUrl{false, "127.0.0.1", to_the_end.port}, {}})), "to the end");
}

TEST_F(HttpsClientTest, SaysWhoIsNotThere) {
  uint16_t port = 0;
  { port = Mute().port; }
  const auto answer = ask({ServerUrl{true, "127.0.0.1", port}, {}});
  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().message, HasSubstr(fmt::format("https://127.0.0.1:{}", port)));
}

TEST_F(HttpsClientTest, CertificatesAreReadOrRefused) {
  (void)identity("a", {{"a"}, {}});
  const auto pem = system_files().read_file(folder_ / "a" / "ca.crt", kPemBytesMax).value();
  const std::string one(as_text(pem));
  EXPECT_EQ(read_certificates(one)->size(), 1u);
  EXPECT_EQ(read_certificates(one + one)->size(), 2u);
  const auto f = [](const std::string& text) {
    EXPECT_EQ(read_certificates(text).error().code, ErrorCode::kInvalidArgument) << text.size();
  };
  f("");
  f("nothing");
  f(one.substr(0, one.size() / 2));
  std::string many;
  for (size_t i = 0; i <= kAuthoritiesMax; ++i) many += one;
  f(many);
}

}  // namespace
}  // namespace dragonfly
