#include "base/tls/certificate.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

const Timestamp kNow = parse_rfc3339("2026-03-01T12:00:00Z").value();

TEST(Certificate, OwnAuthoritySignsServers) {
  const PemPair authority = make_authority(kNow).value();
  const PemPair server = make_server_certificate(authority, {{"b.example", "a"}, {"::1", "127.0.0.1"}}, kNow).value();
  EXPECT_TRUE(is_signed_by(server.certificate, authority.certificate));
  EXPECT_TRUE(is_signed_by(authority.certificate, authority.certificate));
  EXPECT_FALSE(is_signed_by(server.certificate, make_authority(kNow).value().certificate));
  const CertificateInfo info = describe_certificate(server.certificate).value();
  EXPECT_EQ(info.hosts, (HostNames{{"a", "b.example"}, {"127.0.0.1", "::1"}}));
  EXPECT_FALSE(info.is_authority);
  EXPECT_EQ(info.not_before, kNow - 1h);
  EXPECT_EQ(info.not_after, kNow - 1h + 397 * 24h);
  EXPECT_EQ(info.fingerprint.size(), 32u * 3 - 1);
  const CertificateInfo root = describe_certificate(authority.certificate).value();
  EXPECT_TRUE(root.is_authority);
  EXPECT_TRUE(root.subject.starts_with("CB-Dragonfly CA "));
  EXPECT_EQ(root.not_after, kNow - 1h + 3650 * 24h);
}

TEST(Certificate, DigestsAndPinsAreThoseThatOthersShow) {
  const PemPair authority = make_authority(kNow).value();
  const CertificateInfo info = describe_certificate(authority.certificate).value();
  const auto digest = digest_of_certificates(authority.certificate).value();
  std::string shown;
  for (const uint8_t byte : digest) shown += fmt::format("{}{:02X}", shown.empty() ? "" : ":", byte);
  EXPECT_EQ(shown, info.fingerprint);
  EXPECT_EQ(info.key_pin.size(), 44u);
  EXPECT_NE(digest_of_certificates(authority.certificate + authority.certificate).value(), digest);
  EXPECT_EQ(digest_of_certificates("x").error().code, ErrorCode::kInvalidArgument);
}

TEST(Certificate, NoTwoAreEqual) {
  EXPECT_NE(describe_certificate(make_authority(kNow).value().certificate).value().fingerprint,
            describe_certificate(make_authority(kNow).value().certificate).value().fingerprint);
}

TEST(Certificate, WhatIsNoNameIsLeftOut) {
  HostNames hosts{{"ok", "", "a b", "x,DNS:evil", "ok", std::string(300, 'a')},
                  {"10.0.0.1", "fe80::1%eth0", "nine", "0:0::1"}};
  hosts.tidy();
  EXPECT_EQ(hosts, (HostNames{{"ok"}, {"10.0.0.1", "::1"}}));
}

TEST(Certificate, NeedsAName) {
  const PemPair authority = make_authority(kNow).value();
  EXPECT_EQ(make_server_certificate(authority, {}, kNow).error().code, ErrorCode::kInvalidArgument);
  HostNames many;
  for (size_t i = 0; i <= kCertificateNamesMax; ++i) many.names.push_back("n" + std::to_string(i));
  EXPECT_EQ(make_server_certificate(authority, many, kNow).error().code, ErrorCode::kInvalidArgument);
  many.names.pop_back();
  EXPECT_TRUE(make_server_certificate(authority, many, kNow));
}

TEST(Certificate, PairsThatAreNone) {
  const PemPair one = make_authority(kNow).value();
  const PemPair other = make_authority(kNow).value();
  const auto f = [](const PemPair& pair) {
    const auto checked = check_pair(pair);
    return checked ? std::string("good") : checked.error().message;
  };
  EXPECT_EQ(f(one), "good");
  EXPECT_EQ(f({one.certificate, other.key}), "the key does not belong to the certificate");
  EXPECT_TRUE(f({"", one.key}).starts_with("no PEM certificate")) << f({"", one.key});
  EXPECT_TRUE(f({one.certificate, "text"}).starts_with("no PEM key"));
  EXPECT_TRUE(f({one.key, one.certificate}).starts_with("no PEM certificate"));
  EXPECT_TRUE(f({one.certificate.substr(0, 100), one.key}).starts_with("no PEM certificate"));
}

}  // namespace
}  // namespace dragonfly
