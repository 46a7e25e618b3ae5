// The program itself: exit codes, messages, report.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "base/fs/file.h"
#include "shooter_fixture.h"

namespace dragonfly {
namespace {

using ::testing::HasSubstr;

struct Ended {
  int code;
  std::string out;
};
Ended run_program(const std::string& arguments) {
  FILE* pipe = ::popen((std::string(DF_SHOOTER) + " " + arguments + " 2>&1").c_str(), "r");
  Ended ended{-1, {}};
  char piece[4096];
  for (size_t got = 0; (got = std::fread(piece, 1, sizeof piece, pipe)) > 0;) ended.out.append(piece, got);
  ended.code = WEXITSTATUS(::pclose(pipe));
  return ended;
}

TEST(ProgramTest, WrongOptionsAreNamedWithWhatIsAllowed) {
  const auto f = [](const std::string& arguments, std::string_view part) {
    const Ended ended = run_program(arguments);
    EXPECT_EQ(ended.code, 2) << arguments;
    EXPECT_THAT(ended.out, HasSubstr(part)) << arguments;
  };
  f("", "--target is required");
  f("--target nonsense", "--target: 'nonsense' is not an address or a name with a port; allowed is");
  f("--target 127.0.0.1:0", "--target: port 0");
  f("--target 127.0.0.1:9 --agents 0", "--agents: 0 is not allowed; 1 to 1000000");
  f("--target 127.0.0.1:9 --agents 1000001", "--agents: 1000001 is not allowed; 1 to 1000000");
  f("--target 127.0.0.1:9 --agents x", "--agents");
  f("--target 127.0.0.1:9 --interval 1ms", "--interval: 1ms is not allowed; 10ms to 1h, whole milliseconds");
  f("--target 127.0.0.1:9 --interval 10.5ms", "whole milliseconds");
  f("--target 127.0.0.1:9 --interval soon", "--interval: ");
  f("--target 127.0.0.1:9 --duration 1ms", "--duration: 1ms is not allowed");
  f("--target 127.0.0.1:9 --ramp 2h", "--ramp: 2h is not allowed; 0s to 1h");
  f("--target 127.0.0.1:9 --format xml", "--format: 'xml' is not known; native, sealed, telegraf or influx");
  f("--target 127.0.0.1:9 --format sealed", "--format sealed needs --keys FILE");
  f("--target 127.0.0.1:9 --format native --keys x", "--keys needs --format sealed");
  f("--target 127.0.0.1:9 --keys /nonexistent", "--keys: open /nonexistent");
  f("--target 127.0.0.1:9 --ns ''", "--ns");
  f("--target 127.0.0.1:9 --steps 5,x", "--steps: 'x' is not a number of 0 to 1000000");
  f("--target 127.0.0.1:9 --steps 5,,5", "--steps: '' is not a number");
  f("--target 127.0.0.1:9 --steps 0,0", "--steps: every step has 0 agents");
  f("--target 127.0.0.1:9 --steps 5 --agents 5", "--steps says how many agents");
  f("--target 127.0.0.1:9 --steps 5 --duration 5s", "--steps says how many agents");
  f("--target 127.0.0.1:9 --steps 5 --hold 1ms", "--hold: 1ms is not allowed");
  f("--target 127.0.0.1:9 --hold 1s", "--hold needs --steps");
  f("--target 127.0.0.1:9 --csp-mix aws", "--csp-mix: 'aws' is not CSP=N");
  f("--target 127.0.0.1:9 --csp-mix =5", "--csp-mix: '=5' is not CSP=N");
  f("--target 127.0.0.1:9 --csp-mix aws=0", "--csp-mix: all shares are 0");
  f("--target 127.0.0.1:9 --csp-mix aws=-1", "--csp-mix: '-1' is not a number");
  f("--target 127.0.0.1:9 --loss 101%", "--loss: '101' is not a share; 0% to 100%");
  f("--target 127.0.0.1:9 --loss some", "--loss: 'some' is not a share");
  f("--target 127.0.0.1:9 --delay 6s", "--delay: 6s is not allowed; 0s to 5s");
  f("--target 127.0.0.1:9 --format influx --loss 5%", "--format influx has none");
  f("--target 127.0.0.1:9 --server-pid 2147483647", "--server-pid: there is no process");
  f("--target 127.0.0.1:9 --unknown", "--unknown");
}

TEST(ProgramTest, HelpNamesEveryOption) {
  const Ended ended = run_program("--help");
  EXPECT_EQ(ended.code, 0);
  for (const char* option :
       {"--target", "--agents", "--interval", "--duration", "--ramp", "--format", "--keys", "--ns", "--mcis",
        "--prefix", "--report", "--steps", "--hold", "--csp-mix", "--loss", "--delay", "--server-pid"})
    EXPECT_THAT(ended.out, HasSubstr(option));
}

TEST(ProgramTest, ReportAndExitCodeTellWhetherRowsWereLost) {
  const auto keys = plain_agents("ns-1", "mcis-1", "vm-", 3);
  Peer peer(keys, false, {});
  const std::string to = peer.target.to_string();
  const Ended good = run_program("--target " + to + " --agents 3 --interval 50ms --duration 200ms");
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_THAT(good.out, HasSubstr("{\"agents\":3,\"format\":\"native\",\"interval_s\":0.05,\"seconds\":0.2"));
  EXPECT_THAT(good.out, HasSubstr("\"lost\":0,"));
  for (const char* field : {"sent", "acked", "resent", "refused", "frames_sent", "frames_acked", "frames_resent",
                            "datagrams_dropped", "ack_p50_ms", "ack_p99_ms", "ack_max_ms", "cpu_s"})
    EXPECT_THAT(good.out, HasSubstr(std::string("\"") + field + "\":"));
  peer.stop();
  const Ended bad = run_program("--target " + to + " --interval 50ms --duration 200ms");
  EXPECT_EQ(bad.code, 1) << bad.out;
}

TEST(ProgramTest, SigtermEndsItWithAReport) {
  const auto keys = plain_agents("ns-1", "mcis-1", "vm-", 2);
  std::atomic<pid_t> child = 0;
  Peer::Conduct conduct;
  conduct.takes = [&](uint64_t n) {
    if (n == 4) ::kill(child, SIGTERM);
    return true;
  };
  Peer peer(keys, false, conduct);
  const std::string report =
      (std::filesystem::temp_directory_path() / ("df-shooter-" + std::to_string(::getpid()) + ".json")).string();
  const std::string to = peer.target.to_string();
  child = ::fork();
  if (child == 0) {
    ::execl(DF_SHOOTER, DF_SHOOTER, "--target", to.c_str(), "--agents", "2", "--interval", "50ms", "--duration", "1h",
            "--report", report.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const auto text = system_files().read_file(report, 1 << 16);
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(std::string(as_text(*text)), HasSubstr("\"lost\":0,"));
  std::filesystem::remove(report);
}

}  // namespace
}  // namespace dragonfly
