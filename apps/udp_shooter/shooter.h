// Shooter: N virtual agents, their sockets and one loop.
//
// Agents tick at phases spread over the interval by their ids. Those of neighbouring phases share a socket, so that what
// is due together leaves in one system call.
//
// Units      see base/core/time.h.
// Ownership  owns agents and sockets; borrows clock and random, which outlive it.
// Threading  one thread.
// Errors     make: kInvalidArgument for the names, what the sockets say otherwise. run: none, all is in the report.
// Limits     kSocketsMax sockets, at least one for kAgentsPerSocket agents up to there.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/net/udp_socket.h"
#include "base/rt/clock.h"
#include "base/rt/random.h"
#include "virtual_agent.h"

namespace dragonfly {

struct ShooterOptions {
  Endpoint target;
  Duration interval = 2s;  // Whole ms.
  Duration duration = 60s;
  Duration ramp = 0s;  // Agents start spread over it.
  bool sealed = false;
  bool live_line = false;  // Once a second, to standard error.
};

class Shooter {
 public:
  static constexpr size_t kAgentsPerSocket = 100;
  static constexpr size_t kSocketsMax = 1000;
  static constexpr Duration kDrain = 5s;  // How long the end waits for acks.

  // One agent for each key; without `sealed` only the ids and names count.
  static Result<std::unique_ptr<Shooter>> make(const ShooterOptions& options, std::vector<AgentKey> keys,
                                               const Clock& clock, Random& random);
  ~Shooter();

  // Until the duration is over or `stop_descriptor` is readable, then until all is acknowledged, at most kDrain.
  ShooterReport run(int stop_descriptor);

 private:
  static constexpr Duration kSweep = 500ms;  // Each agent's waiting frames are looked at so often.

  Shooter(const ShooterOptions& options, std::vector<AgentKey> keys, const Clock& clock, Random& random);
  Result<> add_agents();
  Result<> open_sockets();
  Moment now() const;
  Timestamp next_slot() const;
  void make_ticks(Moment at, Timestamp until);
  void sweep(Moment at, bool draining);
  bool wait(Duration at_most, int stop_descriptor);
  void receive(UdpSocket& socket);
  // Calls `write` for a datagram's bytes and sends it with its neighbours; nothing goes where `write` returns false.
  template <class Write>
  bool send(size_t agent, Write&& write);
  void flush();
  uint64_t outstanding() const;
  void show(Moment at, bool draining);

  const ShooterOptions options_;
  std::vector<AgentKey> keys_;
  const Clock& clock_;
  Random& random_;
  Workshop shop_;
  std::vector<VirtualAgent> agents_;  // By phase.
  std::unordered_map<uint64_t, uint32_t> by_id_;
  std::vector<UdpSocket> sockets_;
  size_t agents_per_socket_ = 1;
  int epoll_ = -1;

  Timestamp start_wall_{};
  MonotonicTime start_{};
  Timestamp round_{};  // Begin of the interval whose slots are being gone through.
  size_t cursor_ = 0;  // Agent whose slot is next.
  size_t swept_ = 0;   // Agent that is looked at next.
  MonotonicTime last_sweep_{};
  MonotonicTime next_show_{};

  std::vector<OutgoingDatagram> outgoing_;  // Its payloads keep their memory.
  size_t outgoing_count_ = 0;
  size_t outgoing_socket_ = 0;
  ReceiveBatch batch_{kFrameBytesMax + 1};
};

}  // namespace dragonfly
