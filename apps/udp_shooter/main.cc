// udp-shooter: the load tool. See --help.
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>

#include "base/fs/file.h"
#include "options.h"

namespace dragonfly {
namespace {

// A descriptor that SIGTERM and SIGINT make readable.
int stop_signals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  return ::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}

// A thousand sockets are more than many shells allow.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  CommandLine line = read_options(argc, argv);
  const int stop = stop_signals();
  allow_many_descriptors();
  const SystemClock clock;
  SystemRandom random;
  auto shooter = Shooter::make(line.shooter, std::move(line.keys), clock, random);
  if (!shooter.has_value()) {
    fmt::print(stderr, "udp-shooter: {}\n", shooter.error().message);
    return 2;
  }
  const ShooterReport report = (*shooter)->run(stop);
  const std::string json = report.to_json();
  if (line.report.empty()) {
    std::fwrite(json.data(), 1, json.size(), stdout);
  } else if (const auto written = system_files().replace_file(line.report, as_bytes(json)); !written.has_value()) {
    fmt::print(stderr, "udp-shooter: --report: {}\n{}", written.error().message, json);
    return 2;
  }
  return report.rows_lost == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dragonfly

int main(int argc, char** argv) { return dragonfly::run(argc, argv); }
