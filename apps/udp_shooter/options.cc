#include "options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>

#include "base/core/names.h"
#include "base/fs/file.h"

namespace dragonfly {
namespace {

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
      "acknowledged and sends it again. At the end (duration, SIGTERM, SIGINT) it waits up to 5 s for acks and writes "
      "a\n"
      "report: ack_p50_ms, ack_p99_ms and ack_max_ms are of the frames that asked for an ack at once (1 in 16), lost\n"
      "counts rows that were never acknowledged, late_max_ms tells how far this program was behind its own schedule.\n"
      "Exit code: 0 nothing was lost, 1 something was, 2 the command line is wrong.",
      "udp-shooter");
  std::string target, interval = "2s", duration = "60s", ramp = "0s", ns = "ns-1", mcis = "mcis-1", prefix = "vm-";
  std::string format, keys, report;
  uint64_t agents = 0;
  app.add_option("--target", target, "The server's UDP address")->required()->type_name("ADDR:PORT");
  app.add_option("--agents", agents, "How many agents, 1 to 1000000 (default: 1, or all of --keys)")->type_name("N");
  app.add_option("--interval", interval, "Of each agent, 10ms to 1h (default: 2s)")->type_name("TIME");
  app.add_option("--duration", duration, "How long rows are made, 100ms to 30d (default: 60s)")->type_name("TIME");
  app.add_option("--ramp", ramp, "Agents start spread over this time, 0s to 1h (default: 0s)")->type_name("TIME");
  app.add_option("--format", format,
                 "native: plain frames, which a server takes from its own machine; sealed: with "
                 "--keys (default: sealed with --keys, else native)")
      ->type_name("native|sealed");
  app.add_option("--keys", keys, "Keys, one line an agent, as `cb-dragonfly agent-key new --count` makes them")
      ->type_name("FILE");
  app.add_option("--ns", ns, "Namespace of native agents (default: ns-1)")->type_name("NS");
  app.add_option("--mcis", mcis, "Their MCIS (default: mcis-1)")->type_name("ID");
  app.add_option("--prefix", prefix, "They are called PREFIX1, PREFIX2, … (default: vm-)")->type_name("TEXT");
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
  if (format != "native" && format != "sealed")
    refuse(fmt::format("--format: '{}' is not known; native or sealed", format));
  out.shooter.sealed = format == "sealed";
  if (out.shooter.sealed && keys.empty()) refuse("--format sealed needs --keys FILE");
  if (!out.shooter.sealed && !keys.empty()) refuse("--keys needs --format sealed");
  check_names(ns, mcis, prefix);
  out.shooter.target = *endpoint;
  out.shooter.interval = duration_of("--interval", interval, 10ms, 1h);
  out.shooter.duration = duration_of("--duration", duration, 100ms, 720h);
  out.shooter.ramp = duration_of("--ramp", ramp, 0s, 1h);
  out.shooter.live_line = ::isatty(STDERR_FILENO) == 1;
  out.report = report;
  out.keys =
      out.shooter.sealed ? read_keys(keys, agents) : plain_agents(ns, mcis, prefix, std::max<uint64_t>(1, agents));
  return out;
}

}  // namespace dragonfly
