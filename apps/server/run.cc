#include "run.h"

#include <csignal>

#include "base/obs/log.h"
#include "data_directory.h"
#include "wiring.h"

namespace dragonfly {

int run_beside_server(const ServerOptions& options, const std::function<int(const std::string& url)>& work) {
  ServerOptions alone = options;
  alone.settings.udp = alone.settings.http = "127.0.0.1:0";
  // Who may read and write the directory may do everything with it.
  alone.settings.tls_mode = "off";
  alone.settings.access = "auto";
  alone.settings.legacy_listen.clear();
  // Rows of any age that is kept come back in.
  alone.policy.late_window = std::max(alone.policy.late_window, alone.policy.retention_raw);
  Server server(alone);
  if (auto started = server.start(); !started) {
    fmt::print(stderr, "cb-dragonfly: {}\n", started.error().message);
    return 1;
  }
  const int code = work("http://" + server.http_local());
  server.stop();
  return code;
}

int run_merge(const ServerOptions& options) {
  ServerOptions offline = options;
  offline.settings.udp = "127.0.0.1:0";
  const auto refuse = [](const Error& error) {
    fmt::print(stderr, "cb-dragonfly merge: {}\n", error.message);
    return 1;
  };
  if (const auto free = lock_data(options.settings.data_dir); !free) return refuse(free.error());
  Server server(offline);
  if (auto started = server.start_offline(); !started) return refuse(started.error());
  const auto merged = server.merge_everything();
  server.stop();
  if (!merged) return refuse(merged.error());
  fmt::print("merged {} hours; the log is empty\n", *merged);
  return 0;
}

int run_server(const ServerOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  for (const auto& warning : options.warnings) log_warning("config", "{}", warning);
  Server server(options);
  if (auto started = server.start(); !started) {
    fmt::print(stderr, "cb-dragonfly: {}\n", started.error().message);
    return 1;
  }
  fmt::print("{}\n{}", server.listening(), server.told_once());
  std::fflush(stdout);
  int signal = 0;
  for (sigwait(&signals, &signal); signal == SIGHUP; sigwait(&signals, &signal)) server.poll_files_now();
  server.stop();
  return 0;
}

}  // namespace dragonfly
