// Server: the one place where the stages of cb-dragonfly meet. Builds everything top to bottom, stops in reverse.
//
// Units      none.
// Ownership  owns every part; parts borrow those above them.
// Threading  start(), stop() and merge_everything(): the owner's thread. The rest: any thread while it runs.
// Errors     of start(): what could not be opened; nothing runs then.
// Limits     none.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "access.h"
#include "base/http/http_server.h"
#include "base/rt/worker_pool.h"
#include "checkpointer.h"
#include "fleet/registry/agent_notes.h"
#include "fleet/registry/enrolment.h"
#include "ingest/receiver/agent_links.h"
#include "ingest/receiver/frame_doors.h"
#include "ingest/receiver/rows_door.h"
#include "legacy_listener.h"
#include "live/head/head_reader.h"
#include "live/head/window_reader.h"
#include "online_backup.h"
#include "options.h"
#include "overload_watch.h"
#include "server_health.h"
#include "storage_figures.h"
#include "surface/api/api.h"
#include "tls_files.h"

namespace dragonfly {

class Server {
 public:
  explicit Server(const ServerOptions& options) : settings_(options.settings), configured_(options.policy) {}
  ~Server() { stop(); }
  Result<> start();
  // Without API, receiving and checkpoints: for what is done to the data alone.
  Result<> start_offline();
  // Puts everything into merged chunks and removes the log. Nothing else runs; only stop() may follow. Returns hours.
  Result<size_t> merge_everything();
  void stop();
  // Reads what was appended to the registry and tells the shards.
  void poll_registry();
  // Tells a changed policy to whoever does not ask for it.
  void follow_policy();
  // Looks at once at the files that may have changed.
  void poll_files_now() { poll_soon_ = true; }
  std::string http_local() const { return http_->local(); }
  std::string listening() const {
    std::string text = fmt::format("listening http={} udp={}", http_->local(), udp_local_);
    if (tls_) text += "\n" + tls_->told();
    if (legacy_) text += "\n" + legacy_->told();
    return text;
  }
  // What is shown here and kept nowhere: the first admin's token, at the first start.
  std::string told_once() const {
    return first_token_.empty() ? "" : fmt::format("token: {} (admin; not shown again)\n", first_token_);
  }

 private:
  Result<> open_files();
  Result<> open_sockets();
  Result<> recover();
  Result<> open_gate();
  EnrolmentPlace enrolment_place() const;
  Result<> open_api();
  Result<> seal_everything();
  void restore_record(const LogRecordReader::Record& record, LogPosition position);
  void note_agent(const AgentRecord& record);
  void note_used_epoch(uint64_t agent_id, uint8_t epoch);
  void keep_used_epochs();
  Shard& shard_of(uint64_t agent_id) { return *shards_[static_cast<uint32_t>(agent_id) % shards_.size()]; }
  void write_metrics(MetricsText& text) const;
  void write_row_metrics(MetricsText& text) const;
  void warn_of_openness() const;
  void note_damage(std::string_view module, std::string what);

  const ServerSettings settings_;
  const Policy configured_;
  SystemClock clock_;
  SystemRandom random_;
  MetricsRegistry metrics_;
  ReceiverStats receiver_stats_;
  OverloadWatch overload_{receiver_stats_};
  HeadStats head_stats_;
  LogStats log_stats_;
  std::optional<DirectoryLock> lock_;
  std::unique_ptr<PolicyStore> policies_;
  uint64_t policy_version_ = 0;  // That is in force in shards, heads and checkpointer.
  std::optional<AgentRegistry> registry_;
  std::unordered_set<uint64_t> active_agents_;
  std::atomic<size_t> enrolled_{0};  // Agents that are not revoked.
  std::unique_ptr<LiveDirectory> directory_;
  std::unique_ptr<WorkerPool> readers_;
  std::unique_ptr<ChunkDb> store_;
  std::unique_ptr<Log> log_;
  StreamHub hub_;
  std::unique_ptr<RowsDoor> door_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Head>> heads_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<OnlineBackup> backups_;
  std::unique_ptr<StorageFigures> figures_;
  std::unique_ptr<HeadReader> head_reader_;
  std::unique_ptr<WindowReader> windows_;
  std::unique_ptr<MergedReader> reader_;
  std::unique_ptr<WorkerPool> query_helpers_;  // Block on what readers_ does, as handlers_ do, and on nothing else.
  std::unique_ptr<Questions> questions_;
  std::unique_ptr<AgentLinks> agents_;
  std::unique_ptr<FrameDoors> frames_;
  std::mutex used_mutex_;  // Of used_epochs_: shards add, the registry's thread takes.
  std::vector<std::pair<uint64_t, uint8_t>> used_epochs_;
  std::unique_ptr<CollectorManager> collectors_;
  std::vector<std::string> file_damage_;  // Met at the start, beside store and log; one sentence each.
  std::unique_ptr<ServerHealth> health_;
  std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<AgentNotes> notes_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Enrolment> enrolment_;
  std::string first_token_;
  std::unique_ptr<Api> api_;
  // Handlers block on what readers_ does, so they have threads of their own.
  std::unique_ptr<WorkerPool> handlers_;
  std::unique_ptr<TlsFiles> tls_;  // Null: HTTP in clear.
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<LegacyListener> legacy_;  // Null: clients of earlier releases ask as all others.
  std::string udp_local_;
  std::atomic<bool> poll_soon_{false};
  std::jthread registry_thread_;
  MetricsRegistry::Registration registration_;
  uint64_t damaged_records_ = 0;
  bool running_ = false;  // The threads are there; stop() has not been called.
};

}  // namespace dragonfly
