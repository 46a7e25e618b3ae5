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
}

int run_data_command(const ServerOptions& options) {
  switch (options.data_command->kind) {
    case DataCommand::Kind::kCheck: return run_check(options);
    case DataCommand::Kind::kMerge: return run_merge(options);
  }
  return kExitFailed;
}

}  // namespace dragonfly
