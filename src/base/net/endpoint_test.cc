#include "base/net/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragonfly {
namespace {

using ::testing::HasSubstr;

TEST(EndpointTest, Parse) {
  const auto f = [](std::string_view text) {
    const Result<Endpoint> endpoint = Endpoint::parse(text);
    return endpoint.has_value() ? endpoint->to_string() : "no";
  };
  EXPECT_EQ(f("127.0.0.1:8094"), "127.0.0.1:8094");
  EXPECT_EQ(f("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(f("255.255.255.255:65535"), "255.255.255.255:65535");
  EXPECT_EQ(f("[::1]:8094"), "[::1]:8094");
  EXPECT_EQ(f("[::]:1"), "[::]:1");
  EXPECT_EQ(f("[2001:DB8:0:0:0:0:0:1]:80"), "[2001:db8::1]:80");
  EXPECT_EQ(f("[::ffff:10.0.0.1]:80"), "[::ffff:10.0.0.1]:80");

  EXPECT_EQ(f(""), "no");
  EXPECT_EQ(f(":"), "no");
  EXPECT_EQ(f(":80"), "no");
  EXPECT_EQ(f("127.0.0.1"), "no");
  EXPECT_EQ(f("127.0.0.1:"), "no");
  EXPECT_EQ(f("127.0.0.1:65536"), "no");
  EXPECT_EQ(f("127.0.0.1:-1"), "no");
  EXPECT_EQ(f("127.0.0.1:+1"), "no");
  EXPECT_EQ(f("127.0.0.1:1x"), "no");
  EXPECT_EQ(f("127.0.0.1:000001"), "no");
  EXPECT_EQ(f("127.1:80"), "no");
  EXPECT_EQ(f("256.0.0.1:80"), "no");
  EXPECT_EQ(f("::1:80"), "no");
  EXPECT_EQ(f("[127.0.0.1]:80"), "no");
  EXPECT_EQ(f("[::1:80"), "no");
  EXPECT_EQ(f("[]:80"), "no");
  EXPECT_EQ(f("localhost:80"), "no");
  EXPECT_EQ(f(" 127.0.0.1:80"), "no");
  EXPECT_EQ(f(std::string_view("127.0.0.1\0:80", 13)), "no");
}

TEST(EndpointTest, ErrorsNameTheTextAndWhatIsAllowed) {
  EXPECT_THAT(Endpoint::parse("x").error().message, HasSubstr("'x' is not an address with a port; allowed is"));
  EXPECT_EQ(Endpoint::resolve("10.1:80").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Endpoint::resolve("name").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Endpoint::resolve("[name]:80").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Endpoint::resolve("a b:80").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Endpoint::resolve("no-such-name.invalid:80").error().code, ErrorCode::kNotFound);
}

TEST(EndpointTest, ResolvesDigitsAndNames) {
  EXPECT_EQ(Endpoint::resolve("127.0.0.1:80")->to_string(), "127.0.0.1:80");
  EXPECT_EQ(Endpoint::resolve("[::1]:80")->to_string(), "[::1]:80");
  const Result<Endpoint> local = Endpoint::resolve("localhost:81");
  ASSERT_TRUE(local.has_value()) << local.error().message;
  EXPECT_TRUE(local->is_loopback());
  EXPECT_EQ(local->port(), 81);
}

TEST(EndpointTest, Loopback) {
  const auto f = [](std::string_view text) { return Endpoint::parse(text)->is_loopback(); };
  EXPECT_TRUE(f("127.0.0.1:1"));
  EXPECT_TRUE(f("127.255.0.9:1"));
  EXPECT_TRUE(f("[::1]:1"));
  EXPECT_TRUE(f("[::ffff:127.0.0.1]:1"));
  EXPECT_FALSE(f("128.0.0.1:1"));
  EXPECT_FALSE(f("0.0.0.0:1"));
  EXPECT_FALSE(f("[::]:1"));
  EXPECT_FALSE(f("[::2]:1"));
  EXPECT_FALSE(f("[::ffff:10.0.0.1]:1"));
  EXPECT_FALSE(Endpoint().is_loopback());
}

TEST(EndpointTest, EqualityAndHost) {
  const auto p = [](std::string_view text) { return *Endpoint::parse(text); };
  EXPECT_TRUE(p("127.0.0.1:1") == p("127.0.0.1:1"));
  EXPECT_FALSE(p("127.0.0.1:1") == p("127.0.0.1:2"));
  EXPECT_FALSE(p("127.0.0.1:1") == p("127.0.0.2:1"));
  EXPECT_FALSE(p("127.0.0.1:1") == p("[::ffff:127.0.0.1]:1"));
  EXPECT_TRUE(p("[::1]:1") == p("[0::1]:1"));
  EXPECT_TRUE(Endpoint() == Endpoint());
  EXPECT_EQ(p("[::ffff:127.0.0.1]:1").host(), "127.0.0.1");
  EXPECT_EQ(p("[::1]:1").host(), "::1");
}

}  // namespace
}  // namespace dragonfly
