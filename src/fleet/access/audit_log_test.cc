#include "fleet/access/audit_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace dragonfly {
namespace {

AuditEntry entry(const std::string& what, std::string after = R"({"name":"ü"})") {
  return {parse_rfc3339("2026-01-02T03:04:05Z").value(), "boss", "127.0.0.1:5", what, "", std::move(after)};
}

class AuditLogTest : public testing::Test {
 protected:
  ~AuditLogTest() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<AuditLog> open() { return AuditLog::open(system_files(), folder_).value(); }
  const Path folder_ = std::filesystem::temp_directory_path() / ("dragonfly-audit-" + std::to_string(::getpid()));
};

TEST_F(AuditLogTest, GoldenBytes) {
  std::ifstream in(DF_SOURCE_DIR "/tests/compat/v1/audit.txt", std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), format_audit_line(entry("token new")));
  EXPECT_EQ(parse_audit_lines(text.str()), std::vector<AuditEntry>{entry("token new")});
}

TEST_F(AuditLogTest, NewestFirstAndKept) {
  for (const std::string what : {"a", "b", "c"}) ASSERT_TRUE(open()->add(entry(what)));
  const auto all = open()->newest(10).value();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0], entry("c"));
  EXPECT_EQ(all[2], entry("a"));
  EXPECT_EQ(open()->newest(1).value().size(), 1u);
}

TEST_F(AuditLogTest, ACutOrDamagedLineCostsItself) {
  ASSERT_TRUE(open()->add(entry("a")));
  const Path file = folder_ / "audit" / "log";
  std::string text(as_text(system_files().read_file(file, 1 << 20).value()));
  ASSERT_TRUE(system_files().replace_file(file, as_bytes(text + text.substr(0, 40))));
  ASSERT_TRUE(open()->add(entry("b")));
  EXPECT_EQ(open()->newest(10).value().size(), 2u);
  text = as_text(system_files().read_file(file, 1 << 20).value());
  text[text.find("boss")] = 'B';
  ASSERT_TRUE(system_files().replace_file(file, as_bytes(text)));
  EXPECT_EQ(open()->newest(10).value().size(), 1u);
}

TEST_F(AuditLogTest, ItsSizeIsBounded) {
  auto log = open();
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log->add(entry(std::to_string(i), large)));
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_ / "audit")) bytes += file.file_size();
  EXPECT_LE(bytes, 2 * kAuditFileBytesMax);
  const auto all = log->newest(100).value();
  EXPECT_GE(all.size(), 7u);
  EXPECT_EQ(all.front().what, "19");
}

TEST_F(AuditLogTest, NoTextBreaksALine) {
  AuditEntry evil = entry("a\tb\nc");
  const auto got = parse_audit_lines(format_audit_line(evil));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].what, "a b c");
}

}  // namespace
}  // namespace dragonfly
