#include "edge/agent/agent.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "base/core/assert.h"
#include "edge/agent/machine.h"
#include "edge/agent/sample_json.h"

namespace dragonfly {
namespace {
constexpr std::string_view kModule = "agent";
constexpr size_t kAckBytesMax = 2048;  // A server's datagrams are frames.
// What a spool holds need not stay in memory; rows of minutes do, so that a short outage costs no reading.
constexpr size_t kMemoryBesideSpool = 256 << 10;
constexpr size_t kGoodbyeFrames = 64;   // In each of its steps of 50 ms at most.
constexpr Duration kCloudWait = 500ms;  // While the cloud is asked.
constexpr Duration kWaitMax = 5s;       // The server's name and the wall clock are looked at so often.
}  // namespace

Agent::Agent(const AgentOptions& options, AgentIdentity identity, const Clock& clock, FileSystem& files)
    : options_(options),
      identity_(std::move(identity)),
      clock_(clock),
      probes_(ProbeOptions{.root = options.root}),
      schedule_(identity_.agent_id, options.interval),
      server_(server_of(options, identity_), clock.monotonic()),
      cloud_(options.metadata, options.root),
      files_(files),
      batch_(kAckBytesMax) {}

Result<std::unique_ptr<Agent>> Agent::start(const AgentOptions& options, std::span<const AgentKey> keys,
                                            const std::string& hostname, const Clock& clock, Random& random,
                                            FileSystem& files) {
  auto identity = make_identity(options, keys, hostname);
  if (!identity) return fail(identity.error());
  std::unique_ptr<Agent> agent(new Agent(options, *identity, clock, files));
  agent->host_ = {hostname, std::string(agent->probes_.os_type()), agent->probes_.boot_id(), {}};
  auto dictionary = make_dictionary(options, *identity, agent->host_);
  if (!dictionary) return fail(dictionary.error());
  if (options.once) return agent;
  DF_TRY(check_machine(agent->identity_, read_machine(files, options.root, {})));
  DF_TRY(agent->check_server());
  DF_TRY(agent->open_spool(random, files));
  agent->settings_.emplace(files, agent->settings_path());
  agent->settings_->load(agent->options_);
  agent->schedule_.set_interval(agent->options_.interval, clock.wall());
  dictionary->interval_ms = whole_ms(agent->options_.interval);
  DF_TRY(agent->open_socket());
  agent->open_uplink(random);
  DatagramSink& sink = *agent;
  RowBufferLimits limits;
  if (agent->spool_) limits.bytes_max = kMemoryBesideSpool;
  agent->association_.emplace(agent->identity_, *dictionary, limits, random, sink, agent->spool_.get(), agent->now());
  return agent;
}

Result<> Agent::check_server() const {
  if (identity_.key || !server_.endpoint() || server_.endpoint()->is_loopback()) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      "--server {} is not a loopback address, and without --key frames would cross the network in clear; give a "
      "key file (by `cb-agent enroll`, or made on the server by `cb-dragonfly agent-key new`)",
      server_.text());
}

// Nobody who did not ask for a spool is kept from starting by it; who did is, but for a full disk.
Result<> Agent::open_spool(Random& random, FileSystem& files) {
  const bool named = options_.spool_dir.has_value();
  const Path directory = options_.spool_dir.value_or(std::string(kSpoolDirDefault));
  if (directory == kNoSpool || (!named && !files.list(directory))) return {};
  auto opened = RowSpool::open(files, directory, identity_.agent_id, {options_.spool_bytes_max, options_.spool_age_max},
                               random, clock_.wall());
  if (opened) {
    spool_ = std::move(*opened);
    open_status();
    return {};
  }
  if (named && opened.error().code != ErrorCode::kNoSpace) {
    return fail(opened.error().code, "--spool-dir: {}", opened.error().message);
  }
  log_warning(kModule, "no spool: {}; rows wait in memory only and a restart loses them", opened.error().message);
  return {};
}

// Beside the spool, else beside the key; agents that share a file of keys do not share this one.
Path Agent::settings_path() const {
  if (spool_) return spool_->directory() / "settings";
  if (!identity_.key) return {};
  return fmt::format("{}.{:016x}.settings", options_.key_file, identity_.agent_id);
}

void Agent::open_status() {
  auto opened = StatusSocket::open(spool_->directory());
  if (opened) {
    status_socket_.emplace(std::move(*opened));
  } else {
    log_warning(kModule, "`cb-agent status` will not answer: {}", opened.error().message);
  }
}

Result<> Agent::open_socket() {
  if (!server_.endpoint()) {
    log_warning(kModule, "{}; rows wait in memory", server_.error());
    return {};
  }
  if (socket_ && socket_is_ipv6_ == server_.endpoint()->is_ipv6()) return {};
  const auto any = Endpoint::parse(server_.endpoint()->is_ipv6() ? "[::]:0" : "0.0.0.0:0");
  DF_ASSERT(any.has_value());
  auto opened = UdpSocket::open(UdpOptions{.bind = *any});
  if (!opened) return fail(opened.error());
  socket_.emplace(std::move(*opened));
  socket_is_ipv6_ = server_.endpoint()->is_ipv6();
  return {};
}

// Only who enrolled knows where the API is, and whom to believe there.
void Agent::open_uplink(Random& random) {
  if (!identity_.enrolment || !identity_.key) return;
  auto url = parse_server_url(identity_.enrolment->url);
  const bool usable = url && (url->tls ? !identity_.enrolment->authorities.empty() : url->is_loopback());
  if (usable)
    uplink_ = std::make_unique<HttpsUplink>(HttpsOptions{*url, identity_.enrolment->authorities}, clock_, random);
}

void Agent::send(ByteView datagram) {
  if (transport_.by_https() && !tries_udp_) return uplink_->add(datagram);
  if (socket_) socket_->send(*server_.endpoint(), datagram);
}

uint64_t Agent::run(int stop_descriptor) {
  log_info(kModule, "vm {}/{}/{}, agent id {:016x}, every {} to {}{}", identity_.ns, identity_.mcis, identity_.vm,
           identity_.agent_id, format_duration(options_.interval), server_.text(),
           identity_.key ? "" : ", plain (no --key)");
  if (spool_) {
    log_info(kModule, "spool {}: {} rows of before wait", spool_->directory().native(), spool_->rows_waiting());
  }
  const Moment start = now();
  probes_.collect(start.wall, start.monotonic, false, rows_);  // What the first CPU shares are measured from.
  first_tick_ = start.monotonic + kFirstTickAfter;
  while (ended_because_.empty() && wait(until_next(), stop_descriptor)) {
    receive();
    follow_standing();
    follow_key();
    follow_settings();
    answer_requests();
    tick_if_due();
    association_->timer(now());
    follow_transport();
    follow_server();
    follow_cloud();
    report();
  }
  if (!ended_because_.empty()) {
    log_error(kModule, "{}", ended_because_);
    if (spool_) spool_->close(association_->lowest_kept());
    return association_->rows_waiting();
  }
  return say_goodbye();
}

void Agent::tick_if_due() {
  const Moment at = now();
  if (ticks_ == 0 && at.monotonic < first_tick_) return;
  const std::optional<Timestamp> time = ticks_ == 0 ? schedule_.first(at.wall) : schedule_.due(at.wall);
  if (!time) return;
  probes_.collect(*time, at.monotonic, ticks_ % kDeviceTicks == 0, rows_);
  ++ticks_;
  association_->tick(rows_, probes_.devices(), now());
}

void Agent::answer_requests() {
  while (const auto request = association_->next_request()) {
    const Moment at = now();
    probes_.peek(from_unix_ms(unix_ms(at.wall)), at.monotonic, rows_);
    const auto not_asked = [&](const Row& row) {
      const auto& groups = request->groups;
      return !groups.empty() &&
             std::find(groups.begin(), groups.end(), static_cast<uint32_t>(row.group)) == groups.end();
    };
    std::erase_if(rows_, not_asked);
    association_->answer(request->id, rows_, now());
  }
}

void Agent::receive() {
  if (uplink_) {
    for (const Bytes& datagram : uplink_->take()) association_->received(datagram, now());
  }
  if (!socket_ || !readable_) return;
  // A bounded number of batches, so that a flood cannot hold back the ticks.
  for (int batches = 0; batches < 4 && socket_->receive(batch_) > 0; ++batches) {
    for (size_t i = 0; i < batch_.size(); ++i) {
      const auto datagram = batch_[i];
      if (datagram.truncated) continue;
      // Sealed datagrams prove where they are from; a plain one has only its source.
      const bool plausible = datagram.source->is_loopback() && datagram.source->port() == server_.endpoint()->port();
      if (!identity_.key && !plausible) continue;
      if (!association_->received(datagram.payload, now())) continue;
      if (transport_.answered_by_udp()) log_info(kModule, "UDP gets through again; frames go by UDP");
    }
  }
}

void Agent::follow_server() {
  const Moment at = now();
  if (!server_.update(association_->silent(at.monotonic), at.monotonic)) return;
  log_info(kModule, "{} is now {}", server_.text(), server_.endpoint()->to_string());
  Result<> usable = check_server();
  if (usable) usable = open_socket();
  if (!usable) {
    log_error(kModule, "{}; nothing is sent", usable.error().message);
    socket_.reset();
  }
}

void Agent::follow_cloud() {
  const auto place = cloud_.update(clock_.monotonic());
  if (!place) return;
  host_.place = *place;
  if (const auto same = check_machine(identity_, read_machine(files_, options_.root, place->instance_id)); !same) {
    return end(same.error().message);
  }
  const auto dictionary = make_dictionary(options_, identity_, host_);
  if (!dictionary) {
    host_.place = {};
    return log_warning(kModule, "the cloud's names are left out: {}", dictionary.error().message);
  }
  association_->set_dictionary(*dictionary);
  log_info(kModule, "this is instance {} ({}) at {}, region {}, zone {}", place->instance_id, place->instance_type,
           place->csp, place->region, place->zone);
}

void Agent::end(std::string reason) { ended_because_ = std::move(reason); }

void Agent::follow_standing() {
  if (association_->standing() != AgentStanding::kRevoked) return;
  end(fmt::format(
      "the server has revoked this agent ({:016x} of {}/{}/{}): nothing is sent any more. `cb-agent enroll` gives "
      "this machine a new key",
      identity_.agent_id, identity_.ns, identity_.mcis, identity_.vm));
}

// First kept, then used: whoever stops in between goes on with the one that is in the file.
void Agent::follow_key() {
  auto next = association_->next_key();
  if (!next) return;
  const auto kept = keep_next_key(files_, options_.key_file, identity_.agent_id, *next);
  const std::string trouble = kept ? std::string() : kept.error().message;
  if (kept) {
    association_->use_key(*next, now());
    log_info(kModule, "the server gave a newer key, epoch {}; it is in {}", next->epoch, options_.key_file);
  } else if (trouble != key_trouble_) {
    log_error(kModule, "the newer key that the server gave cannot be kept, and so is not used: {}", trouble);
  }
  key_trouble_ = trouble;
  wipe(next->key);
}

void Agent::follow_transport() {
  if (!uplink_) return;
  const MonotonicTime at = now().monotonic;
  if (transport_.update(association_->unanswered_since(), at)) {
    log_warning(kModule, "no answer by UDP from {} for {}; frames go to {} by HTTPS", server_.text(),
                format_duration(TransportChoice::kGivenUpAfter), identity_.enrolment->url);
    association_->ask(now());
  }
  if (transport_.is_try_due(at)) {
    tries_udp_ = true;
    association_->ask(now());
    tries_udp_ = false;
  }
  uplink_->flush();
}

void Agent::follow_settings() {
  while (const auto told = association_->next_settings()) {
    const Duration before = options_.interval;
    const ReportBody report = settings_->take(*told, options_);
    if (options_.interval != before) set_interval();
    association_->report(report, now());
  }
}

void Agent::set_interval() {
  log_info(kModule, "the server says: every {}", format_duration(options_.interval));
  schedule_.set_interval(options_.interval, clock_.wall());
  const auto dictionary = make_dictionary(options_, identity_, host_);
  DF_ASSERT(dictionary.has_value());  // Names that do not fit were refused, whatever the interval.
  association_->set_dictionary(*dictionary);
}

void Agent::report() {
  const Moment at = now();
  const bool silent = association_->silent(at.monotonic);
  if (!silent && !answered_) {
    answered_ = true;
    log_info(kModule, "the server {} answers; {} rows wait", server_.text(), association_->rows_waiting());
    return;
  }
  const auto since = association_->unanswered_since();
  if (!silent || !since || at.monotonic - *since < Association::kSilentAfter) return;
  answered_ = false;
  if (uint64_t held_back = 0; silence_line_.allow(at.monotonic, held_back)) {
    log_warning(kModule, "no answer from the server {} for {:.0f} s; {} rows are kept{}{}", server_.text(),
                seconds(at.monotonic - *since), association_->rows_waiting(), server_.error().empty() ? "" : "; ",
                server_.error());
  }
}

Duration Agent::until_next() const {
  const Moment at = now();
  const Duration tick = ticks_ == 0 ? first_tick_ - at.monotonic : schedule_.until_next(at.wall);
  const MonotonicTime timer = association_->next_timer(at.monotonic);
  Duration out = std::min(tick, cloud_.running() ? kCloudWait : kWaitMax);
  if (timer - at.monotonic < out) out = timer - at.monotonic;
  return std::max(out, Duration(0));
}

// False when it is time to stop.
bool Agent::wait(Duration at_most, int stop_descriptor) {
  pollfd waited[4] = {{stop_descriptor, POLLIN, 0},
                      {socket_ ? socket_->descriptor() : -1, POLLIN, 0},
                      {status_socket_ ? status_socket_->descriptor() : -1, POLLIN, 0},
                      {uplink_ ? uplink_->descriptor() : -1, POLLIN, 0}};
  const timespec timeout{static_cast<time_t>(at_most.count() / 1'000'000'000),
                         static_cast<long>(at_most.count() % 1'000'000'000)};
  const int ready = ppoll(waited, std::size(waited), &timeout, nullptr);
  if (ready < 0 && errno != EINTR) die_of_environment("ppoll failed");
  readable_ = ready > 0 && waited[1].revents != 0;
  if (ready > 0 && waited[2].revents != 0) status_socket_->answer([this] { return status(); });
  return ready <= 0 || waited[0].revents == 0;
}

uint64_t Agent::say_goodbye() {
  const MonotonicTime until = now().monotonic + kGoodbye;
  while (!association_->buffer().empty() && socket_) {
    const Moment at = now();
    if (at.monotonic >= until) break;
    association_->flush(kGoodbyeFrames, at);
    if (uplink_) uplink_->flush();
    wait(std::min<Duration>(until - at.monotonic, 50ms), -1);
    receive();
  }
  if (spool_) spool_->close(association_->lowest_kept());
  const uint64_t left = association_->rows_waiting();
  const AssociationStats& stats = association_->stats();
  log_info(kModule, "stopped: {} rows acknowledged, {} dropped, {} left unacknowledged{}", stats.rows_acked,
           association_->rows_dropped(), left, spool_ && left > 0 ? ", kept in the spool" : "");
  return left;
}

std::string Agent::sample_once() {
  Moment at = now();
  probes_.collect(at.wall, at.monotonic, false, rows_);
  wait(200ms, -1);
  at = now();
  const Timestamp time = from_unix_ms(unix_ms(at.wall));
  probes_.collect(time, at.monotonic, true, rows_);
  return sample_json({time, std::string(probes_.os_type()), probes_.os_name()}, identity_, rows_, probes_.devices());
}

}  // namespace dragonfly
