// AgentRegistry: which agents are enrolled, for which VM, and the one secret from which their keys are derived.
//
// Two files in the data directory, both 0600: secrets/fleet.key (64 hex digits: the fleet master key, made at first use)
// and registry/agents (docs/formats/agents.md: append-only text, one line a change; the last line of an agent counts). It
// may be appended to beside a running server (`cb-dragonfly agent-key new`); the server
// reads what is new. A line that is cut or fails its checksum is skipped and counted.
//
// Units      none.
// Ownership  returned keys are secrets: the caller wipes or writes them 0600.
// Threading  one thread; several processes may append (flock).
// Errors     kIo, kNoSpace, kPermissionDenied (files), kInvalidArgument (a name), kCorruption (the master key's file).
// Limits     the file is read whole; kAgentsMax agents a call of create().
#pragma once

#include <span>
#include <vector>

#include "base/fs/file.h"
#include "base/rt/random.h"
#include "model/flow/agent_record.h"
#include "model/frame/key_file.h"

namespace dragonfly {

struct RegistryCheck {
  uint64_t agents = 0;              // Enrolled and not revoked.
  std::vector<std::string> damage;  // For people; each names its file.
};

class AgentRegistry {
 public:
  static constexpr size_t kAgentsMax = 1'000'000;

  // Reads both files and says what is damaged; makes and changes nothing. Files that are not there are no damage.
  static RegistryCheck check(FileSystem& files, const Path& data_directory);

  static Result<AgentRegistry> open(FileSystem& files, Random& random, const Path& data_directory);

  // Records that were appended since the last call (at first: all), in order. Cheap when nothing changed.
  Result<std::vector<AgentRecord>> poll();
  // Enrols one agent for each VM and returns their keys. Agent ids are 64 random bits.
  Result<std::vector<AgentKey>> create(const std::vector<VmIdentity>& vms);

  // Appends records as they are, synced.
  Result<> append(std::span<const AgentRecord> records);
  AgentKey key_of(const AgentRecord& record) const;

  const Key256& master_key() const { return master_; }
  uint64_t damaged_lines() const { return damaged_lines_; }
  // Of the last line, when it was last read: being written then, or cut by a crash.
  uint64_t unfinished_bytes() const { return unfinished_bytes_; }

 private:
  AgentRegistry(FileSystem& files, Random& random, Path file, Key256 master)
      : files_(&files), random_(&random), file_(std::move(file)), master_(master) {}
  FileSystem* files_;
  Random* random_;
  Path file_;
  Key256 master_;
  uint64_t read_bytes_ = 0;
  uint64_t damaged_lines_ = 0;
  uint64_t unfinished_bytes_ = 0;
};

}  // namespace dragonfly
