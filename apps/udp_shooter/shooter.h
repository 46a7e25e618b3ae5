// Shooter: N virtual agents, their sockets and one loop.
//
// Agents tick at phases spread over the interval by their ids. Those of neighbouring phases share a socket, so that what
// is due together leaves in one system call. Where the load goes in steps, the first of the agents tick and the others
// sleep.
//
// Units      see base/core/time.h.
// Ownership  owns agents and sockets; borrows clock and random, which outlive it.
// Threading  one thread (line_poster.h has a few more).
// Errors     make: kInvalidArgument for the names, what the sockets say otherwise. run: none, all is in the report.
// Limits     kSocketsMax sockets, at least one for kAgentsPerSocket agents up to there; kDelayedMax datagrams that are
//            held back, more are dropped as by the network.
#pragma once

#include <deque>
#include <memory>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/net/udp_socket.h"
#include "base/rt/clock.h"
#include "base/rt/random.h"
#include "line_poster.h"
#include "process_watch.h"
#include "virtual_agent.h"

namespace dragonfly {

enum class ShotFormat : uint8_t { kNative, kSealed, kTelegraf, kInflux };
std::string_view to_string(ShotFormat format);

struct PlaceShare {
  VmPlace place;
  uint64_t agents = 0;  // Of the sum of all shares.
};

struct ShooterOptions {
  Endpoint target;
  ShotFormat format = ShotFormat::kNative;
  Duration interval = 2s;        // Whole ms.
  bool interval_pinned = false;  // Whatever the server tells.
  Duration duration = 60s;
  std::vector<uint64_t> steps = {};  // So many agents tick, for equal parts of the duration; empty: all.
  Duration ramp = 0s;                // Agents of a step start spread over it.
  std::vector<PlaceShare> places = {};
  double loss = 0;         // Share of the datagrams that get lost, each way.
  Duration delay = 0s;     // Each way.
  int server_pid = 0;      // Whose CPU is measured; 0: nobody's.
  bool live_line = false;  // Once a second, to standard error.
};

class Shooter {
 public:
  static constexpr size_t kAgentsPerSocket = 100;
  static constexpr size_t kSocketsMax = 1000;
  static constexpr size_t kDelayedMax = 1'000'000;
  static constexpr Duration kDrain = 5s;  // How long the end waits for acks.

  // One agent for each key; without seals only the ids and names count.
  static Result<std::unique_ptr<Shooter>> make(const ShooterOptions& options, std::vector<AgentKey> keys,
                                               const Clock& clock, Random& random);
  ~Shooter();

  // Until the duration is over or `stop_descriptor` is readable, then until all is acknowledged, at most kDrain.
  ShooterReport run(int stop_descriptor);

 private:
  static constexpr Duration kSweep = 500ms;  // Each agent's waiting frames are looked at so often.

  struct Due {
    int64_t slot_ms;
    uint32_t agent;
    auto operator<=>(const Due&) const = default;
  };
  struct Delayed {
    MonotonicTime due;
    size_t socket;
    Bytes payload;
  };

  Shooter(const ShooterOptions& options, std::vector<AgentKey> keys, const Clock& clock, Random& random);
  Result<> add_agents();
  Result<> open_sockets();
  Moment now() const;
  bool is_native() const { return options_.format <= ShotFormat::kSealed; }
  bool loses() { return options_.loss > 0 && static_cast<double>(random_.next() >> 11) * 0x1p-53 < options_.loss; }
  Timestamp begin_of(size_t step) const { return start_wall_ + static_cast<int64_t>(step) * step_length_; }
  void begin_step(size_t step);
  void schedule(uint32_t agent);
  Timestamp next_slot() const;
  void follow_steps(Moment at, Timestamp end);
  void make_ticks(Moment at, Timestamp until);
  void tick(uint32_t agent, Moment at);
  void sweep(Moment at, bool draining);
  void post_lines(Moment at);
  void take_outcomes();
  bool wait(Duration at_most, int stop_descriptor);
  void receive(UdpSocket& socket);
  void take(ByteView datagram);
  void move_delayed(MonotonicTime at);
  // Calls `write` for a datagram's bytes and sends it with its neighbours; nothing goes where `write` returns false.
  template <class Write>
  bool send(size_t agent, Write&& write);
  void use_socket(size_t socket);
  void flush();
  uint64_t outstanding() const;
  void finish(int stop_descriptor, Moment at);
  void show(Moment at, bool draining);

  const ShooterOptions options_;
  std::vector<AgentKey> keys_;
  const Clock& clock_;
  Random& random_;
  Workshop shop_;
  std::vector<VmPlace> places_;
  std::vector<VirtualAgent> agents_;  // By phase.
  std::vector<uint32_t> ranks_;       // Of each: which of the keys it has, from 0.
  std::unordered_map<uint64_t, uint32_t> by_id_;
  std::vector<UdpSocket> sockets_;
  size_t agents_per_socket_ = 1;
  int epoll_ = -1;

  Timestamp start_wall_{};
  MonotonicTime start_{};
  Duration step_length_{};
  size_t step_ = 0;
  uint64_t awake_ = 0;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;  // May name slots that are no more.
  size_t swept_ = 0;                                                // Agent that is looked at next.
  MonotonicTime last_sweep_{};
  MonotonicTime next_show_{};
  std::optional<ProcessUse> shown_use_;
  std::vector<uint32_t> reporting_;  // Agents that may have something to report.

  std::vector<OutgoingDatagram> outgoing_;  // Its payloads keep their memory.
  size_t outgoing_count_ = 0;
  size_t outgoing_socket_ = 0;
  ReceiveBatch batch_{kFrameBytesMax + 1};
  std::deque<Delayed> delayed_out_;
  std::deque<Delayed> delayed_in_;
  std::string text_;
  uint64_t text_rows_ = 0;
  std::unique_ptr<LinePoster> poster_;
};

}  // namespace dragonfly
