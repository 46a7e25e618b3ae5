// Shard: a thread and the VMs whose state it owns. Receives datagrams, authenticates and decodes them, writes their rows to
// the log, hands what is durable to the head, and acknowledges it. It never does file I/O and waits for no lock that is held
// for longer than a look-up.
//
//   socket → open → check rows → batch → CommitLog → (durable) → ShardHead, ack
//
// Units      ns, bytes.
// Ownership  owns socket, sessions and thread; borrows everything in Context, which outlives it.
// Threading  start() and stop(): the owner's thread. post() (Executor): any thread; tasks run on the shard's own.
//            Everything else runs on the shard's thread (or before start()).
// Errors     bad datagrams are counted by cause and change nothing else.
// Limits     kTasksMax waiting tasks; kBatchBytes a log batch; kPlainAgentsMax agents without a key; AgentLink::kRequestsMax open
//            requests; one exchange by HTTPS an agent.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/net/udp_socket.h"
#include "base/obs/log.h"
#include "base/rt/clock.h"
#include "base/rt/executor.h"
#include "base/rt/mailbox.h"
#include "ingest/receiver/fail_budget.h"
#include "ingest/receiver/open_batch.h"
#include "ingest/receiver/receiver_stats.h"
#include "model/flow/agent_link.h"
#include "model/flow/chunk_store.h"
#include "model/flow/head.h"

namespace dragonfly {

struct ShardOptions {
  uint32_t index = 0;
  uint32_t count = 1;
  bool allow_plaintext = false;  // Beyond loopback.
  bool telegraf = true;
  Duration late_window = 26h;
};

// Rows of a dialect that are ready for the log. See also rows_door.h.
struct DialectRows {
  VmEntry* vm;
  std::shared_ptr<const KnownDictionary> dictionary;
  std::shared_ptr<const Measurement> measurement;  // Null for catalogue groups.
  Bytes row_block;
  uint64_t rows;
};

// Of its address, without the port.
uint64_t source_hash(const Endpoint& source);

class Shard final : public Executor {
 public:
  static constexpr size_t kTasksMax = 65'536;
  static constexpr size_t kBatchBytes = 256 * 1024;
  static constexpr size_t kPlainAgentsMax = 500'000;
  // Of one agent; beyond it its frames are dropped and its acks name the pace. Far above a backlog's.
  static constexpr uint32_t kAgentFramesPerS = 1000;
  static constexpr uint32_t kAgentFramesAtOnce = 4000;
  static constexpr Duration kTakeOverAfter = 10min;  // Silence of a VM's agent after which another takes its place.
  static constexpr Duration kRevokedAgain = 10s;     // Between two answers to one revoked agent.

  struct Context {
    const Clock& clock;
    CommitLog& log;
    Directory& directory;
    ReceiverStats& stats;
    const Key256& master_key;
    uint64_t run;                                         // Of this server process, made like a session.
    std::function<void()> unknown_agent;                  // Asks for the registry to be read again; cheap, any thread.
    std::function<void(std::string, uint64_t)> telegraf;  // Takes a telegraf datagram and a number of its source.
    // An agent has used its newest key: the one before is good no more. Cheap.
    std::function<void(uint64_t agent_id, uint8_t epoch)> epoch_used = [](uint64_t, uint8_t) {};
  };
  Shard(const ShardOptions& options, Context context, UdpSocket socket);
  ~Shard() override;

  // Before start(): the head (it needs this executor first), agents, and what the log holds.
  void set_head(ShardHead& head) { head_ = &head; }
  void set_peers(std::vector<Shard*> all_by_index) { peers_ = std::move(all_by_index); }
  void restore(const RowsRecord& record, VmEntry& vm, std::shared_ptr<const KnownDictionary> dictionary,
               LogPosition position);
  void restore_agent(uint64_t agent_id, bool plain, ByteView state);

  void start();
  // Stops receiving, submits what is open; the log must be stopped next, then join().
  void stop_receiving();
  // Handles the last commits and acknowledges them, then ends the thread.
  void join();

  [[nodiscard]] bool post(Task task) override { return tasks_.push(std::move(task)); }
  // Any thread: no turn runs while the lock is held, so that counters are read as they were between two turns. It is the
  // shard's own at all other times; hold it only to copy numbers.
  [[nodiscard]] std::unique_lock<std::mutex> between_turns() { return std::unique_lock(turn_mutex_); }

  // All below: on the shard's thread.
  void set_agent(const AgentRecord& record);
  void take_frame(ByteView datagram, const Endpoint& source);
  // As FrameDoor: of an agent of this shard.
  void take_frames(const AgentFrames& frames, FrameDoor::Done done);
  // Writes them with the next commit, which is hurried; `ticket` gets one finish_part().
  void take_dialect_rows(std::vector<DialectRows> batch, std::shared_ptr<WriteTicket> ticket);
  void sample_now(VmEntry& vm, std::vector<uint32_t> groups, Duration timeout, AgentLink::Done done);
  // Lower bound of what is submitted but not applied; nullopt = nothing.
  std::optional<LogPosition> oldest_in_flight() const;
  // State of each agent that changed since the last call.
  std::vector<ChunkStore::Metadata> changed_agents();
  void set_late_window(Duration late_window) { options_.late_window = late_window; }
  // What agents shall do; each is told with an ack that its next frame makes due. Also before start().
  // `by_namespace`: where they differ.
  using NamespaceSettings = std::map<std::string, AgentSettings, std::less<>>;
  void set_settings(AgentSettings settings, NamespaceSettings by_namespace = {}) {
    settings_ = std::move(settings);
    namespace_settings_ = std::move(by_namespace);
  }
  ShardHead& head() { return *head_; }
  size_t agent_count() const { return sealed_agents_.size() + plain_agents_.size(); }

 private:
  struct Outcome {
    OpenBatch batch;
    Result<Committed> result;
  };
  struct Request {
    uint64_t agent_id;
    AgentSession* agent;
    VmEntry* vm;
    RequestBody body;
    MonotonicTime deadline;
    MonotonicTime next_send;
    int sent;
    AgentLink::Done done;
  };
  // Durable rows on their way to a head on another shard.
  struct Handover {
    Shard* to;
    LogPosition position;
    Task task;
  };
  // Of a fleet each look-up is a wait for memory, so the table is flat.
  using Agents = boost::unordered_flat_map<uint64_t, std::unique_ptr<AgentSession>>;

  void run(std::stop_token stop);
  void wait(MonotonicTime now);
  void receive();
  void look_at_clock();
  void fetch_agents();
  void take_datagram(const ReceiveBatch::Datagram& datagram);
  void refuse_datagram(DatagramFault cause, const Endpoint& source);
  AgentSession* find_sealed(const FrameHeader& header, const Endpoint& source);
  AgentSession* find_plain(const FrameHeader& header, const Endpoint& source);
  void take_opened(AgentSession& agent, const FrameHeader& header, const Endpoint& source);
  bool adopt_dictionary(AgentSession& agent, const RowsBody& rows);
  bool adopt_vm(AgentSession& agent, const Dictionary& dictionary);
  void leave_rows(AgentSession& agent, const RowsBody& rows, RowDrop cause);
  void take_report(AgentSession& agent, const Endpoint& source);
  bool is_within_pace(AgentSession& agent);
  void drop_as_overload(uint64_t rows);
  void note_arrival(AgentSession& agent, const RowsBody& rows, const FrameHeader& header);
  void take_rows(AgentSession& agent, const FrameHeader& header, const RowsBody& rows);
  void add_to_batch(AgentSession& agent, const FrameHeader& header, const RowsBody& rows, uint64_t first,
                    ByteView block, uint64_t count);
  void add_names(const VmEntry& vm, const KnownDictionary* dictionary, const Measurement* measurement);
  void flush();
  void handle_commits();
  void apply(Outcome& outcome);
  void apply_rows(const RowsRef& ref, const Committed& committed);
  void fetch_heads(const std::vector<RowsRef>& rows, size_t at);
  void keep_memory(OpenBatch batch, Bytes records);
  void hand_over(Handover rows);
  void hand_over_waiting();
  void queue_ack(AgentSession& agent);
  void reply(AgentSession& agent, Bytes datagram);
  void end_exchange(AgentSession& agent, Result<std::vector<Bytes>> answer);
  void end_exchanges_of(const OpenBatch& batch, const Error& error);
  void end_late_exchanges(MonotonicTime now);
  void answer_revoked(AgentSession& agent, const FrameHeader& header, ByteView datagram, const Endpoint& source);
  void note_session(AgentSession& agent, const Endpoint& source);
  bool is_other_agent_heard(AgentSession& agent);
  void send_acks();
  void run_timers(MonotonicTime now);
  void end_requests();
  void answer_request(uint64_t request_id, const RowsBody& rows, const Dictionary& dictionary);
  void send_requests(MonotonicTime now);

  ShardOptions options_;
  const Context context_;
  const AgentSettings& settings_for(const AgentSession& agent) const;
  AgentSettings settings_;
  NamespaceSettings namespace_settings_;
  UdpSocket socket_;
  ShardHead* head_ = nullptr;
  std::vector<Shard*> peers_;
  Aes256Gcm cipher_;
  ReceiveBatch received_;
  Bytes body_;  // Of the frame at hand.
  Agents sealed_agents_;
  Agents plain_agents_;
  FailBudget fail_budget_;
  RateLimit bad_datagram_line_{10s};
  RateLimit duplicate_line_{60s};

  // As of the turn's beginning, or of the datagrams at hand: asking for each frame would cost a good part of a frame.
  MonotonicTime now_{};
  Timestamp wall_now_{};

  OpenBatch batch_;
  std::vector<OpenBatch> spare_batches_;  // Empty; for their memory.
  std::deque<LogPosition> in_flight_;
  // What found a peer's mailbox full, oldest first. It is acknowledged, so it waits; meanwhile nothing is received.
  std::deque<Handover> waiting_;
  Mailbox<Outcome> commits_;
  Mailbox<Task> tasks_;
  std::vector<Outcome> outcomes_;
  std::vector<Task> running_;

  bool by_https_ = false;                // The frames at hand came so.
  bool overloaded_ = false;              // Of those some were not taken.
  std::deque<AgentSession*> exchanges_;  // That are open, oldest first.
  std::vector<AgentSession*> ack_now_;
  std::deque<std::pair<MonotonicTime, AgentSession*>> ack_later_;
  OutgoingBatch outgoing_;
  std::unordered_map<uint64_t, Request> requests_;
  uint64_t next_request_id_ = 1;
  MonotonicTime next_head_tick_{};
  MonotonicTime receive_at_{};  // Until then the socket is not looked at.
  size_t received_since_rest_ = 0;
  bool lost_since_rest_ = false;
  bool receiving_ = true;
  std::mutex turn_mutex_;
  std::jthread thread_;
};

}  // namespace dragonfly
