#include "bench/store/native_load.h"

#include <poll.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "base/net/udp_socket.h"
#include "base/rt/clock.h"
#include "base/rt/random.h"
#include "bench/store/native_agent.h"

namespace dragonfly::bench {
namespace {

constexpr int kReceiveBufferBytes = 16 << 20;
constexpr Duration kSweep = 250ms;  // Each agent's waiting frames are looked at so often.

class NativeLoad {
 public:
  NativeLoad(const Dataset& data, std::vector<AgentKey> keys, const NativeLoadOptions& options, UdpSocket socket)
      : options_(options), keys_(std::move(keys)), socket_(std::move(socket)) {
    shared_.ticks_per_frame = options.ticks_per_frame;
    // A multiple of three: the server acknowledges every third frame.
    shared_.window = std::clamp<uint64_t>(options.in_flight_max / keys_.size() / 3 * 3, 6, 96);
    const Timestamp start = clock_.wall();
    agents_.reserve(keys_.size());
    for (uint64_t i = 0; i < keys_.size(); ++i) {
      agents_.emplace_back(keys_[i], data, i, make_session(start, static_cast<uint16_t>(random_.next())),
                           random_.next());
      by_id_.emplace(keys_[i].agent_id, i);
      turns_.push_back(i);
      queued_.push_back(true);
    }
    outgoing_.resize(ReceiveBatch::kBatch);
    for (OutgoingDatagram& datagram : outgoing_) datagram.to = options.server;
  }

  Result<LoadReport> run() {
    const MonotonicTime begun = clock_.monotonic();
    const double cpu_before = process_cpu_seconds();
    last_ack_ = begun;
    while (done_ < agents_.size()) {
      const Moment now{clock_.wall(), clock_.monotonic()};
      if (now.monotonic - last_ack_ > NativeLoadOptions::kSilenceMax)
        return fail(ErrorCode::kUnavailable, "nothing acknowledged for {}; {} of {} agents are done",
                    format_duration(NativeLoadOptions::kSilenceMax), done_, agents_.size());
      send_batch(now);
      sweep(now);
      flush();
      receive(now);
    }
    LoadReport& report = shared_.report;
    report.samples = report.rows / kRowsPerTick * catalogue().size();
    report.seconds = seconds(clock_.monotonic() - begun);
    report.cpu_s = process_cpu_seconds() - cpu_before;
    if (shared_.malformed > 0) return fail(ErrorCode::kCorruption, "{} answers could not be read", shared_.malformed);
    return report;
  }

 private:
  template <class Write>
  void send(Write&& write) {
    write(outgoing_[outgoing_count_].payload);
    if (++outgoing_count_ == outgoing_.size()) flush();
  }

  void flush() {
    socket_.send({outgoing_.data(), outgoing_count_});  // What the kernel does not take goes again, like what is lost.
    outgoing_count_ = 0;
  }

  // One frame of each agent in turn, so that rows come in the order of time.
  void send_batch(Moment now) {
    for (size_t i = 0; i < ReceiveBatch::kBatch && !turns_.empty() && in_flight_ < options_.in_flight_max; ++i) {
      const uint64_t number = turns_.front();
      turns_.pop_front();
      queued_[number] = false;
      NativeAgent& agent = agents_[number];
      if (!agent.ready(shared_)) continue;
      const size_t before = agent.pending();
      send([&](Bytes& out) { agent.send(now, shared_, out); });
      in_flight_ += agent.pending() - before;
      enqueue(number);
    }
  }

  void enqueue(uint64_t number) {
    if (queued_[number] || !agents_[number].ready(shared_)) return;
    queued_[number] = true;
    turns_.push_back(number);
  }

  void sweep(Moment now) {
    if (now.monotonic < next_sweep_) return;
    next_sweep_ = now.monotonic + kSweep;
    for (NativeAgent& agent : agents_) {
      bool more = !agent.done();
      while (more) {
        Bytes& out = outgoing_[outgoing_count_].payload;
        more = agent.again(now, shared_, out);
        if (more && ++outgoing_count_ == outgoing_.size()) flush();
      }
    }
  }

  void receive(Moment now) {
    const bool idle = turns_.empty() || in_flight_ >= options_.in_flight_max;
    pollfd watched{socket_.descriptor(), POLLIN, 0};
    if (::poll(&watched, 1, idle ? 20 : 0) <= 0) return;
    while (const size_t count = socket_.receive(batch_)) {
      for (size_t i = 0; i < count; ++i) take(batch_[i].payload, now);
      if (count < ReceiveBatch::kBatch) return;
    }
  }

  void take(ByteView datagram, Moment now) {
    const auto header = FrameHeader::decode(datagram);
    const auto at = header ? by_id_.find(header->agent_id) : by_id_.end();
    if (at == by_id_.end()) return void(++shared_.malformed);
    NativeAgent& agent = agents_[at->second];
    const size_t before = agent.pending();
    const bool was_done = agent.done();
    agent.take(*header, datagram, now, shared_);
    in_flight_ -= before - agent.pending();
    if (agent.done() && !was_done) ++done_;
    if (before > agent.pending()) last_ack_ = now.monotonic;
    enqueue(at->second);
  }

  const NativeLoadOptions options_;
  const std::vector<AgentKey> keys_;
  const SystemClock clock_;
  SystemRandom random_;
  UdpSocket socket_;
  NativeShared shared_;
  std::vector<NativeAgent> agents_;
  std::unordered_map<uint64_t, uint64_t> by_id_;
  std::deque<uint64_t> turns_;  // Agents that may send.
  std::vector<bool> queued_;
  uint64_t in_flight_ = 0;
  uint64_t done_ = 0;
  MonotonicTime last_ack_{};
  MonotonicTime next_sweep_{};
  std::vector<OutgoingDatagram> outgoing_;
  size_t outgoing_count_ = 0;
  ReceiveBatch batch_{kFrameBytesMax + 1};
};

}  // namespace

Result<LoadReport> load_native(const Dataset& data, std::vector<AgentKey> keys, const NativeLoadOptions& options) {
  std::unordered_map<std::string, AgentKey> by_vm;
  for (AgentKey& key : keys) by_vm.emplace(key.ns + '/' + key.mcis + '/' + key.vm, std::move(key));
  std::vector<AgentKey> ordered;
  for (uint64_t vm = 0; vm < data.spec().vms; ++vm) {
    const VmNames names = Dataset::names(vm);
    const auto at = by_vm.find(names.ns + '/' + names.mcis + '/' + names.vm);
    if (at == by_vm.end())
      return fail(ErrorCode::kInvalidArgument, "no key of {}/{}/{} is given", names.ns, names.mcis, names.vm);
    ordered.push_back(std::move(at->second));
  }
  const auto any = Endpoint::parse(options.server.is_ipv6() ? "[::]:0" : "0.0.0.0:0");
  auto socket = UdpSocket::open({*any, kReceiveBufferBytes, false});
  if (!socket) return fail(socket.error());
  return NativeLoad(data, std::move(ordered), options, std::move(*socket)).run();
}

}  // namespace dragonfly::bench
