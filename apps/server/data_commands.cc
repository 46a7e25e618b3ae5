#include "data_commands.h"

#include <CLI/CLI.hpp>

#include "wiring.h"

namespace dragonfly {
namespace {

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& about, std::string& data_dir,
                      DataCommand::Kind kind, std::optional<DataCommand>& command) {
  CLI::App* out = app.add_subcommand(name, about);
  out->add_option("--data-dir", data_dir, "The data directory (default: ./data)")->type_name("DIR");
  out->callback([kind, &command] {
    if (!command) command.emplace();
    command->kind = kind;
  });
  return out;
}

void add_path(CLI::App* app, const std::string& name, const std::string& about, std::string DataCommand::*member,
              std::optional<DataCommand>& command) {
  app->add_option_function<std::string>(
         name,
         [member, &command](const std::string& path) {
           if (!command) command.emplace();
           (*command).*member = path;
         },
         about)
      ->type_name("DIR")
      ->required();
}

}  // namespace

void add_data_commands(CLI::App& app, std::string& data_dir, std::optional<DataCommand>& command) {
  add_command(
      app, "check",
      "Reads everything of a data directory or backup that no server uses, verifies every checksum and says what "
      "is damaged; changes nothing",
      data_dir, DataCommand::Kind::kCheck, command)
      ->footer("Exit code: 0 all is whole, 1 it could not be checked, 2 wrong usage, 3 something is damaged.");
  add_command(
      app, "merge",
      "Makes the data directory as small as it gets: seals all rows, merges all hours and removes the log, while "
      "no server uses it",
      data_dir, DataCommand::Kind::kMerge, command)
      ->footer("Exit code: 0 done, 1 it could not be done, 2 wrong usage.");
  CLI::App* backup = add_command(app, "backup",
                                 "Copies a data directory, also that of a running server, with everything that was "
                                 "acknowledged before; it holds the fleet's master key",
                                 data_dir, DataCommand::Kind::kBackup, command);
  add_path(backup, "--to", "The new directory of the backup", &DataCommand::to, command);
  backup->footer("Exit code: 0 done, 1 it could not be done, 2 wrong usage.");
  CLI::App* restore =
      add_command(app, "restore", "Makes a new data directory from a backup, verified; nothing is overwritten",
                  data_dir, DataCommand::Kind::kRestore, command);
  add_path(restore, "--from", "The backup", &DataCommand::from, command);
  restore->footer("Exit code: 0 done, 1 it could not be done, 2 wrong usage, 3 the backup is damaged.");
}

int report_failure(std::string_view command, const Error& error) {
  fmt::print(stderr, "cb-dragonfly {}: {}\n", command, error.message);
  return error.code == ErrorCode::kCorruption ? kExitDamaged : kExitFailed;
}

int run_data_command(const ServerOptions& options) {
  switch (options.data_command->kind) {
    case DataCommand::Kind::kCheck: return run_check(options);
    case DataCommand::Kind::kMerge: return run_merge(options);
    case DataCommand::Kind::kBackup: return run_backup(options);
    case DataCommand::Kind::kRestore: return run_restore(options);
  }
  return kExitFailed;
}

}  // namespace dragonfly
