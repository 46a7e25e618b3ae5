// Agents whose rows are not taken, and how they hear of it: revoked ones, and those that are more than one.
#include "ingest/receiver/shard.h"

namespace dragonfly {

// Once in a while, where the frame is its own: whoever has no key of it gets nothing, nobody gets more than was sent.
void Shard::answer_revoked(AgentSession& agent, const FrameHeader& header, ByteView datagram, const Endpoint& source) {
  refuse_datagram(DatagramFault::kRevoked, source);
  const bool just_told =
      agent.last_revoked_answer != MonotonicTime() && now_ - agent.last_revoked_answer < kRevokedAgain;
  if (just_told || !agent.takes_epoch(header.key_epoch)) return;
  Bytes out;
  agent.make_revoked(cipher_, context_.run, context_.master_key, header, datagram, out);
  if (out.empty()) return fail_budget_.fail(source_hash(source), now_);
  agent.last_revoked_answer = now_;
  if (by_https_) {
    agent.https_waiting.push_back(std::move(out));
  } else {
    outgoing_.add(source).swap(out);
  }
}

void Shard::note_session(AgentSession& agent, const Endpoint& source) {
  if (agent.closes_older_epoch()) context_.epoch_used(agent.record().agent_id, agent.record().epoch);
  if (agent.plain() || !agent.is_duplicate({source_hash(source), source.port()}, now_)) return;
  context_.stats.sessions_duplicate.add();
  if (agent.vm != nullptr) agent.vm->duplicate_ns = now_.time_since_epoch().count();
  if (uint64_t held_back = 0; duplicate_line_.allow(now_, held_back)) {
    const VmIdentity& vm = agent.record().vm;
    log_warning("receiver",
                "duplicate identity: agent {:016x} ({}/{}/{}) is heard from several machines, now from {}; each of "
                "them needs a "
                "key of its own (cb-agent enroll)",
                agent.record().agent_id, vm.ns, vm.mcis, vm.vm, source.to_string());
  }
}

// Whoever wrote a VM's rows last keeps it until it has been silent for long; sealed agents only, for others have no key that
// could be another's.
bool Shard::is_other_agent_heard(AgentSession& agent) {
  if (agent.plain()) return false;
  VmEntry& vm = *agent.vm;
  const int64_t now = now_.time_since_epoch().count();
  const uint64_t writer = vm.agent_id;
  const bool other = writer != 0 && writer != agent.record().agent_id && vm.agent_heard_ns != 0 &&
                     now - vm.agent_heard_ns < Duration(kTakeOverAfter).count();
  agent.standing = other ? AgentStanding::kOtherAgent : AgentStanding::kGood;
  if (!other) vm.agent_heard_ns = now;
  return other;
}

}  // namespace dragonfly
