// cbmon: the command line tool. Settings, output and repetition; what commands do is in surface/cli.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "command_line.h"

namespace dragonfly {
namespace {

TableStyle terminal_style() {
  TableStyle style;
  if (isatty(STDOUT_FILENO) == 0) return style;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) style.width = size.ws_col;
  style.colours = std::getenv("NO_COLOR") == nullptr;
  return style;
}

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

void print(const CliSession& session) {
  std::fwrite(session.out.data(), 1, session.out.size(), stdout);
  std::fflush(stdout);
  std::fwrite(session.errors.data(), 1, session.errors.size(), stderr);
}

// "@FILE": the file's first line, so that the token is on no command line.
bool read_token(std::string& token) {
  if (!token.starts_with('@')) return true;
  std::ifstream file(token.substr(1));
  std::string line;
  if (!std::getline(file, line)) {
    fmt::print(stderr, "cbmon: --token {}: the file cannot be read, or is empty\n", token);
    return false;
  }
  token = line;
  return true;
}

// File, then environment.
std::optional<CliSettings> read_settings() {
  const std::string named = environment("CBMON_CONFIG");
  const std::string path = cli_settings_path(named, environment("XDG_CONFIG_HOME"), environment("HOME"));
  std::ostringstream text;
  if (std::ifstream file(path); !path.empty() && file) {
    text << file.rdbuf();
  } else if (!named.empty()) {
    fmt::print(stderr, "cbmon: CBMON_CONFIG {}: the file cannot be read\n", named);
    return std::nullopt;
  }
  auto settings = read_cli_settings(path, text.str());
  if (!settings) {
    fmt::print(stderr, "cbmon: {}\n", settings.error().message);
    return std::nullopt;
  }
  for (const std::string& warning : settings->warnings) fmt::print(stderr, "cbmon: warning: {}\n", warning);
  const auto take = [](const char* name, std::string& value) {
    if (std::string set = environment(name); !set.empty()) value = std::move(set);
  };
  take("CBMON_SERVER", settings->server);
  take("CBMON_TOKEN", settings->token);
  take("CBMON_CACERT", settings->cacert);
  return std::move(*settings);
}

// Over what was there before, without a flicker; in other forms after it, CSV with its titles once.
void print_again(CliSession& session, bool is_first) {
  if (session.output == OutputForm::kCsv && !is_first) session.out.erase(0, session.out.find('\n') + 1);
  if (session.output == OutputForm::kTable && session.style.width > 0) {
    std::string screen = is_first ? "\x1b[2J\x1b[H" : "\x1b[H";
    for (const char c : session.out) screen += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    session.out = screen + "\x1b[J";
  }
  print(session);
}

int watch(CommandLine& line, CliSession& session) {
  const EndSignals signals;
  int code = kExitDone;
  for (size_t i = 0; line.times() == 0 || i < line.times(); ++i) {
    if (i > 0 && !signals.wait(line.watch())) return kExitDone;
    session.out.clear();
    session.errors.clear();
    session.style = terminal_style();
    code = line.run(session);
    print_again(session, i == 0);
    if (code == kExitUsage) return code;  // It will not become better.
  }
  return code;
}

int run(int argc, char** argv) {
  auto settings = read_settings();
  if (!settings) return kExitUsage;
  CommandLine line(std::move(*settings));
  int code = kExitDone;
  if (!line.parse(argc, argv, code)) return code;
  CurlOptions options{"cbmon/" DF_VERSION, line.settings().cacert, line.settings().token, &line.stopping()};
  if (!read_token(options.token)) return kExitUsage;
  CurlClient http(std::move(options));
  CliSession session{http, line.settings().server};
  const std::string& output = line.settings().output;
  session.output = output == "json" ? OutputForm::kJson : output == "csv" ? OutputForm::kCsv : OutputForm::kTable;
  session.verbose = line.is_verbose();
  session.style = terminal_style();
  if (line.watch() > Duration(0)) return watch(line, session);
  code = line.run(session);
  print(session);
  return code;
}

}  // namespace
}  // namespace dragonfly

int main(int argc, char** argv) { return dragonfly::run(argc, argv); }
