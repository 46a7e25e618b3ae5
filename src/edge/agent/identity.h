// AgentIdentity: who this agent is, and with which key it speaks.
//
// Units      none.
// Ownership  a value; holds the secret key, which nothing prints.
// Threading  pure.
// Errors     kInvalidArgument names the parameter, what it is and what the key file says.
// Limits     the identity's labels must fit into one frame beside a row: kIdentityBytesMax bytes encoded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/core/result.h"
#include "base/crypto/crypto.h"
#include "edge/agent/cloud_answers.h"
#include "edge/agent/options.h"
#include "model/frame/key_file.h"
#include "model/row/dictionary.h"

namespace dragonfly {

inline constexpr size_t kIdentityBytesMax = 640;

struct AgentIdentity {
  uint64_t agent_id = 0;
  uint8_t key_epoch = 0;
  std::optional<Key256> key;  // Absent: plain frames.
  std::string ns;
  std::string mcis;
  std::string vm;
  std::optional<AgentEnrolment> enrolment{};
};

// Puts `next` in the place of the agent's key in its file; the other keys of the file stay. kNotFound: it is not there.
Result<> keep_next_key(FileSystem& files, const Path& file, uint64_t agent_id, const NextKey& next);

// Where frames go: as the options say, else as the key does.
std::string server_of(const AgentOptions& options, const AgentIdentity& identity);
// kConflict: the key was given to another machine, of which this one is a clone; says what differs. `here`: this machine.
Result<> check_machine(const AgentIdentity& identity, const MachineIdentity& here);

// The first 64 bits of the SHA-256 of "ns\0mcis\0vm", little-endian: what an agent without a key is called.
uint64_t plain_agent_id(std::string_view ns, std::string_view mcis, std::string_view vm);

// Without keys: by the options, and `hostname` where they name no VM. With keys: the only one, or the one that the
// options name; an option that differs from it is an error.
Result<AgentIdentity> make_identity(const AgentOptions& options, std::span<const AgentKey> keys,
                                    std::string_view hostname);

// What the agent's rows have in common, still without devices.
struct HostFacts {
  std::string hostname;
  std::string os_type;
  std::string boot_id;
  CloudPlace place;  // --csp and --region go above it; what does not fit beside the rest is left out.
};
// An interval as frames carry it.
uint32_t whole_ms(Duration interval);
Result<Dictionary> make_dictionary(const AgentOptions& options, const AgentIdentity& identity, const HostFacts& host);

}  // namespace dragonfly
