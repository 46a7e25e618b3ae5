#include "model/frame/agent_token.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

const std::string kId = "0123456789abcdef";
const std::string kSecret = "00112233445566778899aabbccddeeff";
const std::string kPlain = "cba_" + kId + "_" + kSecret;

TEST(AgentToken, ReadsBack) {
  for (const std::string& text : {kPlain, kPlain + "_" + std::string(64, 'a')}) {
    const auto token = parse_agent_token(text);
    ASSERT_TRUE(token.has_value()) << text;
    EXPECT_EQ(token->id, kId);
    EXPECT_EQ(token->secret, kSecret);
    EXPECT_EQ(token->authority.has_value(), text != kPlain);
    EXPECT_EQ(token->text(), text);
    // The server keeps nothing of the fingerprint: its authority may change.
    EXPECT_EQ(token->digest(), parse_agent_token(kPlain)->digest());
  }
}

TEST(AgentToken, RefusesTheRestWithoutSayingIt) {
  const auto f = [](const std::string& text) {
    const auto token = parse_agent_token(text);
    ASSERT_FALSE(token.has_value()) << text;
    EXPECT_EQ(token.error().message.find(kSecret), std::string::npos);
  };
  f("");
  f("cba_");
  f("cbd_" + kId + "_" + kSecret);
  f("cba_" + kId + kSecret);
  f("cba_" + kId + "_" + kSecret.substr(1));
  f("cba_" + kId.substr(1) + "_" + kSecret);
  f("cba_" + kId + "_" + std::string(32, 'G'));
  f(kPlain + "_");
  f(kPlain + "0");
  f(kPlain + "_" + std::string(63, 'a'));
  f(kPlain + "_" + std::string(64, 'A'));
  f(kPlain + "_" + std::string(64, 'a') + "_");
  f(kPlain + "\n");
}

TEST(AgentToken, TheFingerprintOfOneCertificateIsItsSha256) {
  const Bytes one = {1, 2, 3};
  EXPECT_EQ(authority_fingerprint({one}), sha256(one));
  EXPECT_NE(authority_fingerprint({one, one}), sha256(one));
}

}  // namespace
}  // namespace dragonfly
