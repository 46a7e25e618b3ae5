// FrameDoor: where an agent's frames come in by HTTPS, where UDP does not get through.
//
// Units      bytes.
// Ownership  datagrams are moved in; those that answer are moved to the callback.
// Threading  any thread; `done` is called exactly once, on a shard's thread, and should only pass on.
// Errors     kUnauthenticated: no such agent, or none of the datagrams could be opened; kUnavailable: overload, or the log
//            does not answer; kNoSpace: the disk is full. What was not acknowledged comes again.
// Limits     one exchange of an agent at a time: another one ends it. Answers within kWithin.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "base/core/time.h"

namespace dragonfly {

struct AgentFrames {
  uint64_t agent_id = 0;
  std::vector<Bytes> datagrams;
  std::string remote;  // "192.0.2.1:50000"
};

class FrameDoor {
 public:
  static constexpr Duration kWithin = 10s;
  // Datagrams for the agent: acknowledgements, after what they speak of is durable, and requests.
  using Done = std::function<void(Result<std::vector<Bytes>>)>;
  virtual ~FrameDoor() = default;
  virtual void take_frames(AgentFrames frames, Done done) = 0;
};

}  // namespace dragonfly
