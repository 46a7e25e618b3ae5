#include "base/https/http_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(HttpAnswer, ReadsWhatItNeeds) {
  const auto f = [](std::string_view head, int status, int64_t length, bool keeps_alive, uint32_t retry_after) {
    const auto got = parse_answer_head(head);
    ASSERT_TRUE(got.has_value()) << head;
    EXPECT_EQ(got->status, status) << head;
    EXPECT_EQ(got->content_length ? static_cast<int64_t>(*got->content_length) : -1, length) << head;
    EXPECT_EQ(got->keeps_alive, keeps_alive) << head;
    EXPECT_EQ(got->retry_after_s, retry_after) << head;
  };
  f("HTTP/1.1 200 OK", 200, -1, true, 0);
  f("HTTP/1.1 204", 204, -1, true, 0);
  f("HTTP/1.0 200 OK\r\nContent-Length: 0", 200, 0, false, 0);
  f("HTTP/1.1 503 Later\r\ncontent-LENGTH:7\r\nConnection: Close\r\nRetry-After: 30\r\n", 503, 7, false, 30);
  f("HTTP/1.1 429 x\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT", 429, -1, true, 0);
  f("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5", 200, 5, true, 0);
}

TEST(HttpAnswer, RefusesTheRest) {
  const auto f = [](std::string_view head) { EXPECT_FALSE(parse_answer_head(head).has_value()) << head; };
  f("");
  f("HTTP/2 200 OK");
  f("HTTP/1.2 200 OK");
  f("HTTP/1.1 2000");
  f("HTTP/1.1 20");
  f("HTTP/1.1 100 Continue");
  f("HTTP/1.1 600 x");
  f("HTTP/1.1 abc x");
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked");
  f("HTTP/1.1 200 OK\r\nContent-Length: -1");
  f("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616");
  f("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2");
  f("HTTP/1.1 200 OK\r\nno colon");
  f("HTTP/1.1 200 OK\r\n: no name");
  f("HTTP/1.1 200 OK\r\nA: " + std::string(kAnswerHeadBytesMax, 'a'));
}

TEST(ServerUrl, Parses) {
  const auto f = [](std::string_view text, bool tls, std::string_view host, uint16_t port, std::string_view shown,
                    bool loopback) {
    const auto got = parse_server_url(text);
    ASSERT_TRUE(got.has_value()) << text;
    EXPECT_EQ(got->tls, tls) << text;
    EXPECT_EQ(got->host, host) << text;
    EXPECT_EQ(got->port, port) << text;
    EXPECT_EQ(got->to_string(), shown) << text;
    EXPECT_EQ(got->is_loopback(), loopback) << text;
    EXPECT_EQ(parse_server_url(shown)->to_string(), shown);
  };
  f("https://a.example:9090", true, "a.example", 9090, "https://a.example:9090", false);
  f("https://a.example", true, "a.example", 443, "https://a.example:443", false);
  f("https://a.example/", true, "a.example", 443, "https://a.example:443", false);
  f("http://127.0.0.1:1", false, "127.0.0.1", 1, "http://127.0.0.1:1", true);
  f("http://localhost", false, "localhost", 80, "http://localhost:80", true);
  f("https://[::1]:65535", true, "::1", 65535, "https://[::1]:65535", true);
  f("https://[2001:db8::1]", true, "2001:db8::1", 443, "https://[2001:db8::1]:443", false);
  EXPECT_TRUE(parse_server_url("https://10.0.0.1")->is_address());
  EXPECT_FALSE(parse_server_url("https://a.example")->is_address());
}

TEST(ServerUrl, SaysWhatIsAllowed) {
  const auto f = [](const std::string& text) {
    const auto got = parse_server_url(text);
    ASSERT_FALSE(got.has_value()) << text;
    EXPECT_THAT(got.error().message, testing::HasSubstr("https://HOST:PORT"));
  };
  f("");
  f("a.example:9090");
  f("ftp://a.example");
  f("https://");
  f("https://:1");
  f("https://a:");
  f("https://a:0");
  f("https://a:65536");
  f("https://a:1:2");
  f("https://a/path");
  f("https://a b");
  f("https://user@a");
  f("https://[::1");
  f("https://[::1]x");
  f("https://[::1]:");
  f("https://[a]:1");
  f("https://[:::::]:1");
  f("https://a\r\nX: y");
  f("https://" + std::string(256, 'a'));
}

}  // namespace
}  // namespace dragonfly
