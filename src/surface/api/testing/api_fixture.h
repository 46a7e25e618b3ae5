// For tests: an Api over fakes that hold real rows, asked without a socket.
//
// Units      times as base/core/time.h; the clock stands at 2026-01-01T00:10:00Z.
// Ownership  the fixture owns all.
// Threading  one thread; what is posted runs in ask() and run().
// Errors     none.
// Limits     none.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "surface/api/api.h"

namespace dragonfly {

class FakeDirectory final : public Directory {
 public:
  Result<VmEntry*> intern_vm(const VmIdentity& identity) override {
    if (VmEntry* found = find_vm(identity)) return found;
    return &entries_.emplace_back(VmId{static_cast<uint32_t>(entries_.size() + 1)}, identity);
  }
  VmEntry* find_vm(const VmIdentity& identity) override {
    for (VmEntry& entry : entries_) {
      if (entry.identity == identity) return &entry;
    }
    return nullptr;
  }
  VmEntry* find_vm(VmId id) override { return &entries_.at(static_cast<size_t>(id) - 1); }
  std::vector<VmEntry*> find_in_any_namespace(std::string_view mcis, std::string_view vm) override {
    std::vector<VmEntry*> out;
    for (VmEntry* entry : vms()) {
      if (entry->identity.mcis == mcis && entry->identity.vm == vm) out.push_back(entry);
    }
    return out;
  }
  std::vector<VmEntry*> vms_from(size_t known) override {
    std::vector<VmEntry*> out;
    for (size_t i = known; i < entries_.size(); ++i) out.push_back(&entries_[i]);
    return out;
  }
  std::vector<VmEntry*> vms() override {
    std::map<VmIdentity, VmEntry*> sorted;
    for (VmEntry& entry : entries_) sorted[entry.identity] = &entry;
    std::vector<VmEntry*> out;
    for (const auto& [identity, entry] : sorted) out.push_back(entry);
    return out;
  }
  Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView) override {
    return fail(ErrorCode::kUnsupported, "tests label VMs by label()");
  }
  std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId id) override {
    const auto found = dictionaries_.find(id);
    return found == dictionaries_.end() ? nullptr : found->second;
  }
  Result<std::shared_ptr<const Measurement>> intern_measurement(
      std::string_view ns, std::string_view name, const std::vector<MeasurementRecord::Field>& fields) override {
    const auto group = GroupId{static_cast<uint32_t>(kFirstCustomGroup + measurements_.size())};
    const auto made = std::make_shared<Measurement>();
    static_cast<MeasurementRecord&>(*made) = {group, std::string(ns), std::string(name), fields};
    measurements_.push_back(made);
    return std::shared_ptr<const Measurement>(made);
  }
  std::shared_ptr<const Measurement> find_measurement(std::string_view ns, std::string_view name) override {
    for (const auto& one : measurements_) {
      if (one->ns == ns && one->name == name) return one;
    }
    return nullptr;
  }
  std::shared_ptr<const Measurement> find_measurement(GroupId group) override {
    for (const auto& one : measurements_) {
      if (one->group == group) return one;
    }
    return nullptr;
  }
  // Labels of a VM, without an encoding.
  void label(VmEntry& vm, std::map<std::string, std::string> labels) {
    auto dictionary = std::make_shared<KnownDictionary>();
    dictionary->labels = std::move(labels);
    const DictionaryId id = dictionaries_.size() + 1;
    dictionaries_[id] = std::move(dictionary);
    vm.dictionary_id = id;
  }

 private:
  std::deque<VmEntry> entries_;
  std::map<DictionaryId, std::shared_ptr<const KnownDictionary>> dictionaries_;
  std::vector<std::shared_ptr<const Measurement>> measurements_;
};

class FakeReader final : public SeriesReader {
 public:
  void read(ReadRequest request, Done done) override {
    if (failure) return done(fail(*failure));
    ReadAnswer answer;
    for (const auto& [key, rows] : series) {
      const auto& [vm, group, device] = key;
      const bool wanted_vm = std::find(request.vms.begin(), request.vms.end(), vm) != request.vms.end();
      bool wanted_device = device.empty();
      if (request.devices == ReadRequest::Devices::kAll) wanted_device = true;
      if (request.devices == ReadRequest::Devices::kNamed) {
        wanted_device =
            std::find(request.device_names.begin(), request.device_names.end(), device) != request.device_names.end();
      }
      if (!wanted_vm || group != request.group || !wanted_device) continue;
      SeriesRows out{vm, device, rows};
      if (!request.fields.empty()) out.rows.select(request.fields);
      out.rows.keep_with_previous(request.range, request.previous_within);
      if (!out.rows.empty()) answer.series.push_back(std::move(out));
    }
    done(std::move(answer));
  }
  std::map<std::tuple<VmId, GroupId, std::string>, ColumnSet> series;
  std::optional<Error> failure;
};

class FakeAgents final : public AgentLink {
 public:
  void sample_now(VmEntry& vm, std::vector<uint32_t> groups, Duration timeout, Done done) override {
    asked = vm.identity;
    asked_groups = std::move(groups);
    asked_timeout = timeout;
    done(answer);
  }
  VmIdentity asked;
  std::vector<uint32_t> asked_groups;
  Duration asked_timeout{0};
  Result<std::vector<SampledRow>> answer;
};

class FakeFrames final : public FrameDoor {
 public:
  void take_frames(AgentFrames frames, Done done) override {
    taken = std::move(frames);
    done(answer);
  }
  AgentFrames taken;
  Result<std::vector<Bytes>> answer;
};

class FakeFeed final : public RowFeed {
 public:
  struct Watched final : Subscription {
    explicit Watched(FakeFeed& the_feed) : feed(the_feed) {}
    ~Watched() override { feed.listener = nullptr; }
    FakeFeed& feed;
  };
  Result<std::unique_ptr<Subscription>> subscribe(RowFilter asked, Listener given) override {
    if (full) return fail(ErrorCode::kResourceExhausted, "more than 256 streams");
    filter = std::move(asked);
    listener = std::move(given);
    return std::make_unique<Watched>(*this);
  }
  RowFilter filter;
  Listener listener;
  bool full = false;
};

class FakeDoor final : public RowDoor {
 public:
  void write_lines(Lines lines, Done done) override {
    body = std::move(lines.body);
    precision = lines.precision;
    db = std::move(lines.db);
    exact = lines.exact;
    namespaces = std::move(lines.namespaces);
    done(outcome);
  }
  std::string body;
  std::string db = "not asked";
  Precision precision{};
  bool exact = false;
  std::vector<std::string> namespaces;
  Result<WriteOutcome> outcome;
};

class FakeHealth final : public HealthSource {
 public:
  std::vector<ModuleHealth> health() const override { return modules; }
  std::vector<ModuleHealth> modules;
};

class FakeBackups final : public BackupDoor {
 public:
  Result<BackupStatus> start(std::string name) override {
    asked = name;
    if (failure) return fail(*failure);
    now = {BackupStatus::State::kRunning, std::move(name), "/backups", 0, 0, {}};
    return now;
  }
  BackupStatus status() const override { return now; }
  Result<std::vector<std::string>> names() const override { return std::vector<std::string>{"a", "b"}; }
  std::string asked = "not asked";
  BackupStatus now;
  std::optional<Error> failure;
};

// Runs what was posted when it is told.
class ManualExecutor final : public Executor {
 public:
  [[nodiscard]] bool post(Task task) override {
    tasks_.push_back(std::move(task));
    return true;
  }
  void run() {
    while (!tasks_.empty()) {
      const Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }

 private:
  std::deque<Task> tasks_;
};

class FakeStream final : public HttpStream {
 public:
  Write write(std::string chunk) override {
    text += chunk;
    return Write::kTaken;
  }
  void on_close(std::function<void()> given) override { closed = std::move(given); }
  void close() override {}
  std::string text;
  std::function<void()> closed;
};

class FakeExchange final : public HttpExchange {
 public:
  FakeExchange(std::shared_ptr<HttpResponse> response, std::shared_ptr<FakeStream> stream, int& answers)
      : response_(std::move(response)), stream_(std::move(stream)), answers_(answers) {}
  void answer(HttpResponse response) override {
    ++answers_;
    *response_ = std::move(response);
  }
  std::shared_ptr<HttpStream> start_stream(HttpResponse head, HttpStreamOptions) override {
    ++answers_;
    *response_ = std::move(head);
    return stream_;
  }
  // All of it; one that breaks off ends in "BROKEN: " and why.
  void answer_in_pieces(HttpResponse begin, std::unique_ptr<HttpBody> rest) override {
    begin.headers.emplace_back("Transfer-Encoding", "chunked");
    for (bool more = true; more;) {
      const auto next = rest->next(begin.body);
      if (!next) begin.body += "BROKEN: " + next.error().message;
      more = next && *next;
    }
    answer(std::move(begin));
  }

 private:
  std::shared_ptr<HttpResponse> response_;
  std::shared_ptr<FakeStream> stream_;
  int& answers_;
};

class ApiFixture : public testing::Test {
 protected:
  // A stream ends before its server does, and tells so once: who listens to it lives until then.
  explicit ApiFixture(GateOptions options = {}) : gate_options(options) {}
  ~ApiFixture() override {
    end_stream();
    std::filesystem::remove_all(folder);
  }
  static Path make_folder() {
    char name[] = "/tmp/df_api_XXXXXX";
    return mkdtemp(name);
  }
  void end_stream() {
    const auto closed = stream ? std::exchange(stream->closed, nullptr) : nullptr;
    if (closed) closed();
  }
  static Timestamp at(std::string_view rfc3339) { return parse_rfc3339(rfc3339).value(); }

  VmEntry& vm(const std::string& ns, const std::string& mcis, const std::string& id) {
    VmEntry& entry = **directory.intern_vm({ns, mcis, id});
    entry.interval_ms = 2000;
    entry.last_arrival_ns = clock.monotonic().time_since_epoch().count();
    entry.last_row_ns = unix_ns(clock.wall());
    return entry;
  }
  // Appends a row; `values` by metric name.
  void row(const VmEntry& entry, GroupId group, Timestamp time, std::map<std::string, double> values, uint64_t boot = 1,
           const std::string& device = {}) {
    auto [found, made] = reader.series.try_emplace({entry.id, group, device});
    if (made) found->second = ColumnSet::for_group(group);
    ASSERT_TRUE(found->second.append_row(time, boot, fields(group, values)));
    found->second.sort_and_merge();
  }
  static Bytes fields(GroupId group, const std::map<std::string, double>& values) {
    Row one;
    one.reset(group, Timestamp{}, metrics_of(group).size());
    for (const auto& [name, value] : values) {
      const Metric* metric = find_metric(group, name);
      one.values.at(metric->field) = convert(Value::of(value), metric->type);
    }
    Bytes out;
    ByteWriter writer(out);
    encode_fields(writer, one.values);
    return out;
  }

  HttpResponse ask(const std::string& target, NamedValues headers = {}, const std::string& method = "GET",
                   std::string body = {}) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    Target parsed = parse_target(target).value();
    request.path = std::move(parsed.path);
    request.query = std::move(parsed.query);
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.remote = "192.0.2.1:5000";
    const auto response = std::make_shared<HttpResponse>();
    end_stream();
    stream = std::make_shared<FakeStream>();
    int answers = 0;
    api.handle(std::move(request), Responder(std::make_shared<FakeExchange>(response, stream, answers)));
    workers.run();
    EXPECT_EQ(answers, 1) << target;
    return *response;
  }
  int status(const std::string& target) { return ask(target).status; }
  std::string body(const std::string& target) {
    const HttpResponse response = ask(target);
    EXPECT_EQ(response.status, 200) << response.body;
    return response.body;
  }
  // "400 message"
  std::string refusal(const std::string& target) {
    const HttpResponse response = ask(target);
    return std::to_string(response.status) + " " + response.body;
  }
  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return {};
  }

  const GateOptions gate_options;
  ManualClock clock{at("2026-01-01T00:10:00Z")};
  FakeDirectory directory;
  FakeReader reader;
  Questions questions{reader, clock};
  FakeAgents agents;
  FakeFrames frames;
  FakeFeed feed;
  FakeDoor door;
  MetricsRegistry metrics;
  FakeHealth health;
  FakeBackups backups;
  ManualExecutor workers;
  Policy policy;
  const Path folder = make_folder();
  std::unique_ptr<PolicyStore> policies = PolicyStore::open(system_files(), folder / "policy", policy).value();
  // The server's as tests set it, namespaces' as the store has them.
  std::shared_ptr<const PolicySet> policy_set() const {
    auto out = std::make_shared<PolicySet>(*policies->all());
    out->server = policy;
    return out;
  }
  CollectorManager collectors{{directory, clock, [this] { return policy_set(); },
                               [](std::span<const std::vector<VmId>> sets, Duration) {
                                 std::vector<Aggregated> out;
                                 for (const auto& vms : sets) {
                                   Aggregated& one = out.emplace_back();
                                   one.window.rows = vms.size();
                                   one.window.metrics[0] = {2, 30, 5, 20, 22};
                                 }
                                 return out;
                               }}};
  std::shared_ptr<FakeStream> stream;
  SystemRandom random;
  std::unique_ptr<TokenStore> tokens = TokenStore::open(system_files(), random, clock, folder).value();
  std::unique_ptr<AuditLog> audit = AuditLog::open(system_files(), folder).value();
  std::unique_ptr<Enrolment> enrolment = Enrolment::open(system_files(), random, clock, folder).value();
  EnrolmentPlace place{{}, {}, {}, 8094};
  int agents_changes = 0;
  std::unique_ptr<AgentNotes> notes = AgentNotes::open(system_files(), folder).value();
  Gate gate{*tokens, clock, gate_options};
  Api api{ApiParts{directory,
                   reader,
                   questions,
                   agents,
                   frames,
                   feed,
                   door,
                   metrics,
                   health,
                   clock,
                   workers,
                   [this] { return policy_set(); },
                   &backups,
                   *tokens,
                   gate,
                   *policies,
                   collectors,
                   *audit,
                   *enrolment,
                   [this] { return place; },
                   [this] { ++agents_changes; },
                   *notes,
                   "1.2.3",
                   (folder / "packages").string(),
                   {"https://grafana.example"}}};
};

}  // namespace dragonfly
