// AgentOptions: the command line and the configuration file of cb-agent.
//
// Units      interval in ns, whole ms.
// Ownership  values.
// Threading  pure; read_agent_options reads the configuration file.
// Errors     kInvalidArgument names the parameter (in a file also the line) and what is allowed.
// Limits     a configuration file has at most kAgentConfigBytesMax bytes; interval kIntervalMin to kIntervalMax.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "base/fs/file.h"
#include "base/obs/log.h"
#include "model/frame/frame.h"

namespace dragonfly {

inline constexpr size_t kAgentConfigBytesMax = 64 * 1024;
inline constexpr Duration kIntervalMin = 100ms;
inline constexpr Duration kIntervalMax = 1h;
inline constexpr std::string_view kSpoolDirDefault = "/var/lib/cb-agent";
inline constexpr std::string_view kServerDefault = "127.0.0.1:8094";
inline constexpr std::string_view kNoSpool = "none";
inline constexpr std::string_view kPushedInterval = "agent_interval";  // Setting of the server.

struct AgentOptions {
  std::string server;             // Empty: where the key says, else kServerDefault.
  std::optional<std::string> ns;  // Optional, so that what was given can be held against the key file.
  std::optional<std::string> mcis;
  std::optional<std::string> vm;
  std::string csp;
  std::string region;
  std::string metadata = "auto";         // Or none, or an address.
  Duration interval = 2s;                // The server's settings go above the file's, not above the command line's.
  std::string key_file;                  // Empty: plain frames.
  std::optional<std::string> spool_dir;  // Absent: kSpoolDirDefault where that is there. kNoSpool: none.
  uint64_t spool_bytes_max = 64 << 20;
  Duration spool_age_max = 24h;
  std::string root = "/";
  LogLevel log_level = LogLevel::kInfo;
  bool once = false;
  bool help = false;
  bool version = false;
  std::vector<std::string_view> pinned;  // Options that the command line gave, like "--interval".

  bool is_pinned(std::string_view option) const { return std::ranges::count(pinned, option) > 0; }
};

// `arguments` without the program's name. A file named by --config is read first; the command line goes above it.
Result<AgentOptions> read_agent_options(std::span<const char* const> arguments, FileSystem& files);
// Lines "name: value" or "name = value", names as on the command line without dashes; # begins a comment.
Result<> apply_agent_config(std::string_view text, AgentOptions& options);
// A setting that the server tells. kPinned: the command line gives it, kUnknown: there is no such setting here.
// kInvalidArgument: not allowed, and nothing changes.
Result<SettingOutcome> apply_pushed_setting(AgentOptions& options, std::string_view key, std::string_view value);
std::string agent_help();

}  // namespace dragonfly
