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

namespace dragonfly {
namespace {

constexpr uint64_t kStopEvent = UINT64_MAX;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto s = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

}  // namespace

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

// Agents in the order of their phases: hash(agent id) mod interval.
Result<> Shooter::add_agents() {
  const int64_t interval_ms = options_.interval / 1ms;
  start_wall_ = from_unix_ms(unix_ms(clock_.wall()));
  start_ = clock_.monotonic();
  round_ = from_unix_ms(unix_ms(start_wall_) / interval_ms * interval_ms);
  shop_.sealed = options_.sealed;
  shop_.interval = options_.interval;
  shop_.boot = fmt::format("{:016x}", random_.next());
  shop_.report.agents = keys_.size();
  const auto phase = [&](const AgentKey& key) {
    return Duration(std::chrono::milliseconds(spread_bits(key.agent_id) % static_cast<uint64_t>(interval_ms)));
  };
  std::sort(keys_.begin(), keys_.end(), [&](const AgentKey& a, const AgentKey& b) { return phase(a) < phase(b); });
  agents_.reserve(keys_.size());
  by_id_.reserve(keys_.size());
  for (const AgentKey& key : keys_) {
    // A share of the ramp that has nothing to do with the phase.
    const double share = static_cast<double>(spread_bits(~key.agent_id) >> 11) * 0x1p-53;
    const auto delay = std::chrono::duration_cast<Duration>(options_.ramp * share);
    const Duration behind = start_wall_ + delay - (round_ + phase(key));
    const int64_t rounds = behind <= 0s ? 0 : (behind + options_.interval - Duration(1)) / options_.interval;
    auto agent = VirtualAgent::make(key, round_ + phase(key) + rounds * options_.interval, random_.next(),
                                    make_session(start_wall_, static_cast<uint16_t>(random_.next())), shop_);
    if (!agent.has_value()) return fail(agent.error());
    if (!by_id_.emplace(key.agent_id, static_cast<uint32_t>(agents_.size())).second)
      return fail(ErrorCode::kInvalidArgument, "agent id {:016x} ({}) is given twice", key.agent_id, key.vm);
    agents_.push_back(std::move(*agent));
  }
  return {};
}

// The wall clock of the start goes on monotonically, so that a step of the real one disturbs no schedule.
Moment Shooter::now() const {
  const MonotonicTime at = clock_.monotonic();
  return {start_wall_ + (at - start_), at};
}

Timestamp Shooter::next_slot() const {
  return round_ + agents_[cursor_].first_tick().time_since_epoch() % options_.interval;
}

template <class Write>
bool Shooter::send(size_t agent, Write&& write) {
  const size_t socket = agent / agents_per_socket_;
  if (socket != outgoing_socket_ || outgoing_count_ == outgoing_.size()) flush();
  outgoing_socket_ = socket;
  if (!write(outgoing_[outgoing_count_].payload)) return false;
  ++outgoing_count_;
  return true;
}

void Shooter::flush() {
  const size_t taken = sockets_[outgoing_socket_].send({outgoing_.data(), outgoing_count_});
  shop_.report.datagrams_unsent += outgoing_count_ - taken;
  outgoing_count_ = 0;
}

// Every agent's slot comes once an interval; those before its first tick are passed over.
void Shooter::make_ticks(Moment at, Timestamp until) {
  for (Timestamp slot = next_slot(); slot <= at.wall && slot < until; slot = next_slot()) {
    VirtualAgent& agent = agents_[cursor_];
    if (slot >= agent.first_tick()) {
      shop_.report.late_max_ms = std::max(shop_.report.late_max_ms, seconds(at.wall - slot) * 1000);
      send(cursor_, [&](Bytes& out) { return agent.tick(at, shop_, out), true; });
    }
    if (++cursor_ == agents_.size()) {
      cursor_ = 0;
      round_ += options_.interval;
    }
  }
  flush();
}

// Looks at a part of the agents, so that all are seen once in kSweep.
void Shooter::sweep(Moment at, bool draining) {
  constexpr size_t kAgainMax = 16;    // Frames of one agent at a time.
  constexpr Duration kQuiet = 300ms;  // Longer than the server's group commit.
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
  if (stop) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stop_descriptor, nullptr);
  return stop;
}

void Shooter::receive(UdpSocket& socket) {
  while (socket.receive(batch_) > 0) {
    const Moment at = now();
    for (size_t i = 0; i < batch_.size(); ++i) {
      const auto header = FrameHeader::decode(batch_[i].payload);
      const auto agent = header.has_value() ? by_id_.find(header->agent_id) : by_id_.end();
      if (agent == by_id_.end())
        ++shop_.report.acks_malformed;
      else
        agents_[agent->second].take(*header, batch_[i].payload, at, static_cast<uint16_t>(random_.next()), shop_);
    }
    if (batch_.size() < ReceiveBatch::kBatch) return;
  }
}

uint64_t Shooter::outstanding() const {
  const ShooterReport& report = shop_.report;
  return report.rows_sent - report.rows_acked - report.rows_lost;
}

void Shooter::show(Moment at, bool draining) {
  if (!options_.live_line || at.monotonic < next_show_) return;
  next_show_ = at.monotonic + 1s;
  const ShooterReport& report = shop_.report;
  fmt::print(stderr, "\r{} {:.0f}s: {} frames, {} acked, {} again, {} rows wait, {:.0f} ms late at most   ",
             draining ? "waiting" : "sending", seconds(at.monotonic - start_), report.frames_sent, report.frames_acked,
             report.frames_resent, outstanding(), report.late_max_ms);
}

ShooterReport Shooter::run(int stop_descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kStopEvent;
  DF_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_descriptor, &event) == 0);
  const double cpu_before = cpu_seconds();
  const Timestamp end = start_wall_ + options_.duration;
  last_sweep_ = start_;
  Moment at = now();
  bool stop = false;
  for (; !stop && at.wall < end; at = now()) {
    make_ticks(at, end);
    sweep(at, false);
    show(at, false);
    const Duration until_slot = std::max<Duration>(0s, std::min(next_slot(), end) - now().wall);
    stop = wait(std::min<Duration>(until_slot, 10ms), stop_descriptor);
  }
  if (!stop) make_ticks(at, end);  // What was late, so that a run's number of rows does not depend on the machine.
  shop_.report.seconds = seconds(at.monotonic - start_);

  // Acks first where the server is only being patient, rows again where it has not got them.
  const MonotonicTime drained = at.monotonic + kDrain;
  for (VirtualAgent& agent : agents_) agent.hurry(at.monotonic + kDrain / 4);
  for (; outstanding() > 0 && at.monotonic < drained; at = now()) {
    sweep(at, true);
    show(at, true);
    wait(5ms, stop_descriptor);
  }
  if (options_.live_line) fmt::print(stderr, "\n");
  shop_.report.rows_lost += outstanding();
  shop_.report.cpu_s = cpu_seconds() - cpu_before;
  return shop_.report;
}

}  // namespace dragonfly
