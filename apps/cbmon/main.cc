// cbmon: the command line tool. Options and output only; what commands do is in surface/cli.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>

#include "surface/cli/commands.h"
#include "surface/cli/completion.h"
#include "surface/cli/listing_commands.h"
#include "surface/cli/token_commands.h"

namespace dragonfly {
namespace {

constexpr const char* kFooter =
    "\nExit codes: 0 done, 1 the server says no, 2 wrong usage, 3 the server cannot be reached.\n"
    "Examples:\n"
    "  cbmon metric get                      all 52 metrics of the only VM\n"
    "  cbmon metric get cpu --vm web-1       one group of one VM\n"
    "  cbmon metric get cpu_idle --last 1h --step 1m --output csv\n"
    "  source <(cbmon completion bash)";

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

// The tree of commands as completion needs it, read from the parser itself.
void collect(const CLI::App& app, const std::string& path, std::vector<CompletionCommand>& out) {
  CompletionCommand& command = out.emplace_back();
  command.path = path;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    command.words.push_back(sub->get_name());
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    CompletionOption entry{"--" + option->get_lnames().front(), option->get_items_expected_max() > 0, {}};
    if (entry.name == "--output") entry.choices = {"table", "json", "csv"};
    if (entry.name == "--role") entry.choices = {"viewer", "operator", "admin"};
    if (entry.name == "--statistic") entry.choices = {"avg", "min", "max", "last", "sum", "count", "p95"};
    command.options.push_back(std::move(entry));
  }
  if (path == "completion") command.words = {"bash", "zsh", "fish"};
  if (path == "metric get") command.words = {"cpu", "memory", "disk", "network", "cpufreq"};
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
}

// Commands that show what the server knows.
struct ListingCommands {
  std::string version;
  CLI::App* history = nullptr;
  CLI::App* back = nullptr;
  CLI::App* health = nullptr;
  CLI::App* mcis = nullptr;
  CLI::App* mcis_list = nullptr;
  CLI::App* agent = nullptr;
  CLI::App* agent_list = nullptr;

  ListingCommands(CLI::App& app, CLI::App& config) {
    history = config.add_subcommand("history", "Versions of the policy, newest first, with who made them");
    back = config.add_subcommand("rollback", "Brings an earlier version back, as a new one");
    back->add_option("version", version, "As `cbmon config history` shows it; 0: the server's configuration")
        ->required()
        ->type_name("N");
    health = app.add_subcommand("health", "State of each module of the server");
    mcis = app.add_subcommand("mcis", "MCISs");
    mcis_list = mcis->add_subcommand("list", "All, with the number of their VMs by state");
    agent = app.add_subcommand("agent", "Agents");
    agent_list = agent->add_subcommand("list", "All that were ever seen");
    for (CLI::App* one : {history, back, health, mcis, mcis_list, agent, agent_list}) one->fallthrough();
  }
  int run(CliSession& session) const {
    if (history->parsed()) return show_config_history(session);
    if (back->parsed()) return roll_back_config(session, version);
    if (health->parsed()) return show_health(session);
    if (mcis_list->parsed()) return list_mcis(session);
    return agent_list->parsed() ? list_agents(session) : kExitDone;
  }
};

// `cbmon token`
struct TokenCommands {
  TokenNewOptions fresh;
  std::string id;
  CLI::App* all = nullptr;
  CLI::App* make = nullptr;
  CLI::App* list = nullptr;
  CLI::App* revoke = nullptr;

  explicit TokenCommands(CLI::App& app) {
    all = app.add_subcommand("token", "Who may ask the server");
    all->fallthrough();
    make = all->add_subcommand("new", "Makes a token and prints it, once");
    make->fallthrough();
    make->add_option("--name", fresh.name, "What it is for")->required()->type_name("TEXT");
    make->add_option("--role", fresh.role, "viewer, operator or admin (default: viewer)")
        ->type_name("ROLE")
        ->check(CLI::IsMember({"viewer", "operator", "admin"}));
    make->add_option("--ns", fresh.namespaces, "A namespace that it sees; may be repeated (default: all)")
        ->type_name("NS");
    make->add_option("--expires", fresh.expires, "After how long it ends, or when (default: when it is revoked)")
        ->type_name("30d|TIME");
    list = all->add_subcommand("list", "All tokens, without their texts");
    list->fallthrough();
    revoke = all->add_subcommand("revoke", "Ends a token");
    revoke->fallthrough();
    revoke->add_option("id", id, "As `cbmon token list` shows it")->required()->type_name("ID");
  }
  int run(CliSession& session) const {
    if (make->parsed()) return make_token(session, fresh);
    return list->parsed() ? list_tokens(session) : revoke_token(session, id);
  }
};

int run(int argc, char** argv) {
  CLI::App app("cbmon: asks a CB-Dragonfly server.", "cbmon");
  std::string server = environment("CBMON_SERVER");
  if (server.empty()) server = "http://127.0.0.1:9090";
  std::string output = "table";
  CurlOptions http_options{"cbmon/" DF_VERSION, environment("CBMON_CACERT"), environment("CBMON_TOKEN")};
  std::string shell, key;
  bool verbose = false;
  MetricGetOptions get;
  app.fallthrough();
  app.footer(kFooter);
  app.add_option("--server", server, "Where the server is (default: CBMON_SERVER, else http://127.0.0.1:9090)")
      ->type_name("URL");
  app.add_option("--token", http_options.token, "Who asks, or @FILE that holds it (default: CBMON_TOKEN)")
      ->type_name("TOKEN");
  app.add_option("--cacert", http_options.authority_file,
                 "Who vouches for the server: its DATA_DIR/tls/ca.crt (default: CBMON_CACERT, else the system's)")
      ->type_name("FILE");
  app.add_option("--output", output, "table, json or csv (default: table)")
      ->type_name("FORM")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  app.add_flag("--verbose", verbose, "Shows each request with its status and time");
  const auto* version = app.add_subcommand("version", "The version of this program");
  auto* metric = app.add_subcommand("metric", "Metrics of VMs");
  metric->fallthrough();
  const auto* metric_list = metric->add_subcommand("list", "The 52 metrics with group, unit and meaning");
  auto* metric_get = metric->add_subcommand("get", "Newest values of a VM, with their course");
  metric_get->fallthrough();
  metric_get->add_option("names", get.names, "Groups and metrics (default: all)")->type_name("NAME");
  metric_get->add_option("--ns", get.ns, "Namespace")->type_name("NS");
  metric_get->add_option("--mcis", get.mcis, "MCIS of the VM")->type_name("ID");
  metric_get->add_option("--vm", get.vm, "VM (default: the only one)")->type_name("ID");
  metric_get->add_option("--last", get.last, "How far back (default: 5m)")->type_name("DURATION");
  metric_get->add_option("--step", get.step, "Length of a bucket (default: 10s)")->type_name("DURATION");
  metric_get->add_option("--statistic", get.statistic, "avg, min, max, last, sum, count or p95 (default: avg)")
      ->type_name("NAME");
  auto* config = app.add_subcommand("config", "The server's policy");
  config->fallthrough();
  auto* config_get = config->add_subcommand("get", "All keys with their values, or one");
  config_get->fallthrough();
  config_get->add_option("key", key, "One key")->type_name("KEY");
  const TokenCommands token(app);
  const ListingCommands listing(app, *config);
  auto* config_set = config->add_subcommand("set", "Changes keys; what is not named stays");
  config_set->fallthrough();
  std::vector<std::string> changes;
  config_set->add_option("changes", changes, "KEY=VALUE, like collector_interval=4")->type_name("CHANGE")->required();
  auto* config_reset = config->add_subcommand("reset", "Forgets all changes: the server's configuration is in force");
  config_reset->fallthrough();
  auto* collector = app.add_subcommand("collector", "Collectors and the VMs they are in charge of");
  collector->fallthrough();
  std::string collector_id;
  auto* collector_list = collector->add_subcommand("list", "All collectors");
  auto* collector_get = collector->add_subcommand("get", "One collector with its VMs");
  auto* collector_start = collector->add_subcommand("start", "Starts one more than the number of VMs demands");
  auto* collector_stop = collector->add_subcommand("stop", "Drains one and ends it");
  for (CLI::App* sub : {collector_list, collector_get, collector_start, collector_stop}) sub->fallthrough();
  for (CLI::App* sub : {collector_get, collector_stop})
    sub->add_option("id", collector_id, "As `cbmon collector list` shows it")->type_name("ID")->required();
  size_t audit_limit = 100;
  auto* audit = app.add_subcommand("audit", "Changes that were made through the API, newest first");
  audit->fallthrough();
  audit->add_option("--limit", audit_limit, "How many (default: 100)")->type_name("N")->check(CLI::Range(1, 1000));
  auto* completion = app.add_subcommand("completion", "Completion script of a shell");
  completion->add_option("shell", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  for (const CLI::App* group :
       {static_cast<const CLI::App*>(&app), static_cast<const CLI::App*>(metric), static_cast<const CLI::App*>(config),
        static_cast<const CLI::App*>(collector), static_cast<const CLI::App*>(token.all),
        static_cast<const CLI::App*>(listing.mcis), static_cast<const CLI::App*>(listing.agent)}) {
    const bool asked = group == &app || group->parsed();
    if (asked && group->get_subcommands().empty()) {
      fmt::print(stderr, "cbmon: a command is missing\n{}", group->help());
      return kExitUsage;
    }
  }
  while (server.ends_with('/')) server.pop_back();
  if (!read_token(http_options.token)) return kExitUsage;
  CurlClient http(std::move(http_options));
  CliSession session{http, server};
  session.output = output == "json" ? OutputForm::kJson : output == "csv" ? OutputForm::kCsv : OutputForm::kTable;
  session.verbose = verbose;
  session.style = terminal_style();
  int code = listing.run(session);
  if (version->parsed()) session.out = "cbmon " DF_VERSION "\n";
  if (metric_list->parsed()) code = list_metrics(session);
  if (metric_get->parsed()) code = get_metrics(session, get);
  if (audit->parsed()) code = show_audit(session, audit_limit);
  if (token.all->parsed()) code = token.run(session);
  if (config_get->parsed()) code = get_config(session, key);
  if (config_set->parsed()) code = set_config(session, changes);
  if (config_reset->parsed()) code = reset_config(session);
  if (collector_list->parsed()) code = list_collectors(session);
  if (collector_get->parsed()) code = get_collector(session, collector_id);
  if (collector_start->parsed()) code = start_collector(session);
  if (collector_stop->parsed()) code = stop_collector(session, collector_id);
  if (completion->parsed()) {
    std::vector<CompletionCommand> commands;
    collect(app, "", commands);
    session.out = completion_script(shell, commands).value_or("");
  }
  std::fwrite(session.out.data(), 1, session.out.size(), stdout);
  std::fwrite(session.errors.data(), 1, session.errors.size(), stderr);
  return code;
}

}  // namespace
}  // namespace dragonfly

int main(int argc, char** argv) { return dragonfly::run(argc, argv); }
