#include "edge/probe/linux/load.h"

#include <cstring>

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

std::string session(int16_t type, int32_t pid, const char* user, size_t size = 384) {
  std::string record(size, '\0');
  std::memcpy(record.data(), &type, sizeof type);
  std::memcpy(record.data() + 4, &pid, sizeof pid);
  std::strcpy(record.data() + 44, user);
  return record;
}

TEST(Load, Averages) {
  const auto load = parse_loadavg("0.20 12.18 100.12 3/1234 11206\n");
  ASSERT_TRUE(load.has_value());
  EXPECT_EQ(load->one, 0.20);
  EXPECT_EQ(load->five, 12.18);
  EXPECT_EQ(load->fifteen, 100.12);
  EXPECT_EQ(load->running, 3u);
  for (const char* text : {"", "\n", "0.1 0.2", "0.1 0.2 0.3", "0.1 0.2 0.3 /5 1", "a b c 1/2 3", "-1 0 0 1/2 3"})
    EXPECT_FALSE(parse_loadavg(text).has_value()) << text;
}

TEST(Load, Uptime) {
  EXPECT_EQ(parse_uptime("350735.47 234388.90\n"), 350735.47);
  EXPECT_FALSE(parse_uptime("").has_value());
  EXPECT_FALSE(parse_uptime("x\n").has_value());
}

TEST(Load, UsersAreLiveSessions) {
  Tree tree;
  ProbeSet probes(tree.options());
  std::vector<Row> rows;
  tree.write("proc/10/comm", "sh");
  tree.write("proc/11/comm", "sh");
  const auto f = [&](const std::string& utmp, const char* expected) {
    tree.write("run/utmp", utmp);
    probes.collect(from_unix_ms(0), at_seconds(0), false, rows);
    expect_metric(rows, "user_num", expected);
  };
  f("", "0");
  f(session(7, 10, "a"), "1");
  f(session(7, 10, "a") + session(7, 11, "a"), "2");
  f(session(7, 10, "a") + session(7, 12, "gone"), "1");
  f(session(7, 0, "unknown"), "1");
  f(session(7, 10, "") + session(6, 10, "LOGIN") + session(8, 11, "dead") + session(2, 0, "reboot"), "0");
  f(session(7, 10, "a", 400) + session(7, 11, "b", 400), "2");
  f(session(7, 10, "a") + "cut", "1");
  tree.remove("run/utmp");
  tree.write("var/run/utmp", session(7, 11, "b"));
  probes.collect(from_unix_ms(0), at_seconds(0), false, rows);
  expect_metric(rows, "user_num", "1");
  tree.remove("var/run/utmp");
  probes.collect(from_unix_ms(0), at_seconds(0), false, rows);
  expect_metric(rows, "user_num", "-");
}

TEST(Load, ProcessesAreTheNumbersInProc) {
  Tree tree;
  ProbeSet probes(tree.options());
  std::vector<Row> rows;
  const auto f = [&](const char* expected) {
    probes.collect(from_unix_ms(0), at_seconds(0), false, rows);
    expect_metric(rows, "proc_num", expected);
  };
  f("-");
  tree.write("proc/1/comm", "init");
  tree.write("proc/4194303/comm", "last");
  tree.write("proc/self/mounts", "");
  tree.write("proc/1a/comm", "no");
  tree.write("proc/.2/comm", "no");
  f("2");
  tree.write("proc/77/comm", "new");
  f("3");
  tree.remove("proc/77");
  f("2");
}

}  // namespace
}  // namespace dragonfly::linux_probe
