#include "base/http/http_server.h"

#include <gtest/gtest.h>

#include <future>

#include "base/http/gzip.h"
#include "base/http/http_test_client.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpOptions options, HttpHandler handler) {
    if (options.listen == HttpOptions{}.listen) options.listen = "127.0.0.1:0";
    auto server = HttpServer::start(std::move(options), clock_, workers_, std::move(handler));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  static void echo(HttpRequest request, Responder responder) {
    HttpResponse response;
    response.content_type = "text/plain";
    response.body = request.method + " " + request.target + " " + request.body;
    responder.answer(std::move(response));
  }
  static HttpHandler sized(size_t bytes) {
    return [bytes](HttpRequest, Responder responder) {
      HttpResponse response;
      response.body.assign(bytes, 'x');
      responder.answer(std::move(response));
    };
  }
  SystemClock clock_;
  WorkerPool workers_{"test", 2, 100};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ConnectionsAreKept) {
  start({}, echo);
  TestClient client(server_->port());
  EXPECT_EQ(client.get("/a").body, "GET /a ");
  EXPECT_EQ(client.get("/b?c=d").body, "GET /b?c=d ");
  const TestAnswer last = client.get("/c", "Connection: close\r\n");
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(server_->stats().connections_accepted.value(), 1u);
  EXPECT_EQ(server_->stats().answers[1].value(), 3u);
}

TEST_F(HttpServerTest, Http10ClosesUnlessAsked) {
  start({}, echo);
  TestClient client(server_->port());
  EXPECT_EQ(client.ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("Connection"), "keep-alive");
  EXPECT_EQ(client.ask("GET /a HTTP/1.0\r\n\r\n").header("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start({}, echo);
  TestClient client(server_->port());
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";
  }
  client.send(all);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.read().body, "POST /" + std::to_string(i) + " x");
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  start({}, echo);
  TestClient client(server_->port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read(true).header("Content-Length"), "9");
  EXPECT_EQ(client.get("/").status, 200);
}

TEST_F(HttpServerTest, ContinueIsSaidBeforeTheBody) {
  start({}, echo);
  TestClient client(server_->port());
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n";
  EXPECT_EQ(client.ask(head + "Content-Length: 5\r\n\r\n").status, 100);
  EXPECT_EQ(client.ask("hello").body, "POST / hello");
  // What is too large is refused before it is sent.
  EXPECT_EQ(client.ask(head + "Content-Length: 99999999\r\n\r\n").status, 413);
}

TEST_F(HttpServerTest, BodiesOfEveryKindArriveWhole) {
  start({}, [](HttpRequest request, Responder responder) {
    HttpResponse response;
    response.body = std::to_string(std::hash<std::string>{}(request.body));
    responder.answer(std::move(response));
  });
  std::string body;
  for (int i = 0; i < 200'000; ++i) body += std::to_string(i);
  const std::string want = std::to_string(std::hash<std::string>{}(body));
  const auto f = [&](const std::string& headers, const std::string& bytes) {
    TestClient client(server_->port());
    return client.ask("POST / HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + bytes).body;
  };
  const std::string packed = gzip(body);
  EXPECT_EQ(f("Content-Length: " + std::to_string(body.size()) + "\r\n", body), want);
  EXPECT_EQ(f("Transfer-Encoding: chunked\r\n", fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", body.size(), body)), want);
  EXPECT_EQ(f(fmt::format("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.size()), packed), want);
}

TEST_F(HttpServerTest, AnswersArePackedWhereThatPays) {
  start({}, [](HttpRequest request, Responder responder) {
    HttpResponse response;
    response.body.assign(static_cast<size_t>(std::stoi(request.path.at(0))), 'x');
    responder.answer(std::move(response));
  });
  TestClient client(server_->port());
  const TestAnswer packed = client.get("/5000", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(gunzip(packed.body, {}).value(), std::string(5000, 'x'));
  EXPECT_EQ(client.get("/1023", "Accept-Encoding: gzip\r\n").body.size(), 1023u);
  EXPECT_EQ(client.get("/5000").body.size(), 5000u);
}

TEST_F(HttpServerTest, LargeAnswersAreWhole) {
  start({}, sized(20'000'000));
  TestClient client(server_->port());
  EXPECT_EQ(client.get("/").body.size(), 20'000'000u);
}

TEST_F(HttpServerTest, AnswersMayComeLaterFromAnyThread) {
  std::promise<Responder> asked;
  start({}, [&](HttpRequest, Responder responder) { asked.set_value(std::move(responder)); });
  TestClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::thread([&] { asked.get_future().get().answer({.body = "later"}); }).join();
  EXPECT_EQ(client.read().body, "later");
}

TEST_F(HttpServerTest, AForgottenAnswerIs503) {
  start({}, [](HttpRequest, Responder) {});
  TestClient client(server_->port());
  EXPECT_EQ(client.get("/").status, 503);
}

TEST_F(HttpServerTest, CommonHeadersAreOnEveryAnswer) {
  HttpOptions options;
  options.common_headers = {{"X-Content-Type-Options", "nosniff"}};
  start(options, echo);
  TestClient client(server_->port());
  EXPECT_EQ(client.get("/").header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(client.get("/%zz").header("X-Content-Type-Options"), "nosniff");
}

TEST_F(HttpServerTest, OverloadIsSaid) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  WorkerPool one("one", 1, 1);
  std::promise<void> running;
  std::once_flag once;
  HttpOptions options;
  options.listen = "127.0.0.1:0";
  auto server = HttpServer::start(options, clock_, one, [&](HttpRequest request, Responder responder) {
                  std::call_once(once, [&] { running.set_value(); });
                  released.wait();
                  echo(std::move(request), std::move(responder));
                }).value();
  TestClient first(server->port());
  first.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  running.get_future().wait();
  TestClient second(server->port());
  TestClient third(server->port());
  second.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  third.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // One of the two waits in the queue of one, the other is refused at once; which one is not ours to say.
  while (server->stats().requests_overload.value() == 0) std::this_thread::yield();
  release.set_value();
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status + third.read().status, 200 + 503);
}

// Bytes that nobody has read yet do not hide that the peer has gone.
TEST_F(HttpServerTest, WhoLeavesIsKnownToTheHandler) {
  std::promise<Cancellation> asked;
  start({}, [&](HttpRequest request, Responder responder) {
    if (request.path.front() == "quick") return echo(std::move(request), std::move(responder));
    asked.set_value(request.cancellation);
    while (!request.cancellation.cancelled()) std::this_thread::sleep_for(1ms);
  });
  auto client = std::make_unique<TestClient>(server_->port());
  client->send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\nGET /next HTTP/1.1\r\n");
  const Cancellation cancellation = asked.get_future().get();
  TestClient other(server_->port());
  EXPECT_EQ(other.get("/quick").status, 200);
  EXPECT_FALSE(cancellation.cancelled());
  client.reset();
  while (!cancellation.cancelled()) std::this_thread::yield();
  EXPECT_EQ(server_->stats().requests_abandoned.value(), 1u);
}

// It may still read.
TEST_F(HttpServerTest, APeerThatHasSaidAllIsAnswered) {
  start({}, [](HttpRequest request, Responder responder) {
    std::this_thread::sleep_for(600ms);  // Beyond the first look at the peer.
    echo(std::move(request), std::move(responder));
  });
  TestClient client(server_->port());
  client.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.finish_sending();
  EXPECT_EQ(client.read().body, "GET /a ");
}

TEST_F(HttpServerTest, ConnectionLimits) {
  HttpOptions options;
  options.connections_max = 3;
  options.connections_per_source_max = 2;
  start(options, echo);
  auto one = std::make_unique<TestClient>(server_->port());
  TestClient two(server_->port());
  EXPECT_EQ(one->get("/").status, 200);
  EXPECT_EQ(two.get("/").status, 200);
  TestClient three(server_->port());
  EXPECT_EQ(three.read().status, 503);
  one.reset();
  while (server_->stats().connections_open.value() != 1) std::this_thread::yield();
  TestClient four(server_->port());
  EXPECT_EQ(four.get("/").status, 200);
  EXPECT_EQ(server_->stats().connections_refused.value(), 1u);
}

TEST_F(HttpServerTest, IdleConnectionsEnd) {
  HttpOptions options;
  options.idle_time = 100ms;
  start(options, echo);
  TestClient fresh(server_->port());
  TestClient used(server_->port());
  EXPECT_EQ(used.get("/").status, 200);
  EXPECT_TRUE(fresh.closed());
  EXPECT_TRUE(used.closed());
}

TEST_F(HttpServerTest, AReaderThatTakesNothingIsCutOff) {
  HttpOptions options;
  options.write_stall = 100ms;
  start(options, sized(30'000'000));
  TestClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (server_->stats().timeouts.value() == 0) std::this_thread::yield();
  while (server_->stats().connections_open.value() != 0) std::this_thread::yield();
}

TEST_F(HttpServerTest, BodiesInMemoryAreBounded) {
  HttpOptions options;
  options.bodies_bytes_max = 10'000;
  start(options, echo);
  TestClient client(server_->port());
  const auto f = [&](size_t bytes) {
    return TestClient(server_->port())
        .ask(fmt::format("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}", bytes,
                         std::string(bytes, 'a')))
        .status;
  };
  EXPECT_EQ(f(10'000), 200);
  EXPECT_EQ(f(10'001), 503);
  EXPECT_EQ(f(10'000), 200);  // Given back.
}

TEST_F(HttpServerTest, Ipv6AndBothAtOnce) {
  HttpOptions options;
  options.listen = "[::]:0";
  start(options, [](HttpRequest request, Responder responder) {
    responder.answer(
        {.body = request.remote.substr(0, request.remote.rfind(':')) + (request.is_loopback ? " local" : "")});
  });
  EXPECT_EQ(TestClient(server_->port(), true).get("/").body, "[::1] local");
  EXPECT_EQ(TestClient(server_->port()).get("/").body, "127.0.0.1 local");
  // Not a loopback listener: any Host.
  EXPECT_EQ(TestClient(server_->port()).ask("GET / HTTP/1.1\r\nHost: any.example\r\n\r\n").status, 200);
}

TEST_F(HttpServerTest, AddressesThatCannotBe) {
  start({}, echo);
  const auto f = [&](const std::string& listen) {
    HttpOptions options;
    options.listen = listen;
    const auto server = HttpServer::start(options, clock_, workers_, echo);
    return server ? std::string("ok") : server.error().code == ErrorCode::kIo ? "io" : "argument";
  };
  EXPECT_EQ(f("localhost:1"), "argument");
  EXPECT_EQ(f("127.0.0.1"), "argument");
  EXPECT_EQ(f("127.0.0.1:"), "argument");
  EXPECT_EQ(f("127.0.0.1:70000"), "argument");
  EXPECT_EQ(f("127.0.0.1:9x"), "argument");
  EXPECT_EQ(f(":9090"), "argument");
  EXPECT_EQ(f(server_->local()), "io");  // Taken.
  EXPECT_EQ(f("[::1]:0"), "ok");
}

TEST_F(HttpServerTest, StopLetsRunningAnswersFinish) {
  std::promise<void> asked;
  std::promise<Responder> responder;
  start({}, [&](HttpRequest, Responder r) {
    responder.set_value(std::move(r));
    asked.set_value();
  });
  TestClient idle(server_->port());
  TestClient busy(server_->port());
  busy.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  asked.get_future().wait();
  std::thread stopping([&] { server_->stop(); });
  EXPECT_TRUE(idle.closed());  // stop() is at work.
  responder.get_future().get().answer({.body = "last words"});
  const TestAnswer answer = busy.read();
  EXPECT_EQ(answer.body, "last words");
  EXPECT_EQ(answer.header("Connection"), "close");
  stopping.join();
  EXPECT_FALSE(TestClient(server_->port()).connected());
}

TEST_F(HttpServerTest, StopDoesNotWaitForeverAndAnswersMayComeAfter) {
  std::promise<Responder> asked;
  HttpOptions options;
  options.stop_time = 50ms;
  start(options, [&](HttpRequest, Responder responder) { asked.set_value(std::move(responder)); });
  TestClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Responder responder = asked.get_future().get();
  server_->stop();
  EXPECT_TRUE(client.closed());
  server_.reset();
  responder.answer({.body = "too late"});
}

}  // namespace
}  // namespace dragonfly
