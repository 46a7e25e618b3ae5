// What cb-dragonfly was asked to do on its command line.
#pragma once

#include <string>
#include <vector>

#include <optional>

#include "fleet/policy/policy.h"
#include "fleet/policy/server_keys.h"
#include "fleet/registry/agent_registry.h"

namespace dragonfly {

struct AgentKeyRequest {
  std::vector<VmIdentity> vms;
  std::string out;  // Empty: standard output.
};

// A command about a data directory: `merge`, `check`, …
struct DataCommand {
  enum class Kind : uint8_t { kCheck, kMerge, kBackup, kRestore, kExport, kImport };
  Kind kind = Kind::kCheck;
  std::string to;
  std::string from;
  std::string format;
  std::string server;                                      // Empty: the one of the data directory.
  std::vector<std::pair<std::string, std::string>> query;  // Of an export: which rows.
};

struct ServerOptions {
  ServerSettings settings;
  Policy policy;
  std::vector<std::string> warnings;
  std::optional<AgentKeyRequest> agent_key;  // `agent-key new`
  std::optional<DataCommand> data_command;
  bool checks_config = false;            // `config check`
  bool is_strict = false;                // Warnings count, too.
  std::string config_file;               // That was read; empty: none is there.
  std::vector<std::string> chosen_keys;  // "key = value (file)": what is not a default.
};

// Ends the process for --help, --version and wrong usage (exit code 2).
ServerOptions read_options(int argc, char** argv);

}  // namespace dragonfly
