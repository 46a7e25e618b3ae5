// `cb-agent enroll`: exchanges a token for this machine's key, with a server that the token vouches for.
//
// The first connection believes nobody: it fetches the certificate of whoever vouches for the server, which is taken only
// where its SHA-256 is the one in the token. The second one is verified against that certificate, and carries the token.
//
// Units      none.
// Ownership  the key file that is written holds the key; nothing else keeps it.
// Threading  one thread; blocks as long as the server and the cloud take.
// Errors     kInvalidArgument names the option and what is allowed; else what the server said, or why it was not reached.
// Limits     HttpsOptions.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/fs/file.h"
#include "base/https/https_client.h"
#include "model/frame/agent_token.h"
#include "model/frame/key_file.h"

namespace dragonfly {

struct EnrolOptions {
  ServerUrl url;
  AgentToken token;
  std::optional<std::string> vm;  // Absent: the machine's name.
  std::string key_file;
  std::string metadata = "auto";
  std::string root = "/";
  bool help = false;
};

// `arguments` behind "enroll"; `token`: of the environment, where --token is not given.
Result<EnrolOptions> read_enrol_options(std::span<const char* const> arguments, std::string_view token,
                                        FileSystem& files);
std::string enrol_help();

// Asks the server and writes the key file (0600, whole or not at all; owned by whoever owns its directory). Returns what is
// in it.
Result<AgentKey> enrol(const EnrolOptions& options, const std::string& hostname, const Clock& clock, Random& random,
                       FileSystem& files);

}  // namespace dragonfly
