// Any bytes on a connection of a real server: what a handler gets is well-formed, the connection ends.
#include "base/core/assert.h"
#include "base/http/http_server.h"
#include "base/http/http_test_client.h"

namespace dragonfly {
namespace {

// A worker would only add a thread to wait for.
class Inline final : public Executor {
 public:
  [[nodiscard]] bool post(Task task) override {
    task();
    return true;
  }
};

void answer(HttpRequest request, Responder responder) {
  DF_ASSERT(!request.method.empty() && !request.target.empty());
  for (const auto& [name, value] : request.headers) {
    DF_ASSERT(name == lower_case(name) && value.find_first_of("\r\n") == std::string::npos);
  }
  HttpResponse response;
  response.body = request.target;
  responder.answer(std::move(response));
}

class Rig {
 public:
  Rig() {
    HttpOptions options;
    options.listen = "127.0.0.1:0";
    options.io_threads = 1;
    options.body_bytes_max = 64 << 10;
    server_ = HttpServer::start(std::move(options), clock_, workers_, answer).value();
  }
  uint16_t port() const { return server_->port(); }

 private:
  SystemClock clock_;
  Inline workers_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace
}  // namespace dragonfly

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  static Rig rig;
  TestClient client(rig.port());
  DF_ASSERT(client.connected());
  // Ports do not run out where a connection ends by a reset.
  const linger none{1, 0};
  setsockopt(client.descriptor(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  client.send({reinterpret_cast<const char*>(data), size});
  client.finish_sending();
  std::string answers;
  char part[4096];
  for (ssize_t got; (got = recv(client.descriptor(), part, sizeof part, 0)) > 0;) answers.append(part, got);
  DF_ASSERT(answers.empty() || answers.starts_with("HTTP/1."));
  return 0;
}
