#include "command_line.h"

#include "base/rt/clock.h"
#include "surface/cli/agent_commands.h"
#include "surface/cli/backup_commands.h"
#include "surface/cli/completion.h"
#include "surface/cli/listing_commands.h"

namespace dragonfly {
namespace {

constexpr const char* kFooter =
    "\nExit codes: 0 done, 1 the server says no, 2 wrong usage, 3 the server cannot be reached.\n"
    "Configuration: ~/.config/cbmon/config.yaml (or CBMON_CONFIG) with server, token, cacert, output; then "
    "CBMON_SERVER,\n"
    "CBMON_TOKEN, CBMON_CACERT; then the options.\n"
    "Examples:\n"
    "  cbmon metric get                      all 52 metrics of the only VM\n"
    "  cbmon metric get cpu --vm web-1       one group of one VM\n"
    "  cbmon metric get cpu --mcis shop --group --watch 2s\n"
    "  cbmon metric get cpu_idle --last 1h --step 1m --output csv\n"
    "  cbmon top --sort mem_utilization\n"
    "  source <(cbmon completion bash)";

constexpr Duration kIntervalMin = 200ms;

std::vector<std::string> choices_of(const std::string& option) {
  if (option == "--output") return {"table", "json", "csv"};
  if (option == "--role") return {"viewer", "operator", "admin"};
  if (option == "--statistic") return {"avg", "min", "max", "last", "sum", "count", "p95"};
  if (option == "--by") return {"mcis", "csp", "region"};
  if (option != "--sort") return {};
  std::vector<std::string> out;
  for (const Metric& metric : catalogue()) out.emplace_back(metric.name);
  return out;
}

// The tree of commands as completion needs it, read from the parser itself.
void collect(const CLI::App& app, const std::string& path, std::vector<CompletionCommand>& out) {
  CompletionCommand& command = out.emplace_back();
  command.path = path;
  const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subcommands) command.words.push_back(sub->get_name());
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    const std::string name = "--" + option->get_lnames().front();
    command.options.push_back({name, option->get_items_expected_max() > 0, choices_of(name)});
  }
  if (path == "completion") command.words = {"bash", "zsh", "fish"};
  if (path == "metric get") command.words = {"cpu", "memory", "disk", "network", "cpufreq"};
  for (const CLI::App* sub : subcommands) {
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
}

bool read_interval(std::string_view option, const std::string& text, Duration& out) {
  if (text.empty()) return true;
  const auto parsed = parse_duration(text);
  if (parsed && *parsed >= kIntervalMin && *parsed <= Duration(1h)) {
    out = *parsed;
    return true;
  }
  fmt::print(stderr, "cbmon: {} '{}' is not allowed; it takes a duration from 200ms to 1h, like 2s\n", option, text);
  return false;
}

}  // namespace

CommandLine::CommandLine(CliSettings settings) : settings_(std::move(settings)) {
  app_.fallthrough();
  app_.footer(kFooter);
  app_.add_option("--server", settings_.server,
                  "Where the server is (default: CBMON_SERVER, else http://127.0.0.1:9090)")
      ->type_name("URL");
  app_.add_option("--token", settings_.token, "Who asks, or @FILE that holds it (default: CBMON_TOKEN)")
      ->type_name("TOKEN");
  app_.add_option("--cacert", settings_.cacert,
                  "Who vouches for the server: its DATA_DIR/tls/ca.crt (default: CBMON_CACERT, else the system's)")
      ->type_name("FILE");
  app_.add_option("--output", settings_.output, "table, json or csv (default: table)")
      ->type_name("FORM")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  app_.add_flag("--verbose", verbose_, "Shows each request with its status and time");
  add_metrics();
  add_config();
  add_lists();
  add_collectors();
  add_access();
  add_backup();
  add_rest();
}

CLI::App* CommandLine::add(CLI::App& parent, const std::string& name, const std::string& about,
                           std::function<int(CliSession&)> run) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->fallthrough();
  commands_.emplace_back(command, std::move(run));
  return command;
}

CLI::App* CommandLine::add_group(const std::string& name, const std::string& about) {
  CLI::App* group = app_.add_subcommand(name, about);
  group->fallthrough();
  groups_.push_back(group);
  return group;
}

void CommandLine::add_vm(CLI::App* command, bool with_vm) {
  command->add_option("--ns", get_.ns, "Namespace")->type_name("NS");
  command->add_option("--mcis", get_.mcis, with_vm ? "MCIS of the VM" : "MCIS (default: the only one)")
      ->type_name("ID");
  if (with_vm) command->add_option("--vm", get_.vm, "VM (default: the only one)")->type_name("ID");
}

void CommandLine::add_watch(CLI::App* command) {
  command->add_option("--watch", watch_text_, "Asks again and again, with so long between")->type_name("DURATION");
  command->add_option("--times", times_, "With --watch: ends after so many answers (default: Ctrl-C)")->type_name("N");
}

void CommandLine::add_metrics() {
  CLI::App* metric = add_group("metric", "Metrics of VMs and of groups");
  add(*metric, "list", "The 52 metrics with group, unit and meaning", list_metrics);
  CLI::App* get = add(*metric, "get", "Newest values of a VM, with their course; or statistics of a whole MCIS",
                      [this](CliSession& session) { return get_metrics(session, get_); });
  get->add_option("names", get_.names, "Groups and metrics (default: all)")->type_name("NAME");
  add_vm(get, true);
  get->add_option("--last", get_.last, "How far back (default: 5m)")->type_name("DURATION");
  get->add_option("--step", get_.step, "Length of a bucket (default: 10s)")->type_name("DURATION");
  get->add_option("--statistic", get_.statistic, "avg, min, max, last, sum, count or p95 (default: avg)")
      ->type_name("NAME");
  CLI::Option* group = get->add_flag("--group", get_.group,
                                     "The whole MCIS: sum, avg, min, max, p95 across its VMs and the highest, over the "
                                     "collector_interval that ends now");
  get->add_option("--by", get_.by, "With --group: mcis, csp or region (default: mcis)")
      ->type_name("WHAT")
      ->check(CLI::IsMember({"mcis", "csp", "region"}))
      ->needs(group);
  get->add_option("--top", get_.top, "With --group: how many VMs are named (default: 3)")
      ->type_name("N")
      ->check(CLI::Range(1, 100))
      ->needs(group);
  get->add_flag("--on-demand", get_.on_demand, "Collected now by the agent; counters are its running totals")
      ->excludes(group);
  add_watch(get);
}

void CommandLine::add_config() {
  CLI::App* config = add_group("config", "The server's policy, and what namespaces have of their own");
  CLI::App* get = add(*config, "get", "All keys with their values, or one",
                      [this](CliSession& session) { return get_config(session, key_, get_.ns); });
  get->add_option("key", key_, "One key")->type_name("KEY");
  CLI::App* set = add(*config, "set", "Changes keys; what is not named stays",
                      [this](CliSession& session) { return set_config(session, changes_, get_.ns); });
  set->add_option("changes", changes_, "KEY=VALUE, like collector_interval=4")->type_name("CHANGE")->required();
  CLI::App* reset = add(*config, "reset", "Forgets all changes: the server's configuration is in force",
                        [this](CliSession& session) { return reset_config(session, get_.ns); });
  for (CLI::App* one : {get, set, reset})
    one->add_option("--ns", get_.ns, "Of this namespace alone (default: the server's)")->type_name("NS");
  add(*config, "history", "Versions of the policy, newest first, with who made them", show_config_history);
  add(*config, "rollback", "Brings an earlier version back, as a new one",
      [this](CliSession& session) { return roll_back_config(session, version_); })
      ->add_option("version", version_, "As `cbmon config history` shows it; 0: the server's configuration")
      ->required()
      ->type_name("N");
}

void CommandLine::add_lists() {
  CLI::App* mcis = add_group("mcis", "MCISs");
  add_watch(add(*mcis, "list", "All, with the number of their VMs by state", list_mcis));
  CLI::App* one = add(*mcis, "get", "One with its VMs", [this](CliSession& session) {
    return get_mcis(session, {get_.ns, get_.mcis, {}});
  });
  one->add_option("id", get_.mcis, "MCIS (default: the only one)")->type_name("ID");
  one->add_option("--ns", get_.ns, "Namespace")->type_name("NS");
  add_watch(one);
  CLI::App* agent = add_group("agent", "Agents");
  add_watch(add(*agent, "list", "All that were ever seen", list_agents));
  one = add(*agent, "get", "One", [this](CliSession& session) {
    return get_agent(session, {get_.ns, get_.mcis, get_.vm});
  });
  one->add_option("vm", get_.vm, "Its VM (default: the only one)")->type_name("ID");
  add_vm(one, false);
  add_watch(one);
  add_agent_changes(*agent);
  add_agent_keys(*agent);
  add_agent_tokens(*agent);
}

void CommandLine::add_agent_keys(CLI::App& agent) {
  const auto name = [this] { return VmName{get_.ns, get_.mcis, get_.vm}; };
  CLI::App* keys = add(agent, "keys", "The register: agents with their ids, keys and what is wrong with them",
                       [this, name](CliSession& session) { return list_agent_keys(session, name(), with_revoked_); });
  keys->add_flag("--revoked", with_revoked_, "Those that are revoked, too");
  add_vm(keys, true);
  add_watch(keys);
  for (const auto& [word, about] : {std::pair("rotate", "Gives an agent a newer key; no row is lost"),
                                    std::pair("revoke", "Ends an agent: its key is good for nothing any more"),
                                    std::pair("replace", "Ends an agent and makes a token for the one in its place")}) {
    CLI::App* change = add(agent, word, about, [name, what = std::string(word)](CliSession& session) {
      return change_agent(session, what, name());
    });
    change->add_option("vm", get_.vm, "Its VM, or its id as `cbmon agent keys` shows it")->type_name("VM")->required();
    add_vm(change, false);
  }
}

void CommandLine::add_agent_changes(CLI::App& agent) {
  CLI::App* set =
      add(agent, "set", "Says what no agent tells of itself; what is not named stays", [this](CliSession& session) {
        return set_agent(session, {get_.ns, get_.mcis, get_.vm}, changes_);
      });
  CLI::App* forget =
      add(agent, "forget", "Lists it no more until it sends again; its rows stay", [this](CliSession& session) {
        return forget_agent(session, {get_.ns, get_.mcis, get_.vm});
      });
  for (CLI::App* one : {set, forget}) {
    one->add_option("vm", get_.vm, "Its VM")->type_name("ID")->required();
    add_vm(one, false);
  }
  set->add_option("changes", changes_, "agent_state=enable or disable, public_ip=ADDRESS, service_type=TEXT")
      ->type_name("CHANGE")
      ->required();
}

void CommandLine::add_agent_tokens(CLI::App& agent) {
  CLI::App* token = agent.add_subcommand("token", "By which machines enrol as agents of one MCIS");
  token->fallthrough();
  groups_.push_back(token);
  CLI::App* fresh = add(*token, "new", "Makes a token and prints it, once, with what to run on the machine",
                        [this](CliSession& session) { return make_agent_token(session, agent_token_); });
  fresh->add_option("--ns", agent_token_.ns, "Namespace of the agents (default: default)")->type_name("NS");
  fresh->add_option("--mcis", agent_token_.mcis, "MCIS of the agents (default: default)")->type_name("ID");
  fresh->add_option("--name", agent_token_.name, "What it is for")->type_name("TEXT");
  fresh->add_option("--expires", agent_token_.expires, "After how long it ends, or when (default: 1h)")
      ->type_name("1h|TIME");
  fresh->add_option("--uses", agent_token_.uses, "How many machines it lets in (default: as many as come)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  add(*token, "list", "Those that there are, without their texts", list_agent_tokens);
  add(*token, "revoke", "Ends a token; who enrolled by it stays",
      [this](CliSession& session) { return revoke_agent_token(session, id_); })
      ->add_option("id", id_, "As `cbmon agent token list` shows it")
      ->required()
      ->type_name("ID");
}

void CommandLine::add_collectors() {
  CLI::App* collector = add_group("collector", "Collectors and the VMs they are in charge of");
  add_watch(add(*collector, "list", "All collectors", list_collectors));
  CLI::App* get = add(*collector, "get", "One collector with its VMs",
                      [this](CliSession& session) { return get_collector(session, id_); });
  add_watch(get);
  add(*collector, "start", "Starts one more than the number of VMs demands", start_collector);
  CLI::App* stop = add(*collector, "stop", "Drains one and ends it",
                       [this](CliSession& session) { return stop_collector(session, id_); });
  for (CLI::App* sub : {get, stop})
    sub->add_option("id", id_, "As `cbmon collector list` shows it")->type_name("ID")->required();
}

void CommandLine::add_access() {
  CLI::App* token = add_group("token", "Who may ask the server");
  CLI::App* fresh = add(*token, "new", "Makes a token and prints it, once",
                        [this](CliSession& session) { return make_token(session, fresh_token_); });
  fresh->add_option("--name", fresh_token_.name, "What it is for")->required()->type_name("TEXT");
  fresh->add_option("--role", fresh_token_.role, "viewer, operator or admin (default: viewer)")
      ->type_name("ROLE")
      ->check(CLI::IsMember({"viewer", "operator", "admin"}));
  fresh->add_option("--ns", fresh_token_.namespaces, "A namespace that it sees; may be repeated (default: all)")
      ->type_name("NS");
  fresh->add_option("--expires", fresh_token_.expires, "After how long it ends, or when (default: when it is revoked)")
      ->type_name("30d|TIME");
  add(*token, "list", "All tokens, without their texts", list_tokens);
  add(*token, "revoke", "Ends a token", [this](CliSession& session) { return revoke_token(session, id_); })
      ->add_option("id", id_, "As `cbmon token list` shows it")
      ->required()
      ->type_name("ID");
  add(app_, "audit", "Changes that were made through the API, newest first",
      [this](CliSession& session) { return show_audit(session, audit_limit_); })
      ->add_option("--limit", audit_limit_, "How many (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
}

void CommandLine::add_backup() {
  CLI::App* backup = add_group("backup", "Backups that the server makes");
  add(*backup, "new", "Makes one and waits for it; it holds the fleet's master key",
      [this](CliSession& session) {
        const EndSignals signals;
        return make_backup(session, name_, [&] { return signals.wait(200ms); });
      })
      ->add_option("--name", name_, "Its name (default: the time)")
      ->type_name("NAME");
  add(*backup, "list", "Those that lie in the server's backup_dir", list_backups);
}

void CommandLine::add_rest() {
  add_watch(add(app_, "health", "State of each module of the server", show_health));
  CLI::App* top = add(app_, "top", "The VMs live, the highest first; q ends it", [this](CliSession& session) {
    SystemClock clock;
    return run_top(session, top_, clock, stopping_);
  });
  top->add_option("--sort", top_.sort, "The metric (default: cpu_utilization)")->type_name("METRIC");
  top->add_option("--ns", top_.ns, "Only these namespaces; a comma between")->type_name("NS");
  top->add_option("--mcis", top_.mcis, "Only these MCISs")->type_name("ID");
  top->add_option("--interval", interval_text_, "How often it asks (default: 2s)")->type_name("DURATION");
  add(app_, "version", "The version of this program",
      [](CliSession& session) { return show_version(session, DF_VERSION); });
  add(app_, "completion", "Completion script of a shell", [this](CliSession& session) { return complete(session); })
      ->add_option("shell", shell_, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

bool CommandLine::parse(int argc, char** argv, int& code) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    code = app_.exit(error) == 0 ? kExitDone : kExitUsage;
    return false;
  }
  code = kExitUsage;
  const CLI::App* incomplete = app_.get_subcommands().empty() ? &app_ : nullptr;
  for (const CLI::App* group : groups_) {
    if (group->parsed() && group->get_subcommands().empty()) incomplete = group;
  }
  if (incomplete != nullptr) {
    fmt::print(stderr, "cbmon: a command is missing\n{}", incomplete->help());
    return false;
  }
  if (times_ > 0 && watch_text_.empty()) {
    fmt::print(stderr, "cbmon: --times needs --watch DURATION\n");
    return false;
  }
  if (!read_interval("--watch", watch_text_, watch_) || !read_interval("--interval", interval_text_, top_.interval))
    return false;
  while (settings_.server.ends_with('/')) settings_.server.pop_back();
  return true;
}

int CommandLine::run(CliSession& session) {
  for (const auto& [command, run] : commands_) {
    if (command->parsed()) return run(session);
  }
  return kExitUsage;
}

int CommandLine::complete(CliSession& session) const {
  std::vector<CompletionCommand> commands;
  collect(app_, "", commands);
  session.out = completion_script(shell_, commands).value_or("");
  return kExitDone;
}

}  // namespace dragonfly
