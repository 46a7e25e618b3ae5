// Routes, CORS, what the server says of itself, the page.
#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using ApiTest = ApiFixture;

TEST_F(ApiTest, UnknownPathsGetAHint) {
  EXPECT_EQ(refusal("/nothing?a=b"),
            R"(404 {"message":"path '/nothing' is not known; docs/api/openapi.yaml lists all"})");
  EXPECT_EQ(refusal("/dragonfly/ns/n1/mcis/m1/vm/v1"),
            R"(404 {"message":"path '/dragonfly/ns/n1/mcis/m1/vm/v1' is not known; the nearest is )"
            R"(/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/metric/{metric}/info"})");
  EXPECT_EQ(status("/mon/mcis//vm/v1/metric/cpu/info"), 404);
  EXPECT_EQ(status("/dragonfly/ns/n1/mcix/m1/vm/v1/metric/cpu/info"), 404);
  EXPECT_EQ(status("/../../etc/passwd"), 404);
  EXPECT_EQ(status("/..%2f..%2fetc%2fpasswd"), 404);
  EXPECT_EQ(status("/app.js/"), 200);
}

TEST_F(ApiTest, OtherMethodsAreToldWhatIsAllowed) {
  const auto f = [&](const std::string& target, const std::string& method) {
    const HttpResponse response = ask(target, {}, method);
    return std::to_string(response.status) + " " + header(response, "Allow");
  };
  EXPECT_EQ(f("/write", "GET"), "405 POST, OPTIONS");
  EXPECT_EQ(f("/healthcheck", "POST"), "405 GET, HEAD, OPTIONS");
  EXPECT_EQ(f("/healthcheck", "OPTIONS"), "204 GET, HEAD, OPTIONS");
  EXPECT_EQ(f("*", "OPTIONS"), "204 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(f("/nothing", "OPTIONS"), "404 ");
}

TEST_F(ApiTest, ReadsAreOpenToAllOrigins) {
  EXPECT_EQ(header(ask("/healthcheck"), "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header(ask("/api/v1/vms"), "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header(ask("/api/v1/vms?limit=0"), "Access-Control-Allow-Origin"), "*");
}

TEST_F(ApiTest, WritesAndStreamsOnlyToListedOrigins) {
  const auto f = [&](const std::string& target, const std::string& method, const std::string& origin) {
    NamedValues headers{{"host", "localhost:9090"}};
    if (!origin.empty()) headers.emplace_back("origin", origin);
    const HttpResponse response = ask(target, headers, method);
    return std::to_string(response.status) + " " + header(response, "Access-Control-Allow-Origin");
  };
  for (const auto& [target, method, good] :
       {std::tuple<std::string, std::string, std::string>{"/write", "POST", "204 "},
        {"/api/v1/stream", "GET", "200 "}}) {
    EXPECT_EQ(f(target, method, ""), good);
    EXPECT_EQ(f(target, method, "http://localhost:9090"), good);
    EXPECT_EQ(f(target, method, "https://grafana.example"), good + "https://grafana.example");
    EXPECT_EQ(f(target, method, "https://evil.example"), "403 ");
    EXPECT_EQ(f(target, method, "null"), "403 ");
    EXPECT_EQ(f(target, method, "https://grafana.example.evil"), "403 ");
  }
}

TEST_F(ApiTest, Preflights) {
  const auto f = [&](const std::string& target, const std::string& method, const std::string& origin) {
    const HttpResponse response =
        ask(target, {{"origin", origin}, {"access-control-request-method", method}}, "OPTIONS");
    return std::to_string(response.status) + " " + header(response, "Access-Control-Allow-Origin") + " " +
           header(response, "Access-Control-Allow-Headers");
  };
  const std::string headers = "Authorization, Content-Type, Content-Encoding";
  EXPECT_EQ(f("/api/v1/query", "GET", "https://any.example"), "204 * " + headers);
  EXPECT_EQ(f("/write", "POST", "https://grafana.example"), "204 https://grafana.example " + headers);
  EXPECT_EQ(f("/write", "POST", "https://evil.example"), "204  ");
  EXPECT_EQ(f("/api/v1/stream", "GET", "https://evil.example"), "204  ");
  EXPECT_EQ(f("/api/v1/query", "DELETE", "https://grafana.example"), "204  ");
}

TEST_F(ApiTest, HealthSaysWhatIsWrong) {
  EXPECT_EQ(ask("/healthcheck").status, 204);
  EXPECT_EQ(ask("/dragonfly/healthcheck").status, 204);
  vm("n1", "m1", "v1");
  health.modules = {{"receiver", ModuleHealth::State::kOk, ""}, {"store", ModuleHealth::State::kDegraded, "slow"}};
  EXPECT_EQ(body("/health"),
            R"({"state":"degraded","modules":[{"module":"receiver","state":"ok","message":""},)"
            R"({"module":"store","state":"degraded","message":"slow"}],"agents":{"alive":1,"late":0,"silent":0}})");
  health.modules.push_back({"log", ModuleHealth::State::kDown, "disk full"});
  EXPECT_EQ(status("/health"), 503);
}

TEST_F(ApiTest, OwnMetrics) {
  const auto registration = metrics.add([](MetricsText& text) { text.gauge("dragonfly_vms", "VMs.", 3); });
  const HttpResponse response = ask("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(response.body.find("\ndragonfly_vms 3\n"), std::string::npos);
}

TEST_F(ApiTest, ConfigNamesEverything) {
  policy.agent_interval = 4s;
  const std::string got = body("/dragonfly/config");
  EXPECT_TRUE(got.starts_with(R"({"agent_interval":4,"mcis_agent_interval":4,"collector_interval":10,)")) << got;
  EXPECT_NE(got.find(R"("retention_raw":"48h")"), std::string::npos);
  EXPECT_NE(got.find(R"("warnings":["agent_TTL is )"), std::string::npos);
}

TEST_F(ApiTest, ThePageNeedsNothingFromElsewhere) {
  const HttpResponse page = ask("/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  for (const std::string file : {"/app.js", "/style.css", "/icon.svg"}) {
    EXPECT_NE(page.body.find("\"" + file + "\""), std::string::npos) << file;
    EXPECT_EQ(status(file), 200);
  }
  EXPECT_EQ(page.body.find("http"), std::string::npos);
  EXPECT_EQ(page.body.find("<script>"), std::string::npos);
  const std::string code = ask("/app.js").body;
  for (const std::string word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"}) {
    EXPECT_EQ(code.find(word), std::string::npos) << word;
  }
}

TEST_F(ApiTest, AListThatIsKnownIsNotSentAgain) {
  vm("n", "m", "v");
  const HttpResponse first = ask("/api/v1/vms");
  const std::string etag = header(first, "ETag");
  EXPECT_TRUE(etag.starts_with("W/\"")) << etag;
  EXPECT_EQ(header(first, "Cache-Control"), "no-cache");
  const HttpResponse again = ask("/api/v1/vms", {{"if-none-match", "\"x\", " + etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(header(again, "ETag"), etag);
  vm("n", "m", "w");
  EXPECT_EQ(ask("/api/v1/vms", {{"if-none-match", etag}}).status, 200);
  EXPECT_EQ(header(ask("/api/v1/query?group=cpu"), "ETag"), "");
}

TEST_F(ApiTest, ThePageOfTheApiIsWhole) {
  EXPECT_NE(body("/api").find("/api.js"), std::string::npos);
  EXPECT_NE(body("/api.js").find("/api/openapi.json"), std::string::npos);
  EXPECT_TRUE(body("/api/openapi.yaml").starts_with("openapi: 3.1.0\n"));
  EXPECT_TRUE(body("/api/openapi.json").starts_with(R"({"openapi":"3.1.0","info":{"title":"CB-Dragonfly")"));
}

TEST(LegacyListener, ServesWhatEarlierReleasesHadToWhoeverAsks) {
  class Fixture : public ApiFixture {
   public:
    using ApiFixture::audit;
    using ApiFixture::status;
    Fixture() : ApiFixture({false, 0}) {}
    void TestBody() override {}
    int legacy(const std::string& target, const std::string& method = "GET", std::string sent = {}) {
      HttpRequest request;
      request.method = method;
      request.target = target;
      request.path = parse_target(target).value().path;
      request.body = std::move(sent);
      const auto response = std::make_shared<HttpResponse>();
      int answers = 0;
      api.handle_legacy(std::move(request), Responder(std::make_shared<FakeExchange>(response, nullptr, answers)));
      return response->status;
    }
  };
  Fixture server;
  EXPECT_EQ(server.status("/dragonfly/config"), 401);
  EXPECT_EQ(server.legacy("/dragonfly/config"), 200);
  EXPECT_EQ(server.legacy("/dragonfly/config", "PUT", R"({"max_host_count":5})"), 200);
  EXPECT_EQ(server.audit->newest(1).value().front().who, "legacy");
  EXPECT_EQ(server.legacy("/healthcheck"), 204);
  EXPECT_EQ(server.legacy("/health"), 200);
  for (const std::string path : {"/", "/api", "/api/v1/vms", "/api/v1/tokens", "/api/v1/session", "/api/v1/export"})
    EXPECT_EQ(server.legacy(path), 404) << path;
  EXPECT_EQ(server.legacy("/write", "POST", "cpu usage_idle=1"), 404);
}

}  // namespace
}  // namespace dragonfly
