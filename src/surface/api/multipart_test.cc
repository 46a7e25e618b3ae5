#include "surface/api/multipart.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=\"x y\"";

std::string part(const std::string& name, const std::string& value, const std::string& more = {}) {
  return "--x y\r\nContent-Disposition: form-data; name=" + name + "\r\n" + more + "\r\n" + value + "\r\n";
}

TEST(Multipart, PartsByName) {
  const auto f = [](const std::string& body, const NamedValues& want) {
    const auto got = parse_multipart(kType, body);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, want);
  };
  const std::string end = "--x y--\r\n";
  f(part("\"a\"", "1") + part("b", "2") + end, {{"a", "1"}, {"b", "2"}});
  f("preamble\r\n" + part("\"a\"", "") + end + "epilogue", {{"a", ""}});
  f(part("\"a;\\\"b\"; filename=\"k.pem\"", "-----BEGIN\r\n--x\r\n", "Content-Type: text/plain\r\n") + end,
    {{"a;\"b", "-----BEGIN\r\n--x\r\n"}});
  EXPECT_EQ(parse_multipart("multipart/form-data; charset=utf-8; boundary=q", "--q--")->size(), 0u);
}

TEST(Multipart, WhatIsNotWellFormedIsSaid) {
  const auto f = [](std::string_view type, const std::string& body, std::string_view want) {
    const auto got = parse_multipart(type, body);
    ASSERT_FALSE(got) << body;
    EXPECT_NE(got.error().message.find(want), std::string::npos) << got.error().message;
  };
  f("multipart/form-data", part("a", "1"), "boundary is missing");
  f(kType, "nothing", "no part");
  f(kType, "--x y\r\nContent-Disposition: form-data; name=a", "cut off");
  f(kType, part("a", "1"), "cut off");
  f(kType, "--x y\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x y--", "without a name");
  f(kType, part("a", "1", "X: " + std::string(kMultipartHeadMax, 'x') + "\r\n") + "--x y--", "bytes of headers");
  std::string many;
  for (size_t i = 0; i <= kMultipartPartsMax; ++i) many += part("a", "1");
  f(kType, many + "--x y--", "more than 100 parts");
}

}  // namespace
}  // namespace dragonfly
