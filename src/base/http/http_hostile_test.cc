// Odd and hostile requests, byte for byte, each with the answer it must get. 0 = closed without an answer.
#include <gtest/gtest.h>

#include "base/http/gzip.h"
#include "base/http/http_server.h"
#include "base/http/http_test_client.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

class HttpHostile : public testing::Test {
 protected:
  HttpHostile() {
    HttpOptions options;
    options.listen = "127.0.0.1:0";
    options.io_threads = 1;
    options.body_bytes_max = 100'000;
    options.allowed_hosts = {"monitor.example"};
    options.header_time = 300ms;
    options.body_grace = 300ms;
    server_ = HttpServer::start(options, clock_, workers_, [](HttpRequest request, Responder responder) {
                HttpResponse response;
                response.content_type = "text/plain";
                response.body = request.method + " " + std::to_string(request.body.size());
                responder.answer(std::move(response));
              }).value();
  }
  // The first final status.
  int status_of(std::string_view bytes) {
    TestClient client(server_->port());
    client.send(bytes);
    client.finish_sending();
    TestAnswer answer = client.read();
    if (answer.status == 100) answer = client.read();
    if (answer.status >= 400) {
      EXPECT_TRUE(answer.body.starts_with("{\"message\":\"")) << answer.body;
    }
    return answer.status;
  }
  SystemClock clock_;
  WorkerPool workers_{"test", 2, 100};
  std::unique_ptr<HttpServer> server_;
};

const std::string kHost = "Host: localhost\r\n";
std::string get(const std::string& target, const std::string& headers = {}) {
  return "GET " + target + " HTTP/1.1\r\n" + kHost + headers + "\r\n";
}
std::string post(const std::string& headers, const std::string& body) {
  return "POST /w HTTP/1.1\r\n" + kHost + headers + "\r\n" + body;
}
std::string with_length(const std::string& headers, const std::string& body) {
  return post(headers + "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

TEST_F(HttpHostile, RequestLine) {
  const auto f = [this](std::string_view bytes) { return status_of(bytes); };
  EXPECT_EQ(f(get("/")), 200);
  EXPECT_EQ(f(""), 0);
  EXPECT_EQ(f("GET"), 0);
  EXPECT_EQ(f("GET / HTTP/1.1\r\n" + kHost), 0);
  EXPECT_EQ(f("\r\n" + get("/")), 400);
  EXPECT_EQ(f("GET /\r\n\r\n"), 400);
  EXPECT_EQ(f("GET  / HTTP/1.1\r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(f("GET / HTTP/1.1 \r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(f(" GET / HTTP/1.1\r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(f("GET / HTTP/1.1\n" + kHost + "\n"), 400);
  EXPECT_EQ(f("G{T / HTTP/1.1\r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(f("GET / HTTP/2.0\r\n" + kHost + "\r\n"), 505);
  EXPECT_EQ(f("GET / HTTP/0.9\r\n" + kHost + "\r\n"), 505);
  EXPECT_EQ(f("GET / FTP/1.1\r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(f("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(f("GET relative HTTP/1.1\r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(f("GET * HTTP/1.1\r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(f("OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n"), 200);
  EXPECT_EQ(f("FETCH / HTTP/1.1\r\n" + kHost + "\r\n"), 501);
  EXPECT_EQ(f("TRACE / HTTP/1.1\r\n" + kHost + "\r\n"), 501);
  EXPECT_EQ(f("CONNECT localhost:1 HTTP/1.1\r\n" + kHost + "\r\n"), 501);
  EXPECT_EQ(f(get("/%zz")), 400);
  EXPECT_EQ(f(get("/%00")), 400);
  EXPECT_EQ(f(get("/a#b")), 400);
  EXPECT_EQ(f(get("/../../etc/passwd")), 200);  // A name like any other; nothing here is a file.
  EXPECT_EQ(f(get("http://localhost/a")), 200);
  EXPECT_EQ(f(get("http://evil.example/a")), 421);
  EXPECT_EQ(f("\x16\x03\x01\x02\x01\x01"), 400);  // A TLS hello.
  EXPECT_EQ(f(std::string(64, '\0')), 400);
}

TEST_F(HttpHostile, Sizes) {
  const auto f = [this](std::string_view bytes) { return status_of(bytes); };
  EXPECT_EQ(f(get("/" + std::string(8191, 'a'))), 200);
  EXPECT_EQ(f(get("/" + std::string(8192, 'a'))), 414);
  EXPECT_EQ(f(get("/" + std::string(100'000, 'a'))), 414);
  EXPECT_EQ(f(get("/", "X: " + std::string(15'000, 'a') + "\r\n")), 200);
  EXPECT_EQ(f(get("/", "X: " + std::string(17'000, 'a') + "\r\n")), 431);
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(f(get("/", many)), 431);
  EXPECT_EQ(f(with_length("", std::string(100'000, 'b'))), 200);
  EXPECT_EQ(f(with_length("", std::string(100'001, 'b'))), 413);
  EXPECT_EQ(f(post("Content-Length: 99999999999999999999\r\n", "")), 400);
  EXPECT_EQ(f(post("Content-Length: 18446744073709551615\r\n", "")), 413);
  std::string chunks;
  for (int i = 0; i < 11; ++i) chunks += "2710\r\n" + std::string(10'000, 'c') + "\r\n";
  EXPECT_EQ(f(post("Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n")), 413);
  EXPECT_EQ(f(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(70'000, 'e') + "\r\nx\r\n0\r\n\r\n")), 431);
}

TEST_F(HttpHostile, Framing) {
  const auto f = [this](std::string_view bytes) { return status_of(bytes); };
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(f(post("Content-Length: 3\r\n" + chunked, "0\r\n\r\n")), 400);
  EXPECT_EQ(f(post(chunked + "Content-Length: 3\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(f(post(chunked + chunked, "0\r\n\r\n")), 400);
  EXPECT_EQ(f(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(f(post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(f(post("Transfer-Encoding: identity\r\n", "")), 501);
  EXPECT_EQ(f(post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(f(post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(f("POST / HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(f(post("Content-Length: 1\r\nContent-Length: 1\r\n", "a")), 400);
  EXPECT_EQ(f(post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")), 400);
  EXPECT_EQ(f(post("Content-Length: 1, 1\r\n", "a")), 400);
  EXPECT_EQ(f(post("Content-Length: -1\r\n", "")), 400);
  EXPECT_EQ(f(post("Content-Length: +1\r\n", "a")), 400);
  EXPECT_EQ(f(post("Content-Length: 0x1\r\n", "a")), 400);
  EXPECT_EQ(f(post("Content-Length: 1a\r\n", "a")), 400);
  EXPECT_EQ(f(post("Content-Length: \r\n", "")), 400);
  EXPECT_EQ(f(post("Content-Length: 5\r\n", "abc")), 0);  // Cut.
  EXPECT_EQ(f(post(chunked, "3\r\nabc\r\n0\r\n\r\n")), 200);
  EXPECT_EQ(f(post(chunked, "3;name=value\r\nabc\r\n0\r\nTrailer: x\r\n\r\n")), 200);
  EXPECT_EQ(f(post(chunked, "g\r\nabc\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(f(post(chunked, "-3\r\nabc\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(f(post(chunked, "0x3\r\nabc\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(f(post(chunked, "3\r\nabcd\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(f(post(chunked, "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n")), 400);
  EXPECT_EQ(f(post(chunked, "3\nabc\n0\n\n")), 0);  // A line that never ends.
  EXPECT_EQ(f(get("/", "Content-Length: 3\r\n") + "abc"), 200);
}

TEST_F(HttpHostile, Headers) {
  const auto f = [this](std::string_view bytes) { return status_of(bytes); };
  EXPECT_EQ(f("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(f("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(f(get("/", kHost)), 400);
  EXPECT_EQ(f(get("/", "No colon\r\n")), 400);
  EXPECT_EQ(f(get("/", ": no name\r\n")), 400);
  EXPECT_EQ(f(get("/", "Bad Name: x\r\n")), 400);
  EXPECT_EQ(f(get("/", "X: a\nY: b\r\n")), 400);
  EXPECT_EQ(f(get("/", "X: a\rY: b\r\n")), 400);
  EXPECT_EQ(f(get("/", std::string("X: a\0b\r\n", 8))), 400);
  EXPECT_EQ(f(get("/", "X:\r\n")), 200);
  EXPECT_EQ(f(get("/", "X: \xff\xfe\r\n")), 200);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n"), 421);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: \r\n\r\n"), 421);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: MONITOR.example:80\r\n\r\n"), 200);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: [::1]:9090\r\n\r\n"), 200);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), 200);
  EXPECT_EQ(f(get("/", "Upgrade: h2c\r\nConnection: Upgrade\r\n")), 200);
  EXPECT_EQ(f(post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a")), 417);
  EXPECT_EQ(f(post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "a")), 200);
}

TEST_F(HttpHostile, Encodings) {
  const auto f = [this](const std::string& encoding, const std::string& body) {
    return status_of(with_length("Content-Encoding: " + encoding + "\r\n", body));
  };
  EXPECT_EQ(f("gzip", gzip("hello")), 200);
  EXPECT_EQ(f("GZIP", gzip("hello")), 200);
  EXPECT_EQ(f("identity", "hello"), 200);
  EXPECT_EQ(f("gzip", "hello"), 400);
  EXPECT_EQ(f("gzip", gzip("hello").substr(0, 15)), 400);
  EXPECT_EQ(f("gzip", ""), 400);
  EXPECT_EQ(f("gzip", gzip(std::string(100'001, 'a'))), 413);
  EXPECT_EQ(f("gzip", gzip(std::string(20'000'000, 'a'))), 413);  // A bomb of 20 kB.
  EXPECT_EQ(f("br", "hello"), 415);
  EXPECT_EQ(f("deflate", "hello"), 415);
  EXPECT_EQ(f("gzip, gzip", gzip(gzip("hello"))), 415);
}

TEST_F(HttpHostile, SlowPeers) {
  const auto f = [this](std::string_view bytes) {
    TestClient client(server_->port());
    client.send(bytes);
    const int status = client.read().status;
    return status != 0 && !client.closed() ? -1 : status;
  };
  EXPECT_EQ(f("GET / HT"), 408);
  EXPECT_EQ(f("GET / HTTP/1.1\r\nHost: localhost\r\nX: "), 408);
  EXPECT_EQ(f("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"), 408);
  EXPECT_EQ(server_->stats().timeouts.value(), 3u);
}

// A peer that sends an ordinary request afterwards is served as if nothing had been.
TEST_F(HttpHostile, NothingSpreads) {
  TestClient other(server_->port());
  EXPECT_EQ(other.get("/").status, 200);
  for (int i = 0; i < 50; ++i) status_of("\x16\x03" + std::string(100, static_cast<char>(i)));
  EXPECT_EQ(other.get("/").status, 200);
}

}  // namespace
}  // namespace dragonfly
