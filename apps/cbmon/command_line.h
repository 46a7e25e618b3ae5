// The commands of cbmon as the parser knows them, and what is done for each.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>

#include "surface/cli/cli_config.h"
#include "surface/cli/commands.h"
#include "surface/cli/token_commands.h"
#include "surface/cli/top.h"

namespace dragonfly {

class CommandLine {
 public:
  // `settings` of file and environment: what the options begin with.
  explicit CommandLine(CliSettings settings);
  // True where the program goes on; else it ends with `code`, everything is said.
  bool parse(int argc, char** argv, int& code);
  int run(CliSession& session);

  const CliSettings& settings() const { return settings_; }
  bool is_verbose() const { return verbose_; }
  // Between two answers of --watch; zero: ask once.
  Duration watch() const { return watch_; }
  size_t times() const { return times_; }
  // Set where nobody waits for an answer any more.
  std::atomic<bool>& stopping() { return stopping_; }

 private:
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& about,
                std::function<int(CliSession&)> run);
  CLI::App* add_group(const std::string& name, const std::string& about);
  void add_vm(CLI::App* command, bool with_vm);
  void add_watch(CLI::App* command);
  void add_metrics();
  void add_config();
  void add_lists();
  void add_agent_changes(CLI::App& agent);
  void add_agent_keys(CLI::App& agent);
  void add_agent_tokens(CLI::App& agent);
  void add_collectors();
  void add_access();
  void add_backup();
  void add_rest();
  int complete(CliSession& session) const;

  CliSettings settings_;
  CLI::App app_{"cbmon: asks a CB-Dragonfly server.", "cbmon"};
  std::vector<std::pair<const CLI::App*, std::function<int(CliSession&)>>> commands_;
  std::vector<const CLI::App*> groups_;
  bool verbose_ = false;
  std::string watch_text_, interval_text_;
  Duration watch_{};
  size_t times_ = 0;
  std::atomic<bool> stopping_ = false;
  MetricGetOptions get_;
  TopOptions top_;
  TokenNewOptions fresh_token_;
  AgentTokenOptions agent_token_;
  bool with_revoked_ = false;
  std::string key_, version_, id_, name_, shell_;
  std::vector<std::string> changes_;
  size_t audit_limit_ = 100;
};

}  // namespace dragonfly
