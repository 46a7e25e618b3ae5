// Enrolment: how machines become agents: tokens by which they are let in, and the register's changes: newer keys, and agents that are none any more.
//
// A token is for one MCIS, lives shortly, may have a number of uses, and is kept as a hash. Who enrols for a VM that has an
// agent takes its place where it is the same machine, or where the other has been silent for kTakeOverAfter; else it is
// refused. The agent before is revoked then.
//
// Units      times as base/core/time.h.
// Ownership  borrows FileSystem, Random and Clock, which outlive it; owns <data>/secrets/agent-tokens and appends to the
//            register. Returned keys are secrets.
// Threading  any thread: a mutex held while files are written; enrolments are rare.
// Errors     kInvalidArgument names the parameter; kUnauthenticated: no such token, or it has expired or is used up;
//            kConflict: the VM has a live agent; kNotFound; kResourceExhausted. A change that cannot be written is none.
// Limits     kAgentTokensMax, kAgentTokenUsesMax; lifetimes kAgentTokenLifetimeMin to kAgentTokenLifetimeMax; a token that
//            has been over for kAgentTokenKept is forgotten at the next change.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/rt/clock.h"
#include "fleet/registry/agent_registry.h"
#include "fleet/registry/agent_token_file.h"
#include "model/frame/agent_token.h"

namespace dragonfly {

inline constexpr Duration kAgentTokenLifetimeMin = 10s;
inline constexpr Duration kAgentTokenLifetimeMax = 90 * 24h;
inline constexpr Duration kAgentTokenKept = 7 * 24h;
inline constexpr Duration kTakeOverAfter = 10min;

struct NewAgentToken {
  std::string name;
  std::string ns = "default";
  std::string mcis = "default";
  Duration lifetime = 1h;
  uint32_t uses_max = 0;  // 0: as many as come.
  std::optional<Digest256> authority;
};

struct EnrolmentWish {
  std::string token;
  std::string vm;
  MachineIdentity machine;
  // Since the VM's agent was heard last; absent: never, as far as is known.
  std::optional<Duration> silent;
};

class Enrolment {
 public:
  struct CreatedToken {
    AgentTokenRecord record;
    std::string text;
  };
  struct Enrolled {
    AgentKey key;
    AgentTokenRecord token;
    std::optional<AgentRecord> replaced;  // As it was.
  };
  static Result<std::unique_ptr<Enrolment>> open(FileSystem& files, Random& random, const Clock& clock,
                                                 const Path& data_directory);

  Result<CreatedToken> create_token(NewAgentToken wanted);
  // What it was.
  Result<AgentTokenRecord> revoke_token(std::string_view id);
  std::vector<AgentTokenRecord> tokens() const;
  // Of the file when it was opened.
  size_t damaged_lines() const { return damaged_lines_; }

  // The MCIS for which the token is, where it is good now; so that who asks may look at the VM before enrol().
  Result<AgentTokenRecord> check_token(std::string_view text) const;
  Result<Enrolled> enrol(const EnrolmentWish& wish);

  struct Change {
    AgentRecord before;
    AgentRecord after;
  };
  // Gives the agent a newer key; the one before is good until the agent has used it. kConflict: that is under way, or the
  // agent is revoked. kResourceExhausted: it has had all keys that there are.
  Result<Change> rotate(uint64_t agent_id);
  // Its key is good for nothing any more, and its VM's place is free. kConflict: it is revoked already.
  Result<Change> revoke(uint64_t agent_id);
  // The agent has used its key of that epoch.
  Result<> epoch_used(uint64_t agent_id, uint8_t epoch);

  // The register as it stands on disk.
  Result<std::vector<AgentRecord>> agents();

 private:
  Enrolment(FileSystem& files, const Clock& clock, Random& random, AgentRegistry registry, Path file)
      : files_(files), clock_(clock), random_(random), registry_(std::move(registry)), file_(std::move(file)) {}
  Result<AgentTokenRecord> find_good(std::string_view text) const;
  Result<> save(const std::vector<AgentTokenRecord>& tokens);
  Result<> read_register();
  Result<AgentRecord> find_active(uint64_t agent_id);
  Result<> keep(const AgentRecord& record);
  const AgentRecord* active_agent_of(const VmIdentity& vm) const;

  FileSystem& files_;
  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;  // Of all below: changes come from any worker.
  AgentRegistry registry_;
  const Path file_;
  size_t damaged_lines_ = 0;
  std::vector<AgentTokenRecord> tokens_;
  std::map<uint64_t, AgentRecord> agents_;
};

// Whether the files of tokens of agents are whole; what is damaged is told for people.
struct AgentTokensCheck {
  size_t tokens = 0;
  size_t damaged = 0;
  std::vector<std::string> damage;
};
AgentTokensCheck check_agent_tokens(FileSystem& files, const Path& data_directory);

}  // namespace dragonfly
