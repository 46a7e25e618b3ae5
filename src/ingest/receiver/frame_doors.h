// FrameDoors: the FrameDoor of a server: hands an agent's frames to the shard that owns it.
//
// Units      as FrameDoor.
// Ownership  borrows the shards, which outlive it.
// Threading  any thread.
// Errors     as FrameDoor.
// Limits     as FrameDoor; the shards' mailboxes.
#pragma once

#include "ingest/receiver/shard.h"
#include "model/flow/frame_door.h"

namespace dragonfly {

class FrameDoors final : public FrameDoor {
 public:
  explicit FrameDoors(std::vector<Shard*> shards) : shards_(std::move(shards)) {}
  void take_frames(AgentFrames frames, Done done) override {
    Shard* const shard = shards_[static_cast<uint32_t>(frames.agent_id) % shards_.size()];
    const auto task = [shard, frames = std::make_shared<AgentFrames>(std::move(frames)), done] {
      shard->take_frames(*frames, done);
    };
    if (!shard->post(task)) done(fail(ErrorCode::kUnavailable, "the server is too busy to take frames now; try again"));
  }

 private:
  const std::vector<Shard*> shards_;
};

}  // namespace dragonfly
