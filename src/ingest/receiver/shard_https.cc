// The shard's side of frames that come by HTTPS: the same frames on the same way to the log. An exchange is answered with the
// acknowledgement of what it brought, or says why there is none.
#include "ingest/receiver/shard.h"

namespace dragonfly {
namespace {
constexpr size_t kWaitingMax = 16;  // Requests that wait for an agent's next exchange.
}  // namespace

void Shard::take_frames(const AgentFrames& frames, FrameDoor::Done done) {
  const auto found = sealed_agents_.find(frames.agent_id);
  const auto source = Endpoint::parse(frames.remote);
  if (found == sealed_agents_.end() || !source) {
    context_.unknown_agent();
    context_.stats.fault(DatagramFault::kUnknownAgent);
    return done(fail(ErrorCode::kUnauthenticated, "agent {:016x} is not in this server's register", frames.agent_id));
  }
  AgentSession& agent = *found->second;
  end_exchange(agent, std::vector<Bytes>());  // Nobody waits for it any more.
  agent.exchange =
      std::make_unique<AgentSession::Exchange>(AgentSession::Exchange{std::move(done), now_ + FrameDoor::kWithin});
  exchanges_.push_back(&agent);
  const uint64_t opened_before = agent.frames_opened;
  const size_t rows_before = batch_.rows.size();
  by_https_ = true;
  overloaded_ = false;
  for (const Bytes& datagram : frames.datagrams) take_frame(datagram, *source);
  by_https_ = false;
  context_.stats.datagrams_https.add(frames.datagrams.size());
  if (agent.frames_opened == opened_before && agent.https_waiting.empty()) {
    return end_exchange(agent,
                        fail(ErrorCode::kUnauthenticated,
                             "no datagram of agent {:016x} could be opened, or all were seen before", frames.agent_id));
  }
  if (batch_.rows.size() > rows_before) {
    batch_.urgent = true;  // Somebody waits.
  } else if (overloaded_) {
    end_exchange(agent, fail(ErrorCode::kUnavailable, "the store does not keep up with the rows; try again"));
  } else {
    queue_ack(agent);  // What brought no rows to the log is answered in this turn.
  }
}

void Shard::end_exchange(AgentSession& agent, Result<std::vector<Bytes>> answer) {
  if (!agent.exchange) return;
  const auto exchange = std::move(agent.exchange);
  std::erase(exchanges_, &agent);
  exchange->done(std::move(answer));
}

void Shard::end_exchanges_of(const OpenBatch& batch, const Error& error) {
  for (const RowsRef& ref : batch.rows) {
    if (ref.agent != nullptr) end_exchange(*ref.agent, fail(error));
  }
}

void Shard::end_late_exchanges(MonotonicTime now) {
  while (!exchanges_.empty() && exchanges_.front()->exchange->deadline <= now) {
    end_exchange(*exchanges_.front(), fail(ErrorCode::kUnavailable, "the rows are not durable yet; try again"));
  }
}

// To where its newest packet came from.
void Shard::reply(AgentSession& agent, Bytes datagram) {
  if (!agent.by_https) return outgoing_.add(*agent.source).swap(datagram);
  if (agent.https_waiting.size() >= kWaitingMax) agent.https_waiting.erase(agent.https_waiting.begin());
  agent.https_waiting.push_back(std::move(datagram));
}

}  // namespace dragonfly
