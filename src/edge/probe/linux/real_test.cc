// The probes on the machine that runs the test.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "edge/probe/linux/fixture.h"
#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {
namespace {

TEST(RealMachine, GivesWhatEveryLinuxHas) {
  ProbeSet probes;
  std::vector<Row> rows;
  probes.collect(from_unix_ms(1), at_seconds(1), false, rows);
  // Work until the kernel has counted some ticks.
  const long begin = ::clock();
  while (::clock() - begin < CLOCKS_PER_SEC / 5) {
  }
  probes.collect(from_unix_ms(2), at_seconds(2), true, rows);
  const auto value = [&rows](std::string_view name) {
    const Metric* metric = find_metric(name);
    const Row* row = row_of(rows, metric->group);
    return row == nullptr ? std::nullopt : row->values[metric->field];
  };
  for (const char* name : {"cpu_utilization", "cpu_idle", "cpu_user", "cpu_num", "uptime", "load_avg_1m", "proc_run",
                           "proc_num", "mem_utilization", "mem_total", "mem_used", "page_in"}) {
    EXPECT_TRUE(value(name).has_value()) << name;
  }
  const double busy = std::bit_cast<double>(value("cpu_utilization")->bits);
  EXPECT_GT(busy, 0);
  EXPECT_LE(busy, 100);
  EXPECT_EQ(value("cpu_num")->bits, static_cast<uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_GT(value("mem_total")->bits, value("mem_used")->bits);
  EXPECT_EQ(probes.boot_id().size(), 36u);
  EXPECT_EQ(probes.os_type(), "linux");
  EXPECT_FALSE(probes.os_name().empty());
  EXPECT_EQ(probes.stats().malformed, 0u);
  for (const Row& row : rows) EXPECT_LE(row.device, probes.devices().size());
}

TEST(RealMachine, FilesMayBeReadAgainAndAgainWithoutLeavingAnyOpen) {
  ProbeSet probes;
  std::vector<Row> rows;
  const auto open_files = [] {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  };
  for (int i = 0; i < 40; ++i) probes.collect(from_unix_ms(i), at_seconds(i), true, rows);
  const size_t before = open_files();
  for (int i = 40; i < 140; ++i) probes.collect(from_unix_ms(i), at_seconds(i), true, rows);
  EXPECT_EQ(open_files(), before);
}

// Most ticks ask for the number of processes instead of listing them.
TEST(RealMachine, ProcessesThatBeginAndEndAreCountedAtEachTick) {
  ProbeSet probes;
  std::vector<Row> rows;
  const auto counted = [&](int i) {
    probes.collect(from_unix_ms(i), at_seconds(i), false, rows);
    const Metric* metric = find_metric("proc_num");
    return static_cast<int64_t>(row_of(rows, metric->group)->values[metric->field]->bits);
  };
  std::vector<pid_t> children;
  for (int round = 0; round < 40; ++round) {  // More than there are between two listings.
    const int64_t before = counted(2 * round);
    for (int i = 0; i < 3; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::pause();
        ::_exit(0);
      }
      children.push_back(child);
    }
    const int64_t after = counted(2 * round + 1);
    EXPECT_NEAR(static_cast<double>(after), static_cast<double>(before + 3), 20);  // Others come and go.
  }
  const int64_t with = counted(100);
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  EXPECT_NEAR(static_cast<double>(counted(101)), static_cast<double>(with - 120), 40);
}

// In a child with a mount namespace of its own: 0 = as it should be, else which look was wrong.
int look_at_mounts() {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 100;
  ProbeStats stats;
  Root root("/", stats);
  SourceFile mounts("proc/self/mounts");
  if (root.is_unchanged(mounts)) return 1;  // Never read.
  if (!root.read(mounts) || !root.is_unchanged(mounts) || !root.is_unchanged(mounts)) return 2;
  if (::mount("none", "/tmp", "tmpfs", 0, nullptr) != 0) return 100;
  if (root.is_unchanged(mounts) || root.read(mounts)->find(" /tmp tmpfs ") == std::string_view::npos) return 3;
  if (!root.is_unchanged(mounts)) return 4;
  if (::umount("/tmp") != 0) return 100;
  if (root.is_unchanged(mounts) || root.read(mounts)->find(" /tmp tmpfs ") != std::string_view::npos) return 5;
  return 0;
}

TEST(RealMachine, MountsThatComeAndGoAreSeen) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: mounts a file system";
  const pid_t child = ::fork();
  if (child == 0) ::_exit(look_at_mounts());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 100) GTEST_SKIP() << "no mount namespaces here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace dragonfly::linux_probe
