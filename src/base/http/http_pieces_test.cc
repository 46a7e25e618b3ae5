// Answers that are made piece by piece while they are sent.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>

#include "base/http/gzip.h"
#include "base/http/http_server.h"
#include "base/http/http_test_client.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

constexpr size_t kPiece = 64 * 1024;

// What the tests look at from outside.
struct Seen {
  std::atomic<size_t> made{0};    // Pieces.
  std::atomic<size_t> bodies{0};  // Alive.
};

// Pieces that tell their number, and then an end or an error.
class Numbered final : public HttpBody {
 public:
  Numbered(Seen& seen, size_t pieces, bool fails) : seen_(seen), pieces_(pieces), fails_(fails) { ++seen_.bodies; }
  ~Numbered() override { --seen_.bodies; }
  static std::string piece(size_t number) {
    std::string out(kPiece, static_cast<char>('a' + number % 26));
    return out.replace(0, 8, fmt::format("{:08}", number));
  }
  static std::string whole(size_t pieces) {
    std::string out;
    for (size_t i = 0; i < pieces; ++i) out += piece(i);
    return out;
  }
  Result<bool> next(std::string& out) override {
    if (at_ == pieces_ && fails_) return fail(ErrorCode::kIo, "the disk is gone");
    out += piece(at_++);
    ++seen_.made;
    return at_ < pieces_ || fails_;
  }

 private:
  Seen& seen_;
  const size_t pieces_;
  const bool fails_;
  size_t at_ = 1;  // The first is the answer's.
};

class HttpPiecesTest : public testing::Test {
 protected:
  // GET /PIECES or /PIECES/broken.
  void start(HttpOptions options = {}) {
    options.listen = "127.0.0.1:0";
    server_ = HttpServer::start(std::move(options), clock_, workers_, [this](HttpRequest request, Responder responder) {
                if (request.path.size() == 2) cancellation_ = request.cancellation;
                HttpResponse response;
                response.body = Numbered::piece(0);
                responder.answer_in_pieces(
                    std::move(response),
                    std::make_unique<Numbered>(seen_, std::stoul(request.path.at(0)), request.path.size() == 2));
              }).value();
  }
  template <class Condition>
  static void await(Condition condition) {
    for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(condition());
  }
  static std::string get(const std::string& path, const std::string& version = "1.1", const std::string& more = {}) {
    return "GET " + path + " HTTP/" + version + "\r\nHost: localhost\r\n" + more + "\r\n";
  }

  Seen seen_;
  Cancellation cancellation_;
  SystemClock clock_;
  WorkerPool workers_{"test", 2, 100};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpPiecesTest, AreChunksOfOneAnswerAndTheConnectionIsKept) {
  start();
  TestClient client(server_->port());
  client.send(get("/50") + get("/2") + get("/1"));  // Also where requests are pipelined.
  for (const size_t pieces : {50, 2, 1}) {
    const TestAnswer answer = client.read();
    EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
    EXPECT_EQ(answer.header("Content-Length"), "");
    EXPECT_TRUE(client.read_chunks() == Numbered::whole(std::max<size_t>(pieces, 2)));
  }
  EXPECT_EQ(server_->stats().connections_accepted.value(), 1u);
  await([&] { return seen_.bodies == 0; });
  EXPECT_EQ(server_->stats().pieces_open.value(), 0);
}

TEST_F(HttpPiecesTest, ArePackedAsOneText) {
  start();
  TestClient client(server_->port());
  client.send(get("/100", "1.1", "Accept-Encoding: gzip\r\n"));
  const TestAnswer answer = client.read();
  EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
  const std::string packed = client.read_chunks().value_or("");
  EXPECT_LT(packed.size(), 100 * kPiece / 20);
  EXPECT_TRUE(gunzip(packed, {.ratio_max = 100'000}).value() == Numbered::whole(100));
}

TEST_F(HttpPiecesTest, HeadHasNone) {
  start();
  TestClient client(server_->port());
  client.send("HEAD /100 HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/2"));
  EXPECT_EQ(client.read(true).header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(client.read_chunks() == Numbered::whole(2));
}

// No more is made than the socket takes: memory does not grow with the answer.
TEST_F(HttpPiecesTest, ASlowReaderIsWaitedFor) {
  start();
  constexpr size_t kPieces = 2000;  // 130 MB
  TestClient client(server_->port());
  client.send(get("/" + std::to_string(kPieces)));
  EXPECT_EQ(client.read().status, 200);
  size_t before = SIZE_MAX;
  await([&] {
    return std::exchange(before, seen_.made.load()) == seen_.made.load() && (usleep(50'000), before == seen_.made);
  });
  EXPECT_LT(seen_.made, 500u);
  EXPECT_TRUE(client.read_chunks() == Numbered::whole(kPieces));
  EXPECT_EQ(seen_.made, kPieces - 1);
}

TEST_F(HttpPiecesTest, AReaderThatIsTooSlowIsCutOff) {
  HttpOptions options;
  options.body_grace = 200ms;  // Far below write_stall.
  options.body_bytes_per_s = 1u << 30;
  start(options);
  TestClient client(server_->port());
  client.send(get("/5000"));
  await([&] { return server_->stats().timeouts.value() == 1 && seen_.bodies == 0; });
}

TEST_F(HttpPiecesTest, AnErrorBreaksTheAnswerOff) {
  start();
  TestClient client(server_->port());
  client.send(get("/5/broken") + get("/2"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read_chunks(), std::nullopt);  // The connection ended before the last chunk.
  EXPECT_EQ(server_->stats().answers_broken.value(), 1u);
  TestClient packed(server_->port());
  packed.send(get("/5/broken", "1.1", "Accept-Encoding: gzip\r\n"));
  EXPECT_EQ(packed.read().status, 200);
  EXPECT_EQ(packed.read_chunks(), std::nullopt);
}

// Its end is that of the connection, so that of a broken answer must not look the same.
TEST_F(HttpPiecesTest, Http10ReadsToTheEnd) {
  start();
  TestClient client(server_->port());
  client.send(get("/20", "1.0", "Connection: keep-alive\r\n"));
  const TestAnswer answer = client.read();
  EXPECT_EQ(answer.header("Transfer-Encoding"), "");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(client.read_rest() == Numbered::whole(20));
  EXPECT_EQ(client.last_error(), 0);
  TestClient broken(server_->port());
  broken.send(get("/20/broken", "1.0"));
  broken.read();
  broken.read_rest();
  EXPECT_EQ(broken.last_error(), ECONNRESET);
}

TEST_F(HttpPiecesTest, WhoLeavesEndsThem) {
  start();
  auto client = std::make_unique<TestClient>(server_->port());
  client->send(get("/1000000/broken"));
  client->read();
  client.reset();
  await([&] { return seen_.bodies == 0; });
  EXPECT_TRUE(cancellation_.cancelled());
  EXPECT_EQ(server_->stats().answers_broken.value(), 0u);  // Nobody was left to be deceived.
}

TEST_F(HttpPiecesTest, AStopEndsThem) {
  HttpOptions options;
  options.stop_time = 100ms;
  start(options);
  TestClient client(server_->port());
  client.send(get("/1000000"));
  EXPECT_EQ(client.read().status, 200);
  server_->stop();
  EXPECT_EQ(client.read_chunks(), std::nullopt);
  await([&] { return seen_.bodies == 0; });
}

TEST_F(HttpPiecesTest, ThereIsRoomForSoMany) {
  HttpOptions options;
  options.pieces_max = 2;
  options.pieces_per_source_max = 1;
  start(options);
  TestClient one(server_->port());
  one.send(get("/100000"));
  EXPECT_EQ(one.read().status, 200);
  TestClient two(server_->port());
  two.send(get("/2") + get("/2"));
  const TestAnswer refused = two.read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(two.read().status, 503);  // The connection is kept.
  EXPECT_EQ(server_->stats().requests_overload.value(), 2u);
}

}  // namespace
}  // namespace dragonfly
