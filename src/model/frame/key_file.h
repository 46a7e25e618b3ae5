// Key file: what `cb-dragonfly agent-key new` writes and an agent reads (docs/formats/frame.md). One line an agent,
// tab-separated:
//   dragonfly-agent-key-1 <agent id, 16 hex> <key epoch, decimal> <agent key, 64 hex> <ns> <mcis> <vm>
// Lines that are empty or begin with # are skipped.
//
// Units      none.
// Ownership  values; the key is a secret: files are 0600, and nothing prints it.
// Threading  pure.
// Errors     kInvalidArgument names the line number and the column.
// Limits     names as base/core/names.h.
#pragma once

#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/crypto/crypto.h"

namespace dragonfly {

struct AgentKey {
  uint64_t agent_id = 0;
  uint8_t epoch = 0;
  Key256 key{};
  std::string ns;
  std::string mcis;
  std::string vm;
};

std::string format_agent_key(const AgentKey& key);  // With the newline.
Result<std::vector<AgentKey>> parse_key_file(std::string_view text);

}  // namespace dragonfly
