// Commands about a data directory: check, merge. Each returns the exit code of the process.
#pragma once

#include "options.h"

namespace CLI {
class App;
}

namespace dragonfly {

// Adds the subcommands; after parsing, `command` is the one that was given.
void add_data_commands(CLI::App& app, std::string& data_dir, std::optional<DataCommand>& command);

int run_data_command(const ServerOptions& options);

// Exit codes besides 0 and the 2 of wrong usage.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitDamaged = 3;

// To standard error; returns the exit code.
int report_failure(std::string_view command, const Error& error);

int run_check(const ServerOptions& options);   // check_command.cc
int run_backup(const ServerOptions& options);  // backup_commands.cc
int run_restore(const ServerOptions& options);
int run_export(const ServerOptions& options);  // export_commands.cc
int run_import(const ServerOptions& options);

}  // namespace dragonfly
