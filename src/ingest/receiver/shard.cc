#include "ingest/receiver/shard.h"

#include <poll.h>

#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "base/core/fetch.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

constexpr size_t kBatchesPerTurn = 4;  // Of 64 datagrams; keeps a turn short.
constexpr Duration kBatchAge = 20ms;   // How long rows may wait for company before they are submitted.
// After a receive that did not fill a batch the socket rests, so that datagrams come in company: a wakeup costs as much as
// handling many of them. Short beside the log's 200 ms. Where more come than a socket's buffer holds for that long, the
// rest is shorter; where the buffer was full there is none.
constexpr Duration kReceiveGap = 20ms;
constexpr Duration kBusyGap = 2ms;
constexpr size_t kBusyDatagrams = 1024;
constexpr Duration kHeadTick = 100ms;
constexpr Duration kHandoverRetry = 5ms;
constexpr size_t kCommitsMax = 1'000'000;  // Bounded by the log's own queue; see submit().

// Where a frame has its agent's id; of any other datagram some number.
std::optional<uint64_t> agent_id_of(ByteView datagram) {
  constexpr size_t kAgentIdAt = 8;
  if (datagram.size() < kFrameHeaderBytes || datagram[0] != kFrameVersion) return std::nullopt;
  uint64_t id;
  std::memcpy(&id, datagram.data() + kAgentIdAt, sizeof id);
  return id;
}

}  // namespace

uint64_t source_hash(const Endpoint& source) {
  const auto* address = reinterpret_cast<const uint8_t*>(source.address());
  const size_t offset = source.is_ipv6() ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr);
  const size_t size = source.is_ipv6() ? sizeof(in6_addr) : sizeof(in_addr);
  return std::hash<std::string_view>{}(as_text(ByteView(address + offset, size)));
}

Shard::Shard(const ShardOptions& options, Context context, UdpSocket socket)
    : options_(options),
      context_(std::move(context)),
      socket_(std::move(socket)),
      received_(kDatagramBytesMax),
      commits_(kCommitsMax),
      tasks_(kTasksMax) {}

Shard::~Shard() {
  if (thread_.joinable()) join();
}

// --- life -----------------------------------------------------------------------------------------------------------

void Shard::start() {
  DF_ASSERT(head_ != nullptr && peers_.size() == options_.count);
  thread_ = std::jthread([this](std::stop_token stop) {
    name_this_thread(fmt::format("shard-{}", options_.index));
    run(stop);
  });
}

void Shard::stop_receiving() {
  (void)post([this] {
    receive();  // What the kernel holds already was sent before the stop.
    receiving_ = false;
    flush();
  });
}

void Shard::join() {
  thread_.request_stop();
  tasks_.wakeup().signal();
  if (thread_.joinable()) thread_.join();
  // What was posted after the last turn; nobody else touches this shard now.
  tasks_.close();
  tasks_.drain(running_);
  for (Task& task : running_) task();
  running_.clear();
  end_requests();
  while (!exchanges_.empty())
    end_exchange(*exchanges_.front(), fail(ErrorCode::kUnavailable, "the server stops; try again"));
}

void Shard::run(std::stop_token stop) {
  while (true) {
    const bool last = stop.stop_requested();
    wait(context_.clock.monotonic());
    const std::lock_guard turn(turn_mutex_);
    look_at_clock();
    const MonotonicTime begin = now_;
    tasks_.drain(running_);
    for (Task& task : running_) task();
    running_.clear();
    handle_commits();
    hand_over_waiting();
    if (receiving_ && waiting_.empty() && begin >= receive_at_) receive();
    look_at_clock();
    if (!batch_.rows.empty() &&
        (batch_.urgent || batch_.records.size() >= kBatchBytes || now_ - batch_.begun >= kBatchAge)) {
      flush();
    }
    run_timers(now_);
    send_acks();
    context_.stats.turn.observe(seconds(context_.clock.monotonic() - begin));
    if (last) return;
  }
}

void Shard::wait(MonotonicTime now) {
  MonotonicTime until = next_head_tick_;
  if (!batch_.rows.empty()) until = std::min(until, batch_.begun + kBatchAge);
  if (!waiting_.empty()) until = std::min(until, now + kHandoverRetry);
  const bool listening = receiving_ && waiting_.empty();
  if (listening && receive_at_ > now) until = std::min(until, receive_at_);
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  pollfd watched[] = {{tasks_.wakeup().descriptor(), POLLIN, 0},
                      {commits_.wakeup().descriptor(), POLLIN, 0},
                      {socket_.descriptor(), POLLIN, 0}};
  poll(watched, listening && receive_at_ <= now ? 3 : 2, static_cast<int>(std::clamp<int64_t>(ms, 0, 1000)));
}

// --- datagrams ------------------------------------------------------------------------------------------------------

void Shard::receive() {
  for (size_t turn = 0; turn < kBatchesPerTurn; ++turn) {
    const uint64_t lost_before = socket_.kernel_drops();
    const size_t count = socket_.receive(received_);
    if (const uint64_t lost = socket_.kernel_drops() - lost_before; lost > 0) {
      context_.stats.kernel_drops.add(lost);
      lost_since_rest_ = true;
    }
    context_.stats.datagrams.add(count);
    received_since_rest_ += count;
    look_at_clock();
    fetch_agents();
    for (size_t i = 0; i < count; ++i) take_datagram(received_[i]);
    if (count < ReceiveBatch::kBatch) {
      const bool busy = received_since_rest_ >= kBusyDatagrams;
      if (received_since_rest_ > 0 && !lost_since_rest_) receive_at_ = now_ + (busy ? kBusyGap : kReceiveGap);
      received_since_rest_ = 0;
      lost_since_rest_ = false;
      return;
    }
  }
}

void Shard::look_at_clock() {
  now_ = context_.clock.monotonic();
  wall_now_ = context_.clock.wall();
}

// What the datagrams at hand will need, asked for all at once: of a fleet nothing of it lies in the processor's caches,
// and one wait for all is shorter than one for each.
void Shard::fetch_agents() {
  std::array<const AgentSession*, ReceiveBatch::kBatch> agents;
  size_t found = 0;
  for (size_t i = 0; i < received_.size(); ++i) {
    const auto id = agent_id_of(received_[i].payload);
    if (!id) continue;
    const auto at = sealed_agents_.find(*id);
    if (at == sealed_agents_.end()) continue;
    agents[found] = at->second.get();
    fetch(*agents[found++]);
  }
  for (size_t i = 0; i < found; ++i) {
    if (agents[i]->vm != nullptr) fetch(*agents[i]->vm);
  }
}

void Shard::refuse_datagram(DatagramFault cause, const Endpoint& source) {
  context_.stats.fault(cause);
  uint64_t held_back = 0;
  if (bad_datagram_line_.allow(now_, held_back)) {
    log_warning("receiver", "refused a datagram from {}: {} ({} more since the last line)", source.to_string(),
                kDatagramFaultNames[static_cast<size_t>(cause)], held_back);
  }
}

void Shard::take_datagram(const ReceiveBatch::Datagram& datagram) {
  const ByteView payload = datagram.payload;
  const Endpoint& source = *datagram.source;
  if (payload.empty()) return refuse_datagram(DatagramFault::kEmpty, source);
  if (datagram.truncated) return refuse_datagram(DatagramFault::kTruncated, source);
  if (payload[0] == '{' && options_.telegraf) {
    if (!source.is_loopback() && !options_.allow_plaintext) return refuse_datagram(DatagramFault::kPlaintext, source);
    return context_.telegraf(std::string(as_text(payload)), source_hash(source) + source.port());
  }
  if (payload.size() > kFrameBytesMax) return refuse_datagram(DatagramFault::kTruncated, source);
  take_frame(payload, source);
}

void Shard::take_frame(ByteView datagram, const Endpoint& source) {
  const auto header = FrameHeader::decode(datagram);
  if (!header || (header->type != FrameType::kRows && header->type != FrameType::kKeepAlive &&
                  header->type != FrameType::kReport)) {
    return refuse_datagram(DatagramFault::kHeader, source);
  }
  const auto owner = static_cast<uint32_t>(header->agent_id) % options_.count;
  if (owner != options_.index) {
    const auto task = [shard = peers_[owner], copy = Bytes(datagram.begin(), datagram.end()), source] {
      shard->take_frame(copy, source);
    };
    context_.stats.frames_handed_over.add();
    if (!peers_[owner]->post(task)) context_.stats.frames_dropped_full.add();
    return;
  }
  AgentSession* agent = header->plain() ? find_plain(*header, source) : find_sealed(*header, source);
  if (agent == nullptr) return;
  if (agent->record().revoked) return answer_revoked(*agent, *header, datagram, source);
  const uint64_t session = agent->session();
  switch (agent->open(cipher_, context_.master_key, *header, datagram, body_)) {
    case AgentSession::Verdict::kOpened:
      context_.stats.frames.add();
      if (agent->session() != session) note_session(*agent, source);
      if (is_within_pace(*agent)) take_opened(*agent, *header, source);
      return;
    case AgentSession::Verdict::kReplayed: return refuse_datagram(DatagramFault::kReplayed, source);
    case AgentSession::Verdict::kNotAuthentic:
      fail_budget_.fail(source_hash(source), now_);
      return refuse_datagram(DatagramFault::kNotAuthentic, source);
    case AgentSession::Verdict::kSessionTooOld: {
      if (now_ - agent->last_too_old_answer >= 1s) {
        agent->last_too_old_answer = now_;
        Bytes& out = by_https_ ? agent->https_waiting.emplace_back() : outgoing_.add(source);
        agent->make_session_too_old(cipher_, context_.run, context_.master_key, *header, out);
      }
      return refuse_datagram(DatagramFault::kSessionTooOld, source);
    }
  }
}

AgentSession* Shard::find_sealed(const FrameHeader& header, const Endpoint& source) {
  const auto at = sealed_agents_.find(header.agent_id);
  if (at == sealed_agents_.end()) {
    context_.unknown_agent();
    refuse_datagram(DatagramFault::kUnknownAgent, source);
    return nullptr;
  }
  AgentSession& agent = *at->second;
  if (!agent.takes_epoch(header.key_epoch)) {
    refuse_datagram(DatagramFault::kWrongEpoch, source);
    return nullptr;
  }
  // Over its budget a source still reaches the agents that were last seen there.
  if (fail_budget_.exhausted(source_hash(source), now_) &&
      !(agent.source && source_hash(*agent.source) == source_hash(source))) {
    refuse_datagram(DatagramFault::kOverFailBudget, source);
    return nullptr;
  }
  return &agent;
}

AgentSession* Shard::find_plain(const FrameHeader& header, const Endpoint& source) {
  if (!source.is_loopback() && !options_.allow_plaintext) {
    refuse_datagram(DatagramFault::kPlaintext, source);
    return nullptr;
  }
  if (plain_agents_.size() >= kPlainAgentsMax && !plain_agents_.contains(header.agent_id)) {
    refuse_datagram(DatagramFault::kUnknownAgent, source);
    return nullptr;
  }
  auto& slot = plain_agents_[header.agent_id];
  if (!slot) slot = std::make_unique<AgentSession>(AgentRecord{header.agent_id, 0, false, {}}, true);
  return slot.get();
}

// --- frames that opened -----------------------------------------------------------------------------------------------

void Shard::take_opened(AgentSession& agent, const FrameHeader& header, const Endpoint& source) {
  if (agent.newest_opened()) {
    agent.source = source;
    agent.by_https = by_https_;
  }
  if (header.type == FrameType::kReport) return take_report(agent, source);
  const auto rows = RowsBody::decode(body_);
  if (!rows) return refuse_datagram(DatagramFault::kBody, source);
  if (!adopt_dictionary(agent, *rows)) {
    if (agent.dictionary != nullptr && agent.vm == nullptr) return refuse_datagram(DatagramFault::kNoVm, source);
    return leave_rows(agent, *rows, RowDrop::kUnknownDictionary);
  }
  if (is_other_agent_heard(agent)) return leave_rows(agent, *rows, RowDrop::kOtherAgent);
  // Now it is known of which namespace it is.
  if (agent.needs_settings(settings_for(agent), now_)) queue_ack(agent);
  note_arrival(agent, *rows, header);
  agent.pass_below(rows->spool_id, rows->lowest_kept);
  if (header.type == FrameType::kKeepAlive) {
    if (header.ack_now()) queue_ack(agent);
    return;
  }
  take_rows(agent, header, *rows);
}

// They come again; an ack says why.
void Shard::leave_rows(AgentSession& agent, const RowsBody& rows, RowDrop cause) {
  uint64_t count = 0;
  RowBlockReader reader(rows.row_block);
  while (reader.next()) ++count;
  context_.stats.rows_received.add(count);
  context_.stats.drop(cause, count);
  agent.pass_below(rows.spool_id, rows.lowest_kept);
  queue_ack(agent);
}

const AgentSettings& Shard::settings_for(const AgentSession& agent) const {
  static const AgentSettings kNone;
  if (namespace_settings_.empty()) return settings_;
  if (agent.vm == nullptr) return kNone;  // Its first rows tell of which namespace it is.
  const auto found = namespace_settings_.find(agent.vm->identity.ns);
  return found == namespace_settings_.end() ? settings_ : found->second;
}

void Shard::take_report(AgentSession& agent, const Endpoint& source) {
  const auto report = ReportBody::decode(body_);
  if (!report) return refuse_datagram(DatagramFault::kBody, source);
  agent.settings_reported(report->settings_version);
  for (const auto& [key, outcome] : report->outcomes) context_.stats.setting(outcome);
  // Before the first rows at the new interval, so that a longer one is not taken for silence.
  if (agent.vm != nullptr) agent.vm->interval_ms = report->interval_ms;
}

// Counted behind the seal, so that nobody else can use up an agent's budget.
bool Shard::is_within_pace(AgentSession& agent) {
  const double fresh = seconds(now_ - agent.budget_at) * kAgentFramesPerS;
  agent.frames_left =
      agent.frames_left < 0 ? kAgentFramesAtOnce : std::min<double>(kAgentFramesAtOnce, agent.frames_left + fresh);
  agent.budget_at = now_;
  if (agent.frames_left >= 1) {
    agent.frames_left -= 1;
    return true;
  }
  context_.stats.frames_dropped_pace.add();
  if (!std::exchange(agent.must_slow_down, true)) queue_ack(agent);
  return false;
}

// Not acknowledged, so that they come again.
void Shard::drop_as_overload(uint64_t rows) {
  context_.stats.drop(RowDrop::kOverload, rows);
  overloaded_ = true;
}

// Makes the frame's dictionary the agent's; false when it is unknown here (the next ack says so) or names no VM.
bool Shard::adopt_dictionary(AgentSession& agent, const RowsBody& rows) {
  if (agent.dictionary && agent.dictionary->id == rows.dictionary_id) return agent.vm != nullptr;
  std::shared_ptr<const KnownDictionary> dictionary;
  if (!rows.dictionary.empty()) {
    auto interned = context_.directory.intern_dictionary(rows.dictionary);
    if (interned && (*interned)->id == rows.dictionary_id) dictionary = *interned;
  } else {
    dictionary = context_.directory.find_dictionary(rows.dictionary_id);
  }
  if (!dictionary) {
    agent.miss_dictionary(rows.dictionary_id);
    return false;
  }
  agent.dictionary = dictionary;
  return adopt_vm(agent, *dictionary);
}

// A sealed agent writes the VM of its key, whatever its labels say; a plain one the VM of its labels.
bool Shard::adopt_vm(AgentSession& agent, const Dictionary& dictionary) {
  VmIdentity claimed{std::string(dictionary.label("nsId")), std::string(dictionary.label("mcisId")),
                     std::string(dictionary.label("vmId"))};
  if (claimed.ns.empty()) claimed.ns = "default";
  if (agent.plain()) {
    if (agent.vm != nullptr && agent.vm->identity == claimed) return true;
    auto vm = context_.directory.intern_vm(claimed);
    agent.vm = vm ? *vm : nullptr;
    return agent.vm != nullptr;
  }
  const VmIdentity& own = agent.record().vm;
  const auto differs = [](const std::string& label, const std::string& is) { return !label.empty() && label != is; };
  if ((!dictionary.label("nsId").empty() && claimed.ns != own.ns) || differs(claimed.mcis, own.mcis) ||
      differs(claimed.vm, own.vm)) {
    context_.stats.labels_forged.add();
  }
  if (agent.vm == nullptr) {
    auto vm = context_.directory.intern_vm(own);
    if (vm) agent.vm = *vm;
  }
  return agent.vm != nullptr;
}

void Shard::note_arrival(AgentSession& agent, const RowsBody& rows, const FrameHeader& header) {
  VmEntry& vm = *agent.vm;
  const int64_t skew_ns = (rows.sent_at_ms - unix_ms(wall_now_)) * 1'000'000;
  // Delay only ever makes a clock look behind, so the largest recent difference is the best; it decays by 1 ms a frame so
  // that a clock that is set back is followed.
  const int64_t before = vm.clock_offset_ns.load(std::memory_order_relaxed);
  const bool first = vm.last_arrival_ns.load(std::memory_order_relaxed) == 0;
  vm.clock_offset_ns = first ? skew_ns : std::max(skew_ns, before - 1'000'000);
  vm.last_arrival_ns = now_.time_since_epoch().count();
  if (rows.spool_id != agent.newest_spool || rows.first_sequence >= agent.newest_sequence) {
    agent.newest_spool = rows.spool_id;
    agent.newest_sequence = rows.first_sequence;
    vm.interval_ms = agent.dictionary->interval_ms;
    vm.dictionary_id = agent.dictionary->id;
  }
  vm.agent_id = header.agent_id;
  vm.agent_shard = options_.index;
}

void Shard::take_rows(AgentSession& agent, const FrameHeader& header, const RowsBody& rows) {
  // First pass: nothing of a malformed frame is taken.
  uint64_t count = 0;
  bool all_wanted = true;
  const Timestamp oldest = wall_now_ - options_.late_window;
  const Timestamp newest = wall_now_ + 10min;
  RowBlockReader reader(rows.row_block);
  while (const auto row = reader.next()) {
    if (!fields_are_valid(row->group, row->fields)) return refuse_datagram(DatagramFault::kBody, *agent.source);
    all_wanted = all_wanted && is_catalogue_group(row->group) && row->time >= oldest && row->time <= newest;
    ++count;
  }
  if (!reader.ok()) return refuse_datagram(DatagramFault::kBody, *agent.source);
  if (rows.request_id != 0) answer_request(rows.request_id, rows, *agent.dictionary);
  if (count == 0) return queue_ack(agent);  // An answer for groups of which the VM has nothing.
  context_.stats.rows_received.add(count);
  const uint64_t first = rows.first_sequence;
  if (agent.is_done(rows.spool_id, first, first + count - 1)) {
    context_.stats.rows_duplicate.add(count);
    return queue_ack(agent);
  }
  if (head_->is_full()) return drop_as_overload(count);
  if (all_wanted) return add_to_batch(agent, header, rows, first, rows.row_block, count);

  // Rare: some rows are refused for good. What lies between them is written run by run, so that sequences stay in step.
  Bytes run;
  uint64_t run_rows = 0;
  uint64_t sequence = first;
  const auto end_run = [&] {
    if (run_rows > 0) add_to_batch(agent, header, rows, sequence - run_rows, run, run_rows);
    run_rows = 0;
  };
  const auto refuse = [&](RowRefusal cause, RefusalCause told) {
    end_run();
    context_.stats.refuse(cause, 1);
    agent.refuse(told, 1);
    (void)agent.done(rows.spool_id, sequence, sequence);
  };
  std::optional<RowBlockWriter> writer;
  RowBlockReader again(rows.row_block);
  for (; const auto row = again.next(); ++sequence) {
    if (!is_catalogue_group(row->group)) {
      refuse(RowRefusal::kUnknownGroup, RefusalCause::kUnknownGroup);
    } else if (row->time < oldest) {
      refuse(RowRefusal::kTooOld, RefusalCause::kTooOld);
    } else if (row->time > newest) {
      refuse(RowRefusal::kFuture, RefusalCause::kFuture);
    } else {
      if (run_rows == 0) {
        run.clear();
        writer.emplace(run, RowBlockWriter::Unit::kMilliseconds, row->time);
      }
      writer->add(row->group, row->device, row->time, row->fields);
      ++run_rows;
    }
  }
  end_run();
  queue_ack(agent);
}

// --- acknowledgements and timers --------------------------------------------------------------------------------------

void Shard::queue_ack(AgentSession& agent) {
  if (agent.ack_queued) return;
  agent.ack_queued = true;
  ack_now_.push_back(&agent);
}

void Shard::send_acks() {
  for (AgentSession* agent : ack_now_) {
    agent->ack_queued = false;
    agent->frames_unacked = 0;
    if (!agent->source || (agent->by_https && !agent->exchange)) continue;  // It asks again, and is told then.
    std::optional<uint32_t> pace;
    if (std::exchange(agent->must_slow_down, false)) pace = kAgentFramesPerS;
    const auto make = [&](Bytes& out) {
      agent->make_ack(cipher_, context_.run, context_.master_key, settings_for(*agent), now_, out, pace);
      context_.stats.acks.add();
    };
    if (agent->exchange) {
      std::vector<Bytes> answer = std::exchange(agent->https_waiting, {});
      make(answer.emplace_back());
      end_exchange(*agent, std::move(answer));
    }
    // Also where an exchange was answered: the agent tries whether UDP gets through again.
    if (!agent->by_https) make(outgoing_.add(*agent->source));
  }
  ack_now_.clear();
  if (!outgoing_.empty()) socket_.send(outgoing_.datagrams());  // A lost ack is told again with the next.
  outgoing_.clear();
}

void Shard::run_timers(MonotonicTime now) {
  while (!ack_later_.empty() && ack_later_.front().first <= now) {
    AgentSession& agent = *ack_later_.front().second;
    ack_later_.pop_front();
    agent.deadline_queued = false;
    if (agent.frames_unacked > 0) queue_ack(agent);
  }
  end_late_exchanges(now);
  if (now < next_head_tick_) return;
  next_head_tick_ = now + kHeadTick;
  head_->tick(now);
  send_requests(now);
}

// --- agents ---------------------------------------------------------------------------------------------------------

void Shard::set_agent(const AgentRecord& record) {
  auto& slot = sealed_agents_[record.agent_id];
  if (!slot) {
    slot = std::make_unique<AgentSession>(record, false);
  } else {
    slot->set_record(record);
    // Its place is free.
    uint64_t writer = record.agent_id;
    if (record.revoked && slot->vm != nullptr) slot->vm->agent_id.compare_exchange_strong(writer, 0);
  }
}

void Shard::restore(const RowsRecord& record, VmEntry& vm, std::shared_ptr<const KnownDictionary> dictionary,
                    LogPosition position) {
  vm.shard = options_.index;
  if (dictionary) vm.dictionary_id = dictionary->id;
  head_->restore(record, vm, dictionary.get(), position);
  if (!record.agent) return;
  const auto& from = *record.agent;
  const auto sealed = sealed_agents_.find(from.agent_id);
  auto& slot = sealed != sealed_agents_.end() ? sealed->second : plain_agents_[from.agent_id];
  if (!slot) slot = std::make_unique<AgentSession>(AgentRecord{from.agent_id, 0, false, {}}, true);
  uint64_t rows = 0;
  RowBlockReader reader(record.row_block);
  while (reader.next()) ++rows;
  slot->restore(from.session, from.packet);
  slot->pass_below(from.spool_id, from.lowest_kept);
  if (rows > 0) (void)slot->done(from.spool_id, from.first_sequence, from.first_sequence + rows - 1);
}

void Shard::restore_agent(uint64_t agent_id, bool plain, ByteView state) {
  auto& agents = plain ? plain_agents_ : sealed_agents_;
  auto& slot = agents[agent_id];
  if (!slot && !plain) return (void)agents.erase(agent_id);  // No longer in the registry.
  if (!slot) slot = std::make_unique<AgentSession>(AgentRecord{agent_id, 0, false, {}}, true);
  if (!slot->restore(state))
    log_warning("receiver", "the saved state of agent {:016x} is damaged; it starts anew", agent_id);
}

std::optional<LogPosition> Shard::oldest_in_flight() const {
  std::optional<LogPosition> oldest;
  if (!in_flight_.empty()) oldest = in_flight_.front();
  if (!waiting_.empty() && (!oldest || waiting_.front().position < *oldest)) oldest = waiting_.front().position;
  return oldest;
}

std::vector<ChunkStore::Metadata> Shard::changed_agents() {
  std::vector<ChunkStore::Metadata> changed;
  for (Agents* agents : {&sealed_agents_, &plain_agents_}) {
    for (auto& [id, agent] : *agents) {
      if (!std::exchange(agent->changed, false)) continue;
      Bytes state;
      agent->encode(state);
      changed.push_back({fmt::format("agent/{}/{:016x}", agent->plain() ? "plain" : "sealed", id), std::move(state)});
    }
  }
  return changed;
}

}  // namespace dragonfly
