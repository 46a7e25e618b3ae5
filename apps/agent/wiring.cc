#include "wiring.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/obs/log.h"
#include "base/rt/clock.h"
#include "base/rt/random.h"
#include "edge/agent/agent.h"
#include "edge/agent/enrol.h"
#include "edge/agent/options.h"
#include "edge/agent/status_socket.h"

namespace dragonfly {
namespace {

constexpr uint64_t kKeyFileBytesMax = 1 << 20;
constexpr std::string_view kStatus = "status";
constexpr std::string_view kEnroll = "enroll";

// 2: the same start would end so again.
int told(const Error& error) {
  std::fprintf(stderr, "cb-agent: %s\n", error.message.c_str());
  const bool final = error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kNotFound ||
                     error.code == ErrorCode::kConflict || error.code == ErrorCode::kUnauthenticated ||
                     error.code == ErrorCode::kPermissionDenied;
  return final ? 2 : 1;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void warn_of_readers(const std::string& key_file) {
  using std::filesystem::perms;
  std::error_code ignored;
  const perms mode = std::filesystem::status(key_file, ignored).permissions();
  if (ignored || (mode & (perms::group_all | perms::others_all)) == perms::none) return;
  log_warning("agent", "others than the owner may open the key file {}; chmod 600 closes it", key_file);
}

Result<std::vector<AgentKey>> read_keys(const AgentOptions& options) {
  if (options.key_file.empty()) return std::vector<AgentKey>{};
  const auto text = system_files().read_file(options.key_file, kKeyFileBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, "--key: {}; `cb-agent enroll` gets a key in exchange for a token",
                text.error().message);
  }
  if (!text) return fail(text.error().code, "--key: {}", text.error().message);
  warn_of_readers(options.key_file);
  auto keys = parse_key_file(as_text(*text));
  if (!keys) return fail(keys.error().code, "--key {}: {}", options.key_file, keys.error().message);
  return keys;
}

std::string machine_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// SIGTERM and SIGINT as a descriptor; a SIGPIPE is an error of its write.
int stop_descriptor() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  return signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}

// cb-agent status: what the agent with the same --spool-dir says.
int run_status(std::span<const char* const> arguments) {
  const auto options = read_agent_options(arguments, system_files());
  if (!options) return told(options.error());
  if (options->help) return print(agent_help()), 0;
  const auto status = ask_status(options->spool_dir.value_or(std::string(kSpoolDirDefault)));
  if (!status) return std::fprintf(stderr, "cb-agent: %s\n", status.error().message.c_str()), 1;
  return print(*status), 0;
}

int run_enroll(std::span<const char* const> arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  const char* const token = std::getenv("CB_AGENT_TOKEN");
  const auto options = read_enrol_options(arguments, token != nullptr ? token : "", system_files());
  if (!options) return told(options.error());
  if (options->help) return print(enrol_help()), 0;
  const SystemClock clock;
  SystemRandom random;
  auto key = enrol(*options, machine_name(), clock, random, system_files());
  if (!key) return told(key.error());
  print(fmt::format("enrolled as {}/{}/{}, agent {:016x}; frames go to {}\nkey: {}\n", key->ns, key->mcis, key->vm,
                    key->agent_id, key->enrolment->udp, options->key_file));
  wipe(key->key);
  return 0;
}

}  // namespace

int run_agent(std::span<const char* const> arguments) {
  if (!arguments.empty() && arguments[0] == kStatus) return run_status(arguments.subspan(1));
  if (!arguments.empty() && arguments[0] == kEnroll) return run_enroll(arguments.subspan(1));
  const auto options = read_agent_options(arguments, system_files());
  if (!options) return told(options.error());
  if (options->help) return print(agent_help()), 0;
  if (options->version) return print("cb-agent " DF_VERSION "\n"), 0;
  set_log_level(options->log_level);
  const auto keys = read_keys(*options);
  if (!keys) return told(keys.error());

  const SystemClock clock;
  SystemRandom random;
  const auto agent = Agent::start(*options, *keys, machine_name(), clock, random, system_files());
  if (!agent) return told(agent.error());
  if (options->once) return print((*agent)->sample_once()), 0;
  (*agent)->run(stop_descriptor());
  return (*agent)->ended_because().empty() ? 0 : 2;
}

}  // namespace dragonfly
