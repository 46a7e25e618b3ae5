#include "shooter.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "base/core/assert.h"
#include "text_rows.h"

namespace dragonfly {
namespace {

constexpr uint64_t kStopEvent = UINT64_MAX;
constexpr size_t kPostBytes = 1 << 20;  // Lines of one request.

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto s = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

}  // namespace

std::string_view to_string(ShotFormat format) {
  switch (format) {
    case ShotFormat::kNative: return "native";
    case ShotFormat::kSealed: return "sealed";
    case ShotFormat::kTelegraf: return "telegraf";
    case ShotFormat::kInflux: return "influx";
  }
  return "";
}

Shooter::Shooter(const ShooterOptions& options, std::vector<AgentKey> keys, const Clock& clock, Random& random)
    : options_(options), keys_(std::move(keys)), clock_(clock), random_(random) {
  outgoing_.resize(ReceiveBatch::kBatch);
  for (OutgoingDatagram& datagram : outgoing_) datagram.to = options_.target;
}

Shooter::~Shooter() {
  if (epoll_ >= 0) ::close(epoll_);
}

Result<std::unique_ptr<Shooter>> Shooter::make(const ShooterOptions& options, std::vector<AgentKey> keys,
                                               const Clock& clock, Random& random) {
  DF_ASSERT(!keys.empty() && options.interval >= 1ms && options.interval % 1ms == 0ms);
  std::unique_ptr<Shooter> shooter(new Shooter(options, std::move(keys), clock, random));
  DF_TRY(shooter->open_sockets());
  DF_TRY(shooter->add_agents());
  return shooter;
}

Result<> Shooter::open_sockets() {
  const size_t count = std::clamp<size_t>((keys_.size() + kAgentsPerSocket - 1) / kAgentsPerSocket, 1, kSocketsMax);
  agents_per_socket_ = (keys_.size() + count - 1) / count;
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return fail(ErrorCode::kIo, "epoll: no descriptor left");
  UdpOptions socket_options;
  socket_options.bind = *Endpoint::parse(options_.target.is_ipv6() ? "[::]:0" : "0.0.0.0:0");
  for (size_t i = 0; i < count; ++i) {
    auto socket = UdpSocket::open(socket_options);
    if (!socket.has_value())
      return fail(socket.error().code, "source socket {} of {}: {} (see `ulimit -n`)", i + 1, count,
                  socket.error().message);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket->descriptor(), &event) != 0)
      return fail(ErrorCode::kIo, "epoll: source socket {} of {} was refused", i + 1, count);
    sockets_.push_back(std::move(*socket));
  }
  return {};
}

// In the order of their phases: hash(agent id) mod interval.
Result<> Shooter::add_agents() {
  const auto interval_ms = static_cast<uint64_t>(options_.interval / 1ms);
  start_wall_ = from_unix_ms(unix_ms(clock_.wall()));
  start_ = clock_.monotonic();
  shop_.sealed = options_.format == ShotFormat::kSealed;
  shop_.interval = options_.interval;
  shop_.interval_pinned = options_.interval_pinned;
  shop_.boot = fmt::format("{:016x}", random_.next());
  shop_.report.agents = keys_.size();
  shop_.report.format = to_string(options_.format);
  shop_.report.acknowledged = options_.format != ShotFormat::kTelegraf;
  // Of each run of neighbours in the keys every place gets its share.
  for (const PlaceShare& share : options_.places) places_.insert(places_.end(), share.agents, share.place);
  if (places_.empty()) places_.emplace_back();
  ranks_.resize(keys_.size());
  std::iota(ranks_.begin(), ranks_.end(), 0u);
  const auto phase = [&](uint32_t rank) { return spread_bits(keys_[rank].agent_id) % interval_ms; };
  std::sort(ranks_.begin(), ranks_.end(),
            [&](uint32_t a, uint32_t b) { return std::pair(phase(a), a) < std::pair(phase(b), b); });
  agents_.reserve(keys_.size());
  by_id_.reserve(keys_.size());
  for (const uint32_t rank : ranks_) {
    const AgentKey& key = keys_[rank];
    auto agent = VirtualAgent::make(key, places_[rank % places_.size()], random_.next(),
                                    make_session(start_wall_, static_cast<uint16_t>(random_.next())), shop_);
    if (!agent.has_value()) return fail(agent.error());
    if (!by_id_.emplace(key.agent_id, static_cast<uint32_t>(agents_.size())).second)
      return fail(ErrorCode::kInvalidArgument, "agent id {:016x} ({}) is given twice", key.agent_id, key.vm);
    agents_.push_back(std::move(*agent));
  }
  step_length_ = options_.duration / static_cast<int64_t>(std::max<size_t>(1, options_.steps.size()));
  begin_step(0);
  return {};
}

void Shooter::begin_step(size_t step) {
  step_ = step;
  awake_ = options_.steps.empty() ? agents_.size() : std::min<uint64_t>(options_.steps[step], agents_.size());
  for (uint32_t i = 0; i < agents_.size(); ++i) {
    VirtualAgent& agent = agents_[i];
    if (ranks_[i] >= awake_) {
      agent.sleep();
    } else if (agent.asleep()) {
      // A share of the ramp that has nothing to do with the phase.
      const double share = static_cast<double>(spread_bits(~agent.key().agent_id) >> 11) * 0x1p-53;
      agent.wake(begin_of(step) + std::chrono::duration_cast<Duration>(options_.ramp * share));
      schedule(i);
    }
  }
}

void Shooter::schedule(uint32_t agent) {
  if (!agents_[agent].asleep()) due_.push({unix_ms(agents_[agent].slot()), agent});
}

// The wall clock of the start goes on monotonically, so that a step of the real one disturbs no schedule.
Moment Shooter::now() const {
  const MonotonicTime at = clock_.monotonic();
  return {start_wall_ + (at - start_), at};
}

Timestamp Shooter::next_slot() const { return due_.empty() ? Timestamp::max() : from_unix_ms(due_.top().slot_ms); }

template <class Write>
bool Shooter::send(size_t agent, Write&& write) {
  const size_t socket = agent / agents_per_socket_;
  use_socket(socket);
  Bytes& payload = outgoing_[outgoing_count_].payload;
  if (!write(payload)) return false;
  if (loses()) {
    ++shop_.report.datagrams_dropped;
  } else if (options_.delay == 0s) {
    ++outgoing_count_;
  } else if (delayed_out_.size() < kDelayedMax) {
    delayed_out_.push_back({clock_.monotonic() + options_.delay, socket, payload});
  } else {
    ++shop_.report.datagrams_dropped;
  }
  return true;
}

void Shooter::use_socket(size_t socket) {
  if (socket != outgoing_socket_ || outgoing_count_ == outgoing_.size()) flush();
  outgoing_socket_ = socket;
}

void Shooter::flush() {
  const size_t taken = sockets_[outgoing_socket_].send({outgoing_.data(), outgoing_count_});
  shop_.report.datagrams_unsent += outgoing_count_ - taken;
  outgoing_count_ = 0;
}

// What the delay has held back for long enough, both ways.
void Shooter::move_delayed(MonotonicTime at) {
  for (; !delayed_out_.empty() && delayed_out_.front().due <= at; delayed_out_.pop_front()) {
    use_socket(delayed_out_.front().socket);
    std::swap(outgoing_[outgoing_count_++].payload, delayed_out_.front().payload);
  }
  flush();
  for (; !delayed_in_.empty() && delayed_in_.front().due <= at; delayed_in_.pop_front())
    take(delayed_in_.front().payload);
}

void Shooter::follow_steps(Moment at, Timestamp end) {
  while (step_ + 1 < options_.steps.size() && begin_of(step_ + 1) <= at.wall) {
    make_ticks(at, begin_of(step_ + 1));
    begin_step(step_ + 1);
  }
  make_ticks(at, end);
}

void Shooter::make_ticks(Moment at, Timestamp until) {
  for (Timestamp slot = next_slot(); slot <= at.wall && slot < until; slot = next_slot()) {
    const uint32_t agent = due_.top().agent;
    due_.pop();
    if (agents_[agent].slot() != slot) continue;  // It sleeps, or has another interval.
    shop_.report.late_max_ms = std::max(shop_.report.late_max_ms, seconds(at.wall - slot) * 1000);
    tick(agent, at);
    schedule(agent);
  }
  flush();
  post_lines(at);
}

void Shooter::tick(uint32_t index, Moment at) {
  VirtualAgent& agent = agents_[index];
  if (is_native()) {
    send(index, [&](Bytes& out) { return agent.tick(at, shop_, out), true; });
    return;
  }
  agent.measure(shop_);
  ++shop_.report.frames_sent;
  shop_.report.rows_sent += kRowsPerTick;
  if (options_.format == ShotFormat::kInflux) {
    append_lines(agent.key(), agent.place(), shop_.rows, text_);
    text_rows_ += kRowsPerTick;
    if (text_.size() >= kPostBytes) post_lines(at);
    return;
  }
  text_.clear();
  append_telegraf(agent.key(), agent.place(), shop_.rows, text_);
  send(index, [&](Bytes& out) { return out.assign(text_.begin(), text_.end()), true; });
}

void Shooter::post_lines(Moment at) {
  if (options_.format != ShotFormat::kInflux) return;
  if (!poster_) poster_ = std::make_unique<LinePoster>(options_.target);
  if (text_rows_ > 0 && !poster_->post({std::exchange(text_, {}), text_rows_, at.monotonic}))
    shop_.report.rows_lost += text_rows_;
  text_rows_ = 0;
  take_outcomes();
}

void Shooter::take_outcomes() {
  for (const LinePoster::Outcome& outcome : poster_->take()) {
    shop_.report.rows_acked += outcome.rows;
    if (!outcome.stored) shop_.report.rows_refused += outcome.rows;
    ++shop_.report.acks;
    shop_.report.ack_times.add(outcome.answered - outcome.made);
    shop_.report.frames_acked += outcome.rows / kRowsPerTick;
  }
}

// Looks at a part of the agents, so that all are seen once in kSweep.
void Shooter::sweep(Moment at, bool draining) {
  constexpr size_t kAgainMax = 16;    // Frames of one agent at a time.
  constexpr Duration kQuiet = 300ms;  // Longer than the server's group commit.
  if (!is_native()) return;
  const Duration passed = std::min(kSweep, at.monotonic - last_sweep_);
  const auto count = static_cast<size_t>(static_cast<double>(agents_.size()) * seconds(passed) / seconds(kSweep));
  if (count == 0) return;
  last_sweep_ = at.monotonic;
  for (size_t i = 0; i < count; ++i) {
    VirtualAgent& agent = agents_[swept_];
    for (size_t n = 0; n < kAgainMax && agent.pending() > 0; ++n)
      if (!send(swept_, [&](Bytes& out) { return agent.again(at, shop_, out); })) break;
    if (draining) send(swept_, [&](Bytes& out) { return agent.ask(at, kQuiet, shop_, out); });
    swept_ = (swept_ + 1) % agents_.size();
  }
  flush();
}

// Receives what is there, else waits for it; true when the stop descriptor is readable.
bool Shooter::wait(Duration at_most, int stop_descriptor) {
  const MonotonicTime at = clock_.monotonic();
  for (const auto* delayed : {&delayed_out_, &delayed_in_})
    if (!delayed->empty()) at_most = std::clamp<Duration>(delayed->front().due - at, 0s, at_most);
  std::array<epoll_event, 64> events{};
  const int64_t ms = std::max<int64_t>(0, (at_most + 1ms - Duration(1)) / 1ms);
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), static_cast<int>(ms));
  bool stop = false;
  for (int i = 0; i < count; ++i) {
    const uint64_t which = events[static_cast<size_t>(i)].data.u64;
    if (which == kStopEvent)
      stop = true;
    else
      receive(sockets_[which]);
  }
  move_delayed(clock_.monotonic());
  for (const uint32_t agent : std::exchange(reporting_, {}))
    send(agent, [&](Bytes& out) { return agents_[agent].report(now(), shop_, out); });
  flush();
  if (stop) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stop_descriptor, nullptr);
  return stop;
}

void Shooter::receive(UdpSocket& socket) {
  while (socket.receive(batch_) > 0) {
    for (size_t i = 0; i < batch_.size(); ++i) {
      const ByteView payload = batch_[i].payload;
      if (loses() || (options_.delay > 0s && delayed_in_.size() >= kDelayedMax))
        ++shop_.report.datagrams_dropped;
      else if (options_.delay > 0s)
        delayed_in_.push_back({clock_.monotonic() + options_.delay, 0, Bytes(payload.begin(), payload.end())});
      else
        take(payload);
    }
    if (batch_.size() < ReceiveBatch::kBatch) return;
  }
}

void Shooter::take(ByteView datagram) {
  const auto header = FrameHeader::decode(datagram);
  const auto found = header.has_value() ? by_id_.find(header->agent_id) : by_id_.end();
  if (found == by_id_.end()) return void(++shop_.report.acks_malformed);
  VirtualAgent& agent = agents_[found->second];
  const Timestamp slot = agent.slot();
  agent.take(*header, datagram, now(), static_cast<uint16_t>(random_.next()), shop_);
  if (agent.slot() != slot) schedule(found->second);
  if (agent.has_report()) reporting_.push_back(found->second);
}

uint64_t Shooter::outstanding() const {
  const ShooterReport& report = shop_.report;
  return report.acknowledged ? report.rows_sent - report.rows_acked - report.rows_lost : 0;
}

void Shooter::show(Moment at, bool draining) {
  if (!options_.live_line || at.monotonic < next_show_) return;
  next_show_ = at.monotonic + 1s;
  const ShooterReport& report = shop_.report;
  std::string server;
  if (options_.server_pid != 0) {
    const auto use = ProcessWatch(options_.server_pid).read();
    if (use && shown_use_)
      server = fmt::format(", server {:.0f} % CPU {} MB", 100 * (use->cpu_s - shown_use_->cpu_s), use->rss_bytes >> 20);
    shown_use_ = use;
  }
  fmt::print(stderr, "\r{} {:.0f}s: {} agents, {} frames, {} acked, {} again, {} rows wait, p99 {:.0f} ms{}   ",
             draining ? "waiting" : "sending", seconds(at.monotonic - start_), awake_, report.frames_sent,
             report.frames_acked, report.frames_resent, outstanding(), report.ack_times.percentile_ms(0.99), server);
}

ShooterReport Shooter::run(int stop_descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kStopEvent;
  DF_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_descriptor, &event) == 0);
  const double cpu_before = cpu_seconds();
  const ProcessWatch server(options_.server_pid);
  shop_.report.server_pid = options_.server_pid;
  const auto server_before = options_.server_pid != 0 ? server.read() : std::nullopt;
  const Timestamp end = start_wall_ + options_.duration;
  last_sweep_ = start_;
  Moment at = now();
  bool stop = false;
  for (; !stop && at.wall < end; at = now()) {
    follow_steps(at, end);
    sweep(at, false);
    show(at, false);
    const Duration until_slot = std::max<Duration>(0s, std::min(next_slot(), end) - now().wall);
    stop = wait(std::min<Duration>(until_slot, 10ms), stop_descriptor);
  }
  if (!stop) follow_steps(at, end);  // What was late, so that a run's number of rows does not depend on the machine.
  shop_.report.seconds = seconds(at.monotonic - start_);
  finish(stop_descriptor, at);
  shop_.report.cpu_s = cpu_seconds() - cpu_before;
  if (server_before) shop_.report.server = server.read();
  if (shop_.report.server) shop_.report.server->cpu_s -= server_before->cpu_s;
  const auto awake = std::find_if(agents_.begin(), agents_.end(), [](const auto& agent) { return !agent.asleep(); });
  shop_.report.interval_s = seconds((awake == agents_.end() ? agents_.front() : *awake).interval());
  return shop_.report;
}

// Acks first where the server is only being patient, rows again where it has not got them.
void Shooter::finish(int stop_descriptor, Moment at) {
  const MonotonicTime drained = at.monotonic + kDrain;
  for (VirtualAgent& agent : agents_) agent.hurry(at.monotonic + kDrain / 4);
  for (; (outstanding() > 0 || !delayed_out_.empty()) && at.monotonic < drained; at = now()) {
    sweep(at, true);
    if (poster_) take_outcomes();
    show(at, true);
    wait(5ms, stop_descriptor);
  }
  if (poster_) {
    take_outcomes();
    shop_.report.rows_resent = poster_->rows_again();
    if (const std::string trouble = poster_->last_trouble(); !trouble.empty())
      fmt::print(stderr, "udp-shooter: /write answered last: {}\n", trouble);
  }
  if (options_.live_line) fmt::print(stderr, "\n");
  shop_.report.rows_lost += outstanding();
}

}  // namespace dragonfly
