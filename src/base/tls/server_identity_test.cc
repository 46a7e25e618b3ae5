#include "base/tls/server_identity.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dragonfly {
namespace {

class ServerIdentityTest : public testing::Test {
 protected:
  ~ServerIdentityTest() override { std::filesystem::remove_all(folder_); }
  auto open(HostNames hosts = {{"localhost"}, {"127.0.0.1"}}) {
    ServerIdentityOptions options;
    options.directory = folder_ / "tls";
    options.hosts = std::move(hosts);
    return ServerIdentity::open(system_files(), clock_, options);
  }
  std::string fingerprint(HostNames hosts = {{"localhost"}, {"127.0.0.1"}}) {
    return open(std::move(hosts)).value()->info().fingerprint;
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(system_files().make_directories(folder_));
    ASSERT_TRUE(system_files().replace_file(folder_ / name, as_bytes(text)));
  }
  std::string read(const std::string& name) {
    return std::string(as_text(system_files().read_file(folder_ / name, kPemBytesMax).value()));
  }

  const Path folder_ = std::filesystem::temp_directory_path() / ("dragonfly-identity-" + std::to_string(::getpid()));
  ManualClock clock_{parse_rfc3339("2026-03-01T12:00:00Z").value()};
};

TEST_F(ServerIdentityTest, IsMadeOnceAndKept) {
  const std::string first = fingerprint();
  EXPECT_EQ(fingerprint(), first);
  EXPECT_TRUE(is_signed_by(read("tls/server.crt"), read("tls/ca.crt")));
  for (const std::string name : {"ca.crt", "ca.key", "server.crt", "server.key"}) {
    struct stat info {};
    ASSERT_EQ(stat((folder_ / "tls" / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(ServerIdentityTest, IsRenewedUnderTheSameAuthority) {
  const std::string first = fingerprint();
  const std::string authority = read("tls/ca.crt");
  clock_.advance(366 * 24h);
  EXPECT_EQ(fingerprint(), first);
  clock_.advance(2 * 24h);  // 30 days before its end.
  const std::string second = fingerprint();
  EXPECT_NE(second, first);
  EXPECT_EQ(fingerprint({{"localhost", "new"}, {"127.0.0.1"}}) == second, false);
  EXPECT_EQ(read("tls/ca.crt"), authority);
}

TEST_F(ServerIdentityTest, FewerNamesNeedNoNewOne) {
  const std::string first = fingerprint();
  EXPECT_EQ(fingerprint({{"localhost"}, {}}), first);
}

TEST_F(ServerIdentityTest, DamageIsMadeGood) {
  const std::string first = fingerprint();
  write("tls/server.key", "");
  const std::string second = fingerprint();
  EXPECT_NE(second, first);
  write("tls/server.crt", read("tls/ca.crt"));
  EXPECT_NE(fingerprint(), second);
}

TEST_F(ServerIdentityTest, ADamagedAuthorityIsSaid) {
  fingerprint();
  write("tls/ca.crt", "damage");
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("ca.crt"), std::string::npos) << opened.error().message;
}

TEST_F(ServerIdentityTest, TheAuthoritysKeyMayLieElsewhere) {
  const std::string first = fingerprint();
  ASSERT_TRUE(system_files().remove(folder_ / "tls" / "ca.key"));
  EXPECT_EQ(fingerprint(), first);
  EXPECT_EQ(fingerprint({{"other"}, {}}), first);  // Nothing better can be made.
  ASSERT_TRUE(system_files().remove(folder_ / "tls" / "server.crt"));
  EXPECT_NE(open().error().message.find("ca.key"), std::string::npos);
}

TEST_F(ServerIdentityTest, TheOperatorsFilesAreReadAgain) {
  const PemPair root = make_authority(clock_.wall()).value();
  const PemPair one = make_server_certificate(root, {{"one"}, {}}, clock_.wall()).value();
  const PemPair two = make_server_certificate(root, {{"two"}, {}}, clock_.wall()).value();
  write("c.pem", one.certificate + root.certificate);
  write("k.pem", one.key);
  ServerIdentityOptions options;
  options.certificate = folder_ / "c.pem";
  options.key = folder_ / "k.pem";
  auto identity = ServerIdentity::open(system_files(), clock_, options).value();
  EXPECT_EQ(identity->info().hosts.names.front(), "one");
  EXPECT_TRUE(identity->authority_file().empty());
  EXPECT_EQ(identity->refresh(), false);
  const auto before = identity->current();
  write("c.pem", two.certificate);
  const auto half = identity->refresh();
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().message.find("c.pem: the key does not belong"), std::string::npos) << half.error().message;
  EXPECT_EQ(identity->current(), before);
  EXPECT_EQ(identity->refresh(), false);  // Said once.
  write("k.pem", two.key);
  EXPECT_EQ(identity->refresh(), true);
  EXPECT_EQ(identity->info().hosts.names.front(), "two");
}

TEST_F(ServerIdentityTest, HalfAPairIsRefused) {
  ServerIdentityOptions options;
  options.certificate = folder_ / "c.pem";
  EXPECT_EQ(ServerIdentity::open(system_files(), clock_, options).error().code, ErrorCode::kInvalidArgument);
  options.key = folder_ / "k.pem";
  EXPECT_EQ(ServerIdentity::open(system_files(), clock_, options).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dragonfly
