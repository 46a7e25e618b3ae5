#include "base/http/http_message.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(HostName, Forms) {
  const auto f = [](std::string_view host) { return host_name(host); };
  EXPECT_EQ(f("localhost"), "localhost");
  EXPECT_EQ(f("LocalHost:9090"), "localhost");
  EXPECT_EQ(f("localhost."), "localhost");
  EXPECT_EQ(f("127.0.0.1:0"), "127.0.0.1");
  EXPECT_EQ(f("[::1]"), "::1");
  EXPECT_EQ(f("[::1]:9090"), "::1");
  EXPECT_EQ(f(""), "");
  EXPECT_EQ(f("[::1"), "");
  EXPECT_EQ(f("[::1]x"), "");
  EXPECT_EQ(f("a:b"), "");
  EXPECT_EQ(f("a:70000"), "");
  EXPECT_EQ(f("::1"), "");
  EXPECT_EQ(f("a b"), "");
  EXPECT_EQ(f("user@localhost"), "");
}

TEST(IsLoopbackName, OnlyThisMachine) {
  const auto f = [](std::string_view name) { return is_loopback_name(name); };
  EXPECT_TRUE(f("localhost"));
  EXPECT_TRUE(f("127.0.0.1"));
  EXPECT_TRUE(f("127.8.9.1"));
  EXPECT_TRUE(f("::1"));
  EXPECT_FALSE(f("127.0.0.1.evil.example"));
  EXPECT_FALSE(f("localhost.evil.example"));
  EXPECT_FALSE(f("evil.example"));
  EXPECT_FALSE(f("10.0.0.1"));
  EXPECT_FALSE(f(""));
}

TEST(AcceptsGzip, Weights) {
  const auto f = [](std::string_view header) { return accepts_gzip(header); };
  EXPECT_TRUE(f("gzip"));
  EXPECT_TRUE(f("deflate, GZIP"));
  EXPECT_TRUE(f("br;q=1.0, gzip;q=0.5"));
  EXPECT_FALSE(f(""));
  EXPECT_FALSE(f("identity"));
  EXPECT_FALSE(f("gzip;q=0"));
  EXPECT_FALSE(f("gzip; q=0.00"));
  EXPECT_FALSE(f("xgzip"));
}

TEST(HttpDate, Rfc9110Example) {
  EXPECT_EQ(http_date(parse_rfc3339("1994-11-06T08:49:37Z").value()), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(RenderHead, ValuesCannotEndTheirLine) {
  HttpResponse response;
  response.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b");
  response.body = "12345";
  EXPECT_EQ(render_head({response, false, false, false, from_unix_ms(0)}),
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: application/json\r\n"
            "Content-Length: 5\r\nX-Name: a  Set-Cookie: b\r\nConnection: close\r\n\r\n");
}

TEST(HttpStatus, EveryCodeHasOne) {
  EXPECT_EQ(http_status(ErrorCode::kInvalidArgument), 400);
  EXPECT_EQ(http_status(ErrorCode::kNotFound), 404);
  EXPECT_EQ(http_status(ErrorCode::kConflict), 409);
  EXPECT_EQ(http_status(ErrorCode::kNoSpace), 507);
  EXPECT_EQ(http_status(ErrorCode::kTimeout), 504);
}

}  // namespace
}  // namespace dragonfly
