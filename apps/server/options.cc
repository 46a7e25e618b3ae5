#include "options.h"

#include <CLI/CLI.hpp>

#include "base/net/endpoint.h"
#include "data_commands.h"

namespace dragonfly {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  fmt::print(stderr, "cb-dragonfly: {}\nTry `cb-dragonfly --help`.\n", message);
  std::exit(2);
}

Config load_config(const std::string& file, std::vector<std::string> sets, std::string& file_read) {
  ConfigInput input;
  input.retired = original_config_keys();
  input.sets = std::move(sets);
  Bytes content;
  const Path path = file.empty() ? Path("conf/config.yaml") : Path(file);
  auto read = system_files().read_file(path, kConfigFileBytesMax);
  if (read) content = std::move(*read);
  if (!read && !file.empty()) refuse(read.error().message);
  input.file_name = path.string();
  if (read) file_read = input.file_name;
  input.file_text = as_text(content);
  auto config = Config::load(server_config_keys(), input);
  if (!config) refuse(config.error().message);
  return std::move(*config);
}

// Others than this machine are answered under TLS only, and with a token, unless that is given up aloud.
void check_http(const ServerSettings& settings) {
  const auto endpoint = Endpoint::parse(settings.http);
  if (!endpoint) refuse("--http: " + endpoint.error().message);
  if (!endpoint->is_loopback() && settings.tls_mode == "off" && !settings.insecure) {
    refuse(fmt::format(
        "tls.mode=off: --http {} can be reached by others; use tls.mode=auto, or 127.0.0.1, or --insecure to "
        "speak in clear and without tokens all the same",
        settings.http));
  }
}

}  // namespace

ServerOptions read_options(int argc, char** argv) {
  CLI::App app("CB-Dragonfly: collects, keeps and answers the metrics of VMs in many clouds.", "cb-dragonfly");
  std::string file, data_dir, http, udp, out, prefix = "vm-";
  std::vector<std::string> sets;
  VmIdentity vm;
  size_t count = 0;
  bool insecure = false;
  app.add_option("--config", file, "Configuration file (default: conf/config.yaml if it is there)")->type_name("FILE");
  app.add_option("--data-dir", data_dir, "Where data, keys and the log lie (default: ./data)")->type_name("DIR");
  app.add_option("--http", http, "Where the API listens (default: 127.0.0.1:9090)")->type_name("ADDR:PORT");
  app.add_option("--udp", udp, "Where agents send to (default: 127.0.0.1:8094)")->type_name("ADDR:PORT");
  app.add_option("--set", sets, "Sets one key of the configuration; may be repeated")->type_name("KEY=VALUE");
  app.add_flag("--insecure", insecure, "An --http address that others can reach speaks in clear and asks for no token");
  app.set_version_flag("--version", DF_VERSION);
  CLI::App* key = app.add_subcommand("agent-key", "Keys of agents");
  CLI::App* fresh =
      key->add_subcommand("new", "Makes the key of one agent, or of several; works beside a running server");
  key->require_subcommand(1);
  fresh->add_option("--data-dir", data_dir, "The server's data directory (default: ./data)")->type_name("DIR");
  fresh->add_option("--ns", vm.ns, "Namespace (default: default)")->type_name("NS");
  fresh->add_option("--mcis", vm.mcis, "MCIS of the VM (default: default)")->type_name("ID");
  fresh->add_option("--vm", vm.vm, "The VM that the key may write")->type_name("ID");
  fresh->add_option("--count", count, "Makes keys for PREFIX1 … PREFIXN instead")->type_name("N");
  fresh->add_option("--prefix", prefix, "With --count (default: vm-)")->type_name("TEXT");
  CLI::App* config_command = app.add_subcommand("config", "The configuration file");
  CLI::App* check = config_command->add_subcommand(
      "check", "Reads the configuration as a start would, and says what is wrong in it or not known");
  config_command->require_subcommand(1);
  bool is_strict = false;
  check->add_option("--config", file, "Configuration file (default: conf/config.yaml if it is there)")
      ->type_name("FILE");
  check->add_option("--set", sets, "Sets one key of the configuration; may be repeated")->type_name("KEY=VALUE");
  check->add_flag("--strict", is_strict, "What is only a warning is an error, too");
  check->footer("Exit code: 0 a server would start with it, 1 with --strict: there are warnings, 2 it is wrong.");
  fresh->add_option("--out", out, "Where the key goes (default: standard output)")->type_name("FILE");
  std::optional<DataCommand> data_command;
  add_data_commands(app, data_dir, data_command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    std::exit(code == 0 ? 0 : 2);
  }
  if (!data_dir.empty()) sets.push_back("server.data_dir=" + data_dir);
  if (!http.empty()) sets.push_back("server.http=" + http);
  if (!udp.empty()) sets.push_back("server.udp=" + udp);
  ServerOptions options;
  const Config config = load_config(file, std::move(sets), options.config_file);
  options.settings = ServerSettings::from(config);
  options.policy = Policy::from(config);
  options.warnings = config.warnings();
  options.data_command = data_command;
  options.checks_config = check->parsed();
  options.is_strict = is_strict;
  for (const ConfigKey& one : config.keys()) {
    const Config::Source source = config.source(one.name);
    if (source == Config::Source::kDefault) continue;
    options.chosen_keys.push_back(fmt::format("{} = {} ({})", one.name, config.shown(one.name),
                                              source == Config::Source::kFile ? options.config_file : "--set"));
  }
  if (data_command) return options;
  if (!fresh->parsed()) {
    options.settings.insecure = insecure;
    if (insecure && options.settings.tls_mode == "auto") options.settings.tls_mode = "off";
    check_http(options.settings);
    return options;
  }
  AgentKeyRequest request;
  request.out = out;
  if (vm.mcis.empty()) vm.mcis = "default";
  if ((count == 0) == vm.vm.empty()) refuse("agent-key new takes either --vm ID or --count N");
  if (count > AgentRegistry::kAgentsMax)
    refuse(fmt::format("--count {}: allowed are 1 to {}", count, AgentRegistry::kAgentsMax));
  if (count == 0) request.vms.push_back(vm);
  for (size_t i = 1; i <= count; ++i) request.vms.push_back({vm.ns, vm.mcis, fmt::format("{}{}", prefix, i)});
  options.agent_key = std::move(request);
  return options;
}

}  // namespace dragonfly
