#include "data_commands.h"

#include <CLI/CLI.hpp>

#include "run.h"

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

CLI::Option* add_text(CLI::App* app, const std::string& name, const std::string& about,
                      std::string DataCommand::*member, std::optional<DataCommand>& command) {
  return app
      ->add_option_function<std::string>(
          name,
          [member, &command](const std::string& path) {
            if (!command) command.emplace();
            (*command).*member = path;
          },
          about)
      ->type_name("TEXT");
}

void add_path(CLI::App* app, const std::string& name, const std::string& about, std::string DataCommand::*member,
              std::optional<DataCommand>& command) {
  add_text(app, name, about, member, command)->type_name("PATH")->required();
}

void add_query(CLI::App* app, const std::string& name, const std::string& about, std::optional<DataCommand>& command) {
  app->add_option_function<std::string>(
         "--" + name,
         [name, &command](const std::string& value) {
           if (!command) command.emplace();
           command->query.emplace_back(name, value);
         },
         about)
      ->type_name("TEXT");
}

void add_export_and_import(CLI::App& app, std::string& data_dir, std::optional<DataCommand>& command) {
  CLI::App* out = add_command(app, "export",
                              "Writes the rows themselves, counters as running totals, from a running server or a data "
                              "directory; goes on where an earlier one was cut off",
                              data_dir, DataCommand::Kind::kExport, command);
  add_path(out, "--to", "The new file; - is standard output", &DataCommand::to, command);
  add_text(out, "--format", "lines (Influx line protocol) or ndjson (default: lines)", &DataCommand::format, command);
  add_text(out, "--server", "Asks the server at this URL instead (CBMON_CACERT, CBMON_TOKEN)", &DataCommand::server,
           command);
  for (const auto& [name, about] :
       {std::pair{"start", "RFC 3339, Unix seconds or a look-back like -24h (default: all)"},
        {"end", "The same (default: all)"},
        {"ns", "Only these namespaces; a comma between"},
        {"mcis", "Only these MCISs"},
        {"vm", "Only these VMs"}})
    add_query(out, name, about, command);
  out->footer("Exit code: 0 done, 1 it could not be done, 2 wrong usage, 3 some of it is damaged and missing.");
  CLI::App* in =
      add_command(app, "import",
                  "Takes what export wrote, in either format, into a running server or a data directory; goes on where "
                  "an earlier one was cut off",
                  data_dir, DataCommand::Kind::kImport, command);
  add_path(in, "--from", "The file; - is standard input", &DataCommand::from, command);
  add_text(in, "--server", "Asks the server at this URL instead (CBMON_CACERT, CBMON_TOKEN)", &DataCommand::server,
           command);
  in->footer(
      "A running server refuses rows older than its ingest.late_window (26h).\n"
      "Exit code: 0 done, 1 it could not be done, 2 wrong usage.");
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
  add_export_and_import(app, data_dir, command);
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
    case DataCommand::Kind::kExport: return run_export(options);
    case DataCommand::Kind::kImport: return run_import(options);
  }
  return kExitFailed;
}

}  // namespace dragonfly
