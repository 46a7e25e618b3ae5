#include "wiring.h"

#include <condition_variable>
#include <future>
#include <utility>

#include "base/obs/log.h"
#include "data_directory.h"
#include "disk_reserve.h"
#include "policy_parts.h"

namespace dragonfly {
namespace {

constexpr Duration kCheckpointInterval = 30s;
constexpr Duration kRegistryInterval = 1s;
constexpr Duration kOpennessInterval = 1h;  // Between two warnings of what is open.
constexpr Duration kAggregateTimeout = 5s;
constexpr int kSealRoundsMax = 1'000'000;

// Chunks are decoded by as many threads as there are CPUs; a query over many VMs uses them all.
size_t reading_threads() { return std::clamp(std::thread::hardware_concurrency(), 2u, 32u); }

}  // namespace

Result<> Server::open_files() {
  const Path data = settings_.data_dir;
  DF_TRY(system_files().make_directories(data));
  auto lock = DirectoryLock::acquire(data);
  if (!lock) return fail(std::move(lock).error());
  lock_.emplace(std::move(*lock));
  DiskReserve reserve(system_files(), data / "reserve");
  reserve.give();
  auto policies = PolicyStore::open(system_files(), data / "policy", configured_);
  if (!policies) return fail(std::move(policies).error());
  policies_ = std::move(*policies);
  for (const std::string& damage : policies_->damage()) note_damage("policy", damage);
  policy_version_ = policies_->version();
  auto registry = AgentRegistry::open(system_files(), random_, data);
  if (!registry) return fail(std::move(registry).error());
  registry_.emplace(std::move(*registry));
  directory_ = std::make_unique<LiveDirectory>(
      DirectoryLimits{.vms_max = static_cast<size_t>(settings_.vms_max),
                      .measurements_per_namespace_max = static_cast<size_t>(settings_.measurements_per_namespace_max)});
  readers_ = std::make_unique<WorkerPool>("reader", reading_threads(), 4096);
  ChunkDbOptions store_options;
  store_options.directory = data.string();
  store_options.merge.settle = settings_.merge_after;
  auto store = ChunkDb::open(store_options, *readers_, clock_);
  if (!store) return fail(std::move(store).error());
  store_ = std::move(*store);
  store_->set_retention(retention_of(policies_->current()));
  reserve.take();
  LogOptions log_options;
  log_options.directory = data / "log";
  log_options.queue_bytes_max = static_cast<uint64_t>(settings_.log_queue_bytes);
  auto log = Log::open(system_files(), clock_, log_options, log_stats_);
  if (!log) return fail(std::move(log).error());
  log_ = std::move(*log);
  return {};
}

void Server::note_damage(std::string_view module, std::string what) {
  log_warning(module, "{}", what);
  file_damage_.push_back(std::move(what));
}

Result<> Server::open_sockets() {
  const auto cpus = std::max(1u, std::thread::hardware_concurrency());
  const auto count = static_cast<uint32_t>(settings_.shards > 0 ? settings_.shards : cpus);
  auto bind = Endpoint::parse(settings_.udp);
  if (!bind) return fail(std::move(bind).error());
  const Policy policy = policies_->current();
  door_ = std::make_unique<RowsDoor>(*directory_, clock_, receiver_stats_, policy.effective_late_window());
  const uint64_t run = make_session(clock_.wall(), static_cast<uint16_t>(random_.next()));
  std::vector<Shard*> all;
  for (uint32_t i = 0; i < count; ++i) {
    UdpOptions udp{*bind, static_cast<int>(settings_.receive_buffer_bytes), count > 1};
    auto socket = UdpSocket::open(udp);
    if (!socket) return fail(std::move(socket).error());
    *bind = socket->local();  // The first may have chosen the port.
    if (i + 1 == count && count > 1 && !socket->steer_by_agent_id(kFrameVersion, count)) {
      log_warning("server", "the kernel does not steer datagrams; shards hand frames over instead");
    }
    Shard::Context context{
        clock_,
        *log_,
        *directory_,
        receiver_stats_,
        registry_->master_key(),
        run,
        [this] { poll_soon_ = true; },
        [this](std::string datagram, uint64_t source) { door_->take_telegraf(std::move(datagram), source); },
        [this](uint64_t agent_id, uint8_t epoch) { note_used_epoch(agent_id, epoch); }};
    ShardOptions options{i, count, settings_.allow_plaintext, settings_.telegraf, policy.effective_late_window()};
    shards_.push_back(std::make_unique<Shard>(options, std::move(context), std::move(*socket)));
    shards_.back()->set_settings(settings_of(policy), namespace_settings_of(*policies_->all()));
    all.push_back(shards_.back().get());
    HeadOptions head_options;
    head_options.keep = policy.collector_interval;
    head_options.not_stored_max = head_memory(settings_) / count;
    heads_.push_back(std::make_unique<Head>(head_options, *directory_, *store_, *shards_.back(), hub_, head_stats_));
    shards_.back()->set_head(*heads_.back());
  }
  udp_local_ = bind->to_string();
  for (auto& shard : shards_) shard->set_peers(all);
  door_->set_shards(all);
  checkpointer_ = std::make_unique<Checkpointer>(Checkpointer::Parts{all, *directory_, *store_, *log_});
  return {};
}

void Server::restore_record(const LogRecordReader::Record& record, LogPosition position) {
  const auto note = [&](const auto& result) {
    if (result) return;
    ++damaged_records_;
    log_error("recovery", "a log record is not taken: {}", result.error().message);
  };
  switch (record.type) {
    case LogRecordType::kVm: {
      const auto vm = VmRecord::decode(record.payload);
      return vm ? note(directory_->restore_vm(*vm)) : note(vm);
    }
    case LogRecordType::kDictionary: return note(directory_->restore_dictionary(record.payload));
    case LogRecordType::kMeasurement: {
      const auto measurement = MeasurementRecord::decode(record.payload);
      return measurement ? note(directory_->restore_measurement(*measurement)) : note(measurement);
    }
    case LogRecordType::kRows: {
      const auto rows = RowsRecord::decode(record.payload);
      if (!rows) return note(rows);
      VmEntry* vm = directory_->find_vm(rows->vm);
      if (vm == nullptr) {
        return note(
            Result<>(fail(ErrorCode::kCorruption, "rows of the unknown VM {}", static_cast<uint32_t>(rows->vm))));
      }
      Shard& shard =
          rows->agent ? shard_of(rows->agent->agent_id) : *shards_[static_cast<uint32_t>(rows->vm) % shards_.size()];
      Shard& owner = vm->shard < shards_.size() ? *shards_[vm->shard] : shard;
      return owner.restore(*rows, *vm, directory_->find_dictionary(rows->dictionary_id), position);
    }
  }
}

Result<> Server::recover() {
  auto enrolled = registry_->poll();
  if (!enrolled) return fail(std::move(enrolled).error());
  for (const AgentRecord& record : *enrolled) {
    shard_of(record.agent_id).set_agent(record);
    note_agent(record);
  }
  if (auto restored = directory_->restore_from(*store_); !restored)
    log_error("recovery", "{}", restored.error().message);
  for (const bool plain : {false, true}) {
    const std::string prefix = plain ? "agent/plain/" : "agent/sealed/";
    DF_TRY(store_->visit_metadata(prefix, [&](std::string_view key, ByteView state) {
      uint64_t id = 0;
      for (const char c : key.substr(prefix.size()))
        id = id << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      shard_of(id).restore_agent(id, plain, state);
    }));
  }
  auto report = log_->replay(store_->log_begin(),
                             [this](const auto& record, LogPosition position) { restore_record(record, position); });
  if (!report) return fail(std::move(report).error());
  for (const auto& line : report->notes) log_warning("recovery", "{}", line);
  if (report->damaged_bytes > 0)
    file_damage_.push_back(fmt::format("{} acknowledged bytes of the log were damaged and are lost; the log tells where",
                                       report->damaged_bytes));
  if (report->records > 0) log_info("recovery", "read {} records, {} bytes of the log", report->records, report->bytes);
  return {};
}

// The last record of an agent counts.
void Server::note_agent(const AgentRecord& record) {
  if (record.revoked) {
    active_agents_.erase(record.agent_id);
  } else {
    active_agents_.insert(record.agent_id);
  }
  enrolled_ = active_agents_.size();
}

void Server::note_used_epoch(uint64_t agent_id, uint8_t epoch) {
  const std::lock_guard lock(used_mutex_);
  used_epochs_.emplace_back(agent_id, epoch);
  poll_soon_ = true;
}

// What is not written here is noted again when the agent's next session begins.
void Server::keep_used_epochs() {
  std::vector<std::pair<uint64_t, uint8_t>> used;
  {
    const std::lock_guard lock(used_mutex_);
    used.swap(used_epochs_);
  }
  if (!enrolment_) return;
  for (const auto& [agent_id, epoch] : used) {
    if (const auto kept = enrolment_->epoch_used(agent_id, epoch); !kept)
      log_warning("registry", "{}", kept.error().message);
  }
}

void Server::poll_registry() {
  keep_used_epochs();
  auto records = registry_->poll();
  if (!records) return log_warning("registry", "{}", records.error().message);
  for (const AgentRecord& record : *records) {
    Shard& shard = shard_of(record.agent_id);
    if (!shard.post([&shard, record] { shard.set_agent(record); }))
      log_warning("registry", "a shard is too busy for new agents");
    note_agent(record);
  }
}

void Server::follow_policy() {
  const uint64_t version = policies_->version();
  if (version == policy_version_) return;
  const Policy policy = policies_->current();
  for (size_t i = 0; i < shards_.size(); ++i) {
    const auto task = [shard = shards_[i].get(), head = heads_[i].get(), policy,
                       namespaces = namespace_settings_of(*policies_->all())] {
      shard->set_late_window(policy.effective_late_window());
      shard->set_settings(settings_of(policy), namespaces);
      head->set_keep(policy.collector_interval);
    };
    if (!shards_[i]->post(task)) return;  // The next turn tries again.
  }
  door_->set_late_window(policy.effective_late_window());
  store_->set_retention(retention_of(policy));
  policy_version_ = version;
  log_info("policy", "version {} is in force", version);
}

// Received = stored + duplicate + refused + dropped + pending holds between turns, so all shards stand still for a moment.
void Server::write_row_metrics(MetricsText& text) const {
  std::vector<std::unique_lock<std::mutex>> standing;
  for (const auto& shard : shards_) standing.push_back(shard->between_turns());
  receiver_stats_.write(text);
  text.counter("dragonfly_rows_stored_total", "Rows that are durable and readable.", head_stats_.rows_stored);
  text.counter("dragonfly_rows_recovered_total", "Rows read back from the log at the start.",
               head_stats_.rows_recovered);
  text.family("dragonfly_rows_duplicate_total", "counter", "Rows that were there already.");
  text.sample(head_stats_.rows_duplicate.value() + receiver_stats_.rows_duplicate.value());
  text.family("dragonfly_rows_dropped_total", "counter", "Rows not kept, by cause.");
  text.sample(head_stats_.rows_unknown_device.value(), "cause=\"unknown_device\"");
  text.sample(head_stats_.rows_over_series_max.value(), "cause=\"series_limit\"");
  text.gauge("dragonfly_rows_pending", "Rows on their way to the log, and late rows not classed yet.",
             static_cast<double>(receiver_stats_.rows_in_flight.value() + head_stats_.rows_pending.value()));
}

void Server::write_metrics(MetricsText& text) const {
  write_row_metrics(text);
  log_stats_.write(text);
  store_->write_metrics(text);
  backups_->write_metrics(text);
  collectors_->write_metrics(text);
  figures_->write_metrics(text);
  dragonfly::write_metrics(http_->stats(), text);
  text.gauge("dragonfly_agents_enrolled", "Agents whose keys this server knows.",
             static_cast<double>(enrolled_.load()));
  text.gauge("dragonfly_vms", "VMs known.", static_cast<double>(directory_->vm_count()));
  write_process_metrics(text);
}

void Server::warn_of_openness() const {
  if (const std::string open = openness(settings_); !open.empty()) log_warning("access", "{}", open);
}

Result<> Server::open_gate() {
  auto tokens = TokenStore::open(system_files(), random_, clock_, settings_.data_dir);
  if (!tokens) return fail(std::move(tokens).error());
  tokens_ = std::move(*tokens);
  if (const auto lines = tokens_->damaged_lines(); lines > 0)
    note_damage("access", fmt::format("{} lines of secrets/tokens are damaged; their tokens are not valid", lines));
  auto audit = AuditLog::open(system_files(), settings_.data_dir);
  if (!audit) return fail(std::move(audit).error());
  audit_ = std::move(*audit);
  auto enrolment = Enrolment::open(system_files(), random_, clock_, settings_.data_dir);
  if (!enrolment) return fail(std::move(enrolment).error());
  enrolment_ = std::move(*enrolment);
  if (const auto lines = enrolment_->damaged_lines(); lines > 0)
    note_damage("access",
                fmt::format("{} lines of secrets/agent-tokens are damaged; their tokens are not valid", lines));
  auto notes = AgentNotes::open(system_files(), settings_.data_dir);
  if (!notes) return fail(std::move(notes).error());
  notes_ = std::move(*notes);
  if (const auto lines = notes_->damaged_lines(); lines > 0)
    note_damage("registry", fmt::format("{} lines of agents.metadata are damaged; what they said is lost", lines));
  if (const auto lines = registry_->damaged_lines() + (registry_->unfinished_bytes() > 0 ? 1 : 0); lines > 0)
    note_damage("registry", fmt::format("{} lines of registry/agents are damaged; their agents are unknown", lines));
  auto first = first_token(settings_, *tokens_);
  if (!first) return fail(std::move(first).error());
  first_token_ = std::move(*first);
  gate_ = std::make_unique<Gate>(
      *tokens_, clock_, GateOptions{!needs_tokens(settings_), static_cast<double>(settings_.requests_per_second)});
  warn_of_openness();
  return {};
}

EnrolmentPlace Server::enrolment_place() const {
  EnrolmentPlace place;
  place.advertise = settings_.advertise;
  if (const auto udp = Endpoint::parse(udp_local_)) place.udp_port = udp->port();
  if (!tls_) return place;
  place.key_pin = tls_->key_pin();
  auto pem = tls_->authority();
  const auto digest = pem ? digest_of_certificates(*pem) : fail(pem.error());
  if (digest) {
    place.authority = Authority{std::move(*pem), *digest};
  } else {
    place.authority = fail(digest.error());
  }
  return place;
}

Result<> Server::open_api() {
  std::vector<HeadReader::Shard> heads;
  std::vector<WindowReader::Shard> windows;
  std::vector<Shard*> shards;
  for (size_t i = 0; i < shards_.size(); ++i) {
    heads.push_back({shards_[i].get(), heads_[i].get()});
    windows.push_back({shards_[i].get(), heads_[i].get()});
    shards.push_back(shards_[i].get());
  }
  head_reader_ = std::make_unique<HeadReader>(*directory_, std::move(heads), *readers_);
  windows_ = std::make_unique<WindowReader>(*directory_, clock_, std::move(windows));
  reader_ = std::make_unique<MergedReader>(std::vector<SeriesReader*>{store_.get(), head_reader_.get()});
  query_helpers_ = std::make_unique<WorkerPool>("query", reading_threads() - 1, 64);
  questions_ = std::make_unique<Questions>(
      *reader_, clock_, QuestionOptions{.helpers = query_helpers_.get(), .parallel = reading_threads()});
  frames_ = std::make_unique<FrameDoors>(shards);
  agents_ = std::make_unique<AgentLinks>(std::move(shards));
  collectors_ = std::make_unique<CollectorManager>(
      CollectorManager::Parts{*directory_, clock_, [this] { return policies_->all(); },
                              [this](std::span<const std::vector<VmId>> sets, Duration window) {
                                std::vector<Aggregated> out;
                                for (auto& answer : windows_->read(sets, window, kAggregateTimeout))
                                  out.push_back({answer.window, answer.unanswered});
                                return out;
                              }});
  const Path data = settings_.data_dir;
  figures_ = std::make_unique<StorageFigures>(data, clock_);
  figures_->look(head_stats_.rows_stored.value());
  const Path backups = settings_.backup_dir.empty() ? data / "backups" : Path(settings_.backup_dir);
  backups_ = std::make_unique<OnlineBackup>(OnlineBackup::Parts{
      *checkpointer_, *store_, clock_, std::filesystem::absolute(data), std::filesystem::absolute(backups)});
  health_ = std::make_unique<ServerHealth>(overload_, log_stats_, *store_, *directory_, *collectors_, clock_, *figures_,
                                           openness(settings_), file_damage_);
  api_ = std::make_unique<Api>(ApiParts{*directory_,
                                        *reader_,
                                        *questions_,
                                        *agents_,
                                        *frames_,
                                        hub_,
                                        *door_,
                                        metrics_,
                                        *health_,
                                        clock_,
                                        *readers_,
                                        [this] { return policies_->all(); },
                                        backups_.get(),
                                        *tokens_,
                                        *gate_,
                                        *policies_,
                                        *collectors_,
                                        *audit_,
                                        *enrolment_,
                                        [this] { return enrolment_place(); },
                                        [this] { poll_soon_ = true; },
                                        *notes_,
                                        DF_VERSION,
                                        settings_.package_dir,
                                        settings_.cors_origins});
  handlers_ = std::make_unique<WorkerPool>("http-handler", 4, 4096);
  HttpOptions http;
  http.listen = settings_.http;
  http.allowed_hosts = settings_.allowed_hosts;
  http.common_headers = Api::common_headers();
  if (wants_tls(settings_)) {
    auto tls = TlsFiles::open(settings_, clock_);
    if (!tls) return fail(std::move(tls).error());
    tls_ = std::move(*tls);
    http.tls = tls_->identity();
  }
  auto server = HttpServer::start(http, clock_, *handlers_, [this](HttpRequest request, Responder responder) {
    api_->handle(std::move(request), std::move(responder));
  });
  if (!server) return fail(std::move(server).error());
  http_ = std::move(*server);
  if (settings_.legacy_listen.empty()) return {};
  auto legacy = LegacyListener::start(settings_, *api_, clock_, *handlers_);
  if (!legacy) return fail(std::move(legacy).error());
  legacy_ = std::move(*legacy);
  return {};
}

Result<> Server::start() {
  DF_TRY(open_files());
  DF_TRY(open_sockets());
  DF_TRY(recover());
  DF_TRY(open_gate());
  DF_TRY(open_api());
  running_ = true;
  // Without it only the commands that ask a running server do not find this one.
  if (auto told = system_files().replace_file(Path(settings_.data_dir) / kListeningName,
                                              as_bytes(fmt::format("{}\n", listening())));
      !told)
    log_warning("server", "{}", told.error().message);
  log_->start();
  for (auto& shard : shards_) shard->start();
  checkpointer_->start(kCheckpointInterval);
  collectors_->start();
  registration_ = metrics_.add([this](MetricsText& text) { write_metrics(text); });
  registry_thread_ = std::jthread([this](std::stop_token stop) {
    MonotonicTime last = clock_.monotonic(), warned = last;
    std::mutex mutex;
    std::condition_variable_any sleep;
    std::unique_lock lock(mutex);
    while (!sleep.wait_for(lock, stop, 100ms, [&] { return stop.stop_requested(); })) {
      follow_policy();
      const MonotonicTime now = clock_.monotonic();
      overload_.look(now);
      if (!poll_soon_.exchange(false) && now - last < kRegistryInterval) continue;
      last = now;
      poll_registry();
      figures_->look(head_stats_.rows_stored.value());
      if (tls_) tls_->refresh();
      if (now - warned < kOpennessInterval) continue;
      warned = now;
      warn_of_openness();
    }
  });
  return {};
}

Result<> Server::start_offline() {
  DF_TRY(open_files());
  DF_TRY(open_sockets());
  DF_TRY(recover());
  running_ = true;
  log_->start();
  for (auto& shard : shards_) {
    shard->start();
    shard->stop_receiving();
  }
  return {};
}

Result<size_t> Server::merge_everything() {
  DF_TRY(seal_everything());
  DF_TRY(checkpointer_->run_once());
  auto merged = store_->merge_all();
  if (!merged) return merged;
  log_->stop();
  DF_TRY(store_->checkpoint(log_->end()));
  log_->cut(log_->end());
  return merged;
}

Result<> Server::seal_everything() {
  // Every row is older than what a head waits for before it seals.
  const MonotonicTime later = clock_.monotonic() + 1h;
  for (int round = 0; round < kSealRoundsMax; ++round) {
    bool sealed = true;
    for (size_t i = 0; i < shards_.size(); ++i) {
      std::promise<bool> done;
      Head& head = *heads_[i];
      if (!shards_[i]->post([&] {
            head.tick(later);
            done.set_value(!head.oldest_unsealed());
          }))
        return fail(ErrorCode::kUnavailable, "a shard is too busy");
      sealed = done.get_future().get() && sealed;
    }
    if (sealed) return {};
    std::promise<void> pause;
    (void)pause.get_future().wait_for(1ms);  // The store's answers come meanwhile.
  }
  const std::string error = store_->background_error();
  return fail(ErrorCode::kIo, "not all rows could be sealed{}{}", error.empty() ? "" : ": ", error);
}

void Server::stop() {
  if (!std::exchange(running_, false)) return;
  (void)system_files().remove(Path(settings_.data_dir) / kListeningName);
  registration_ = {};
  legacy_.reset();
  http_.reset();                     // Takes nothing more …
  if (handlers_) handlers_->stop();  // … and what runs ends before that which it asks does.
  if (collectors_) collectors_->stop();
  registry_thread_.request_stop();
  if (registry_thread_.joinable()) registry_thread_.join();
  backups_.reset();
  if (checkpointer_) checkpointer_->stop();
  for (auto& shard : shards_) shard->stop_receiving();
  // The shards' last rows are submitted before the log stops: a task that runs after it proves that.
  for (auto& shard : shards_) {
    std::promise<void> done;
    if (shard->post([&done] { done.set_value(); })) done.get_future().wait();
  }
  if (log_) log_->stop();
  for (auto& shard : shards_) shard->join();
  handlers_.reset();  // Agents' answers were still handed to it.
  door_.reset();      // Both have threads that post to shards,
  store_.reset();     // which die before them.
}

}  // namespace dragonfly
