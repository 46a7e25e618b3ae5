// The shard's requests to agents: sent over the association that the agent opened, answered by its next frames.
#include "ingest/receiver/shard.h"

namespace dragonfly {
namespace {
constexpr int kRequestTries = 3;
}  // namespace

void Shard::sample_now(VmEntry& vm, std::vector<uint32_t> groups, Duration timeout, AgentLink::Done done) {
  const uint64_t agent_id = vm.agent_id;
  const auto find = [&](Agents& agents) -> AgentSession* {
    const auto at = agents.find(agent_id);
    return at == agents.end() || at->second->vm != &vm ? nullptr : at->second.get();
  };
  AgentSession* agent = find(sealed_agents_);
  if (agent == nullptr) agent = find(plain_agents_);
  if (agent == nullptr || !agent->source) {
    return done(
        fail(ErrorCode::kTimeout, "the agent of VM '{}' has not reported since this server started", vm.identity.vm));
  }
  if (requests_.size() >= AgentLink::kRequestsMax) {
    return done(
        fail(ErrorCode::kUnavailable, "{} requests to agents are open; that is the limit", AgentLink::kRequestsMax));
  }
  const MonotonicTime now = now_;
  Request request{agent_id, agent, &vm, {}, now + timeout, now, 0, std::move(done)};
  request.body.request_id = next_request_id_++;
  request.body.groups = std::move(groups);
  requests_.emplace(request.body.request_id, std::move(request));
  send_requests(now);
}

void Shard::send_requests(MonotonicTime now) {
  for (auto at = requests_.begin(); at != requests_.end();) {
    Request& request = at->second;
    if (now >= request.deadline) {
      const double silent = seconds(now.time_since_epoch()) - static_cast<double>(request.vm->last_arrival_ns) / 1e9;
      request.done(fail(ErrorCode::kTimeout,
                        "the agent of VM '{}' did not answer {} requests; its last frame came {:.0f} s ago",
                        request.vm->identity.vm, request.sent, silent));
      at = requests_.erase(at);
      continue;
    }
    if (now >= request.next_send && request.sent < kRequestTries && request.agent->source) {
      Bytes datagram;
      request.agent->make_request(cipher_, context_.run, context_.master_key, request.body, datagram);
      reply(*request.agent, std::move(datagram));
      context_.stats.requests.add();
      ++request.sent;
      request.next_send = now + 1s;
    }
    ++at;
  }
}

void Shard::end_requests() {
  for (auto& [id, request] : requests_) {
    request.done(
        fail(ErrorCode::kUnavailable, "the server stops; ask VM '{}' again when it is back", request.vm->identity.vm));
  }
  requests_.clear();
}

void Shard::answer_request(uint64_t request_id, const RowsBody& rows, const Dictionary& dictionary) {
  const auto at = requests_.find(request_id);
  if (at == requests_.end()) return;
  std::vector<SampledRow> sampled;
  RowBlockReader reader(rows.row_block);
  while (const auto row = reader.next()) {
    sampled.push_back({row->group, std::string(dictionary.device(row->device)), row->time,
                       Bytes(row->fields.begin(), row->fields.end())});
  }
  const auto done = std::move(at->second.done);
  requests_.erase(at);
  done(std::move(sampled));
}

}  // namespace dragonfly
