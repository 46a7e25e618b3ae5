// Key file: what `cb-dragonfly agent-key new` writes and an agent reads (docs/formats/frame.md). One line an agent,
// tab-separated:
//   dragonfly-agent-key-1 <agent id, 16 hex> <key epoch, decimal> <agent key, 64 hex> <ns> <mcis> <vm>
// and, where the agent enrolled by itself, a second one:
//   dragonfly-agent-enrolment-1 <agent id> <udp> <url> <machine> <firmware> <instance> <authorities>
// Lines that are empty or begin with # are skipped.
//
// Units      none.
// Ownership  values; the key is a secret: files are 0600, and nothing prints it.
// Threading  pure.
// Errors     kInvalidArgument names the line number and the column.
// Limits     names as base/core/names.h; kEnrolmentAuthoritiesMax certificates of kAuthorityBytesMax.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/crypto/crypto.h"
#include "model/frame/machine_identity.h"

namespace dragonfly {

inline constexpr size_t kEnrolmentAuthoritiesMax = 16;
inline constexpr size_t kAuthorityBytesMax = 16 * 1024;

// Where and on what machine a key was given.
struct AgentEnrolment {
  std::string udp;  // "192.0.2.10:8094": where frames go.
  std::string url;  // "https://192.0.2.10:9090"
  MachineIdentity machine;
  std::vector<Bytes> authorities;  // DER; who vouches for the server. None: it is on this machine and speaks in clear.
  bool operator==(const AgentEnrolment&) const = default;
};

struct AgentKey {
  uint64_t agent_id = 0;
  uint8_t epoch = 0;
  Key256 key{};
  std::string ns;
  std::string mcis;
  std::string vm;
  std::optional<AgentEnrolment> enrolment;
};

std::string format_agent_key(const AgentKey& key);  // With the newlines.
Result<std::vector<AgentKey>> parse_key_file(std::string_view text);

}  // namespace dragonfly
