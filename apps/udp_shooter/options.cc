#include "options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/core/names.h"
#include "base/fs/file.h"

namespace dragonfly {
namespace {

constexpr size_t kStepsMax = 1000;
constexpr uint64_t kShareMax = 1'000'000;
constexpr uint64_t kKeyFileBytesMax = uint64_t{1} << 30;

[[noreturn]] void refuse(const std::string& message) {
  fmt::print(stderr, "udp-shooter: {}\nTry `udp-shooter --help`.\n", message);
  std::exit(2);
}

Duration duration_of(const char* option, const std::string& text, Duration least, Duration most) {
  if (least == 0s && (text == "0" || text == "0s")) return 0s;
  const auto duration = parse_duration(text);
  if (!duration.has_value()) refuse(fmt::format("{}: {}", option, duration.error().message));
  if (*duration < least || *duration > most || *duration % 1ms != 0ms) {
    refuse(fmt::format("{}: {} is not allowed; {} to {}, whole milliseconds", option, text,
                       least == 0s ? "0s" : format_duration(least), format_duration(most)));
  }
  return *duration;
}

uint64_t number_of(const char* option, std::string_view text, uint64_t most) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most)
    refuse(fmt::format("{}: '{}' is not a number of 0 to {}", option, text, most));
  return number;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

std::vector<uint64_t> steps_of(const std::string& text) {
  std::vector<uint64_t> out;
  for (const std::string_view part : split(text)) out.push_back(number_of("--steps", part, kAgentsMax));
  if (out.size() > kStepsMax) refuse(fmt::format("--steps: {} steps; at most {}", out.size(), kStepsMax));
  if (*std::max_element(out.begin(), out.end()) == 0) refuse("--steps: every step has 0 agents");
  return out;
}

// aws=5,azure/westeurope=3
std::vector<PlaceShare> places_of(const std::string& text) {
  std::vector<PlaceShare> out;
  uint64_t sum = 0;
  for (const std::string_view part : split(text)) {
    const size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const size_t slash = std::min(name.find('/'), name.size());
    if (equals == std::string_view::npos || slash == 0)
      refuse(fmt::format("--csp-mix: '{}' is not CSP=N or CSP/REGION=N, like aws=5,azure/westeurope=3", part));
    PlaceShare share{{std::string(name.substr(0, slash)), std::string(name.substr(std::min(slash + 1, name.size())))},
                     number_of("--csp-mix", part.substr(equals + 1), kShareMax)};
    if (const auto checked = check_name("--csp-mix", share.place.csp); !checked) refuse(checked.error().message);
    sum += share.agents;
    out.push_back(std::move(share));
  }
  if (sum == 0) refuse("--csp-mix: all shares are 0");
  if (sum > kShareMax) refuse(fmt::format("--csp-mix: the shares add up to {}; at most {}", sum, kShareMax));
  return out;
}

double share_of(const char* option, std::string text) {
  const bool percent = text.ends_with('%');
  if (percent) text.pop_back();
  double number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  const double share = percent ? number / 100 : number;
  if (!whole || !(share >= 0 && share <= 1)) refuse(fmt::format("{}: '{}' is not a share; 0% to 100%", option, text));
  return share;
}

ShotFormat format_of(const std::string& text) {
  for (const ShotFormat format : {ShotFormat::kNative, ShotFormat::kSealed, ShotFormat::kTelegraf, ShotFormat::kInflux})
    if (text == to_string(format)) return format;
  refuse(fmt::format("--format: '{}' is not known; native, sealed, telegraf or influx", text));
}

std::vector<AgentKey> read_keys(const std::string& file, uint64_t agents) {
  const auto content = system_files().read_file(file, kKeyFileBytesMax);
  if (!content.has_value()) refuse("--keys: " + content.error().message);
  auto keys = parse_key_file(as_text(*content));
  if (!keys.has_value()) refuse(fmt::format("--keys {}: {}", file, keys.error().message));
  if (keys->empty()) refuse(fmt::format("--keys {}: there is no key in it", file));
  if (agents > keys->size()) {
    refuse(fmt::format("--agents {}: {} has {} keys only; `cb-dragonfly agent-key new --count {}` makes more", agents,
                       file, keys->size(), agents));
  }
  if (agents > 0) keys->resize(agents);
  return std::move(*keys);
}

void check_names(const std::string& ns, const std::string& mcis, const std::string& prefix) {
  for (const auto& [option, name] : {std::pair{"--ns", ns}, {"--mcis", mcis}, {"--prefix", prefix}})
    if (const auto checked = check_name(option, name); !checked.has_value()) refuse(checked.error().message);
}

}  // namespace

std::vector<AgentKey> plain_agents(const std::string& ns, const std::string& mcis, const std::string& prefix,
                                   uint64_t count) {
  std::vector<AgentKey> out(count);
  for (uint64_t i = 0; i < count; ++i) {
    AgentKey& agent = out[i];
    agent.ns = ns;
    agent.mcis = mcis;
    agent.vm = prefix + std::to_string(i + 1);
    const std::string whole = ns + '\0' + mcis + '\0' + agent.vm;
    std::memcpy(&agent.agent_id, sha256(as_bytes(whole)).data(), sizeof agent.agent_id);
  }
  return out;
}

CommandLine read_options(int argc, char** argv) {
  CLI::App app(
      "Plays many agents in one process, for load: each sends the 52 metrics at every interval, keeps what is not\n"
      "acknowledged and sends it again, and follows the server's agent_interval unless --interval is given. At the end "
      "(duration, SIGTERM, SIGINT) it waits up to 5 s for acks and writes "
      "a\n"
      "report: ack_p50_ms, ack_p99_ms and ack_max_ms are of the frames that asked for an ack at once (1 in 16), lost\n"
      "counts rows that were never acknowledged (telegraf: null, for it has no acks), late_max_ms tells how far this "
      "program\n"
      "was behind its own schedule, server the CPU and memory of --server-pid.\n"
      "Exit code: 0 nothing was lost, 1 something was, 2 the command line is wrong.",
      "udp-shooter");
  std::string target, interval = "2s", duration = "60s", ramp = "0s", ns = "ns-1", mcis = "mcis-1", prefix = "vm-";
  std::string format, keys, report, steps, hold = "30s", mix, loss = "0", delay = "0s";
  uint64_t agents = 0;
  int server_pid = 0;
  app.add_option("--target", target, "The server's UDP address; with --format influx that of its HTTP")
      ->required()
      ->type_name("ADDR:PORT");
  app.add_option("--agents", agents, "How many agents, 1 to 1000000 (default: 1, or all of --keys)")->type_name("N");
  app.add_option("--steps", steps, "Instead: so many agents one after the other, each number for --hold")
      ->type_name("N,N,...");
  app.add_option("--hold", hold, "Of each step, 100ms to 30d (default: 30s)")->type_name("TIME");
  app.add_option("--interval", interval,
                 "Of each agent, 10ms to 1h, whatever the server says (default: 2s, or the "
                 "server's)")
      ->type_name("TIME");
  app.add_option("--duration", duration, "How long rows are made, 100ms to 30d (default: 60s)")->type_name("TIME");
  app.add_option("--ramp", ramp,
                 "Agents (with --steps: those of a step) start spread over this time, 0s to 1h (default: 0s)")
      ->type_name("TIME");
  app.add_option("--format", format,
                 "native: plain frames, which a server takes from its own machine; sealed: with --keys; telegraf: JSON "
                 "datagrams, likewise; influx: lines to POST /write (default: sealed with --keys, else native)")
      ->type_name("native|sealed|telegraf|influx");
  app.add_option("--keys", keys, "Keys, one line an agent, as `cb-dragonfly agent-key new --count` makes them")
      ->type_name("FILE");
  app.add_option("--ns", ns, "Namespace of native agents (default: ns-1)")->type_name("NS");
  app.add_option("--mcis", mcis, "Their MCIS (default: mcis-1)")->type_name("ID");
  app.add_option("--prefix", prefix, "They are called PREFIX1, PREFIX2, … (default: vm-)")->type_name("TEXT");
  app.add_option("--csp-mix", mix, "Shares of the providers, and regions, that the VMs are said to be at")
      ->type_name("CSP[/REGION]=N,...");
  app.add_option("--loss", loss, "Share of the datagrams that get lost, each way, like 5% (default: 0)")
      ->type_name("SHARE");
  app.add_option("--delay", delay, "Of each datagram, each way, 0s to 5s (default: 0s)")->type_name("TIME");
  app.add_option("--server-pid", server_pid, "Process whose CPU and memory the report tells")->type_name("PID");
  app.add_option("--report", report, "Where the report goes, JSON (default: standard output)")->type_name("FILE");
  app.set_version_flag("--version", DF_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  CommandLine out;
  const auto endpoint = Endpoint::resolve(target);
  if (!endpoint.has_value()) refuse("--target: " + endpoint.error().message);
  if (endpoint->port() == 0) refuse("--target: port 0 cannot be sent to; 1 to 65535");
  if (app.count("--agents") > 0 && (agents == 0 || agents > kAgentsMax))
    refuse(fmt::format("--agents: {} is not allowed; 1 to {}", agents, kAgentsMax));
  if (format.empty()) format = keys.empty() ? "native" : "sealed";
  ShooterOptions& shooter = out.shooter;
  shooter.format = format_of(format);
  const bool sealed = shooter.format == ShotFormat::kSealed;
  if (sealed && keys.empty()) refuse("--format sealed needs --keys FILE");
  if (!sealed && !keys.empty()) refuse("--keys needs --format sealed");
  if (!steps.empty() && (app.count("--agents") > 0 || app.count("--duration") > 0))
    refuse("--steps says how many agents and, with --hold, how long; leave --agents and --duration away");
  if (steps.empty() && app.count("--hold") > 0) refuse("--hold needs --steps");
  if (shooter.format == ShotFormat::kInflux && (app.count("--loss") > 0 || app.count("--delay") > 0))
    refuse("--loss and --delay are of datagrams; --format influx has none");
  if (server_pid < 0 || (app.count("--server-pid") > 0 && !ProcessWatch(server_pid).read()))
    refuse(fmt::format("--server-pid: there is no process {}", server_pid));
  check_names(ns, mcis, prefix);
  shooter.target = *endpoint;
  shooter.interval = duration_of("--interval", interval, 10ms, 1h);
  shooter.duration = duration_of("--duration", duration, 100ms, 720h);
  shooter.interval_pinned = app.count("--interval") > 0;
  if (!steps.empty()) {
    shooter.steps = steps_of(steps);
    agents = *std::max_element(shooter.steps.begin(), shooter.steps.end());
    shooter.duration = duration_of("--hold", hold, 100ms, 720h) * static_cast<int64_t>(shooter.steps.size());
  }
  if (!mix.empty()) shooter.places = places_of(mix);
  shooter.loss = share_of("--loss", loss);
  shooter.delay = duration_of("--delay", delay, 0s, 5s);
  shooter.server_pid = server_pid;
  shooter.ramp = duration_of("--ramp", ramp, 0s, 1h);
  shooter.live_line = ::isatty(STDERR_FILENO) == 1;
  out.report = report;
  out.keys = sealed ? read_keys(keys, agents) : plain_agents(ns, mcis, prefix, std::max<uint64_t>(1, agents));
  return out;
}

}  // namespace dragonfly
