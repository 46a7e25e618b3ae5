// Agent: probes, association and one socket in one loop.
//
// Units      as its parts.
// Ownership  owns its parts; borrows clock, random and files, which outlive it.
// Threading  one thread (server_address.h, cloud_lookup.h and https_uplink.h have one more now and then).
// Errors     start(): kInvalidArgument where frames would leave the machine in clear, kConflict on a clone of the machine
//            that enrolled, what the socket or the named
//            spool says otherwise; a full disk and trouble with a spool that was not named are told in the log. run() has none: an unreachable server is told in the log, once a while.
// Limits     see association.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/net/udp_socket.h"
#include "base/rt/clock.h"
#include "base/rt/random.h"
#include "edge/agent/association.h"
#include "edge/agent/cloud_lookup.h"
#include "edge/agent/https_uplink.h"
#include "edge/agent/options.h"
#include "edge/agent/pushed_settings.h"
#include "edge/agent/server_address.h"
#include "edge/agent/status_socket.h"
#include "edge/agent/tick_schedule.h"
#include "edge/agent/transport_choice.h"
#include "edge/probe/probe.h"

namespace dragonfly {

class Agent final : private DatagramSink {
 public:
  static constexpr uint64_t kDeviceTicks = 5;         // Device rows go with every fifth tick.
  static constexpr Duration kFirstTickAfter = 250ms;  // So that CPU shares have something to be shares of.
  static constexpr Duration kGoodbye = 1s;            // For acks at the end.

  // kInvalidArgument, kPermissionDenied, kUnavailable, kIo.
  static Result<std::unique_ptr<Agent>> start(const AgentOptions& options, std::span<const AgentKey> keys,
                                              const std::string& hostname, const Clock& clock, Random& random,
                                              FileSystem& files);

  // Until `stop_descriptor` is readable; then sends what it has and waits a moment for acks. Returns how many rows
  // are left unacknowledged.
  uint64_t run(int stop_descriptor);
  // Why it ended by itself; empty: it did not. The same start would end so again.
  const std::string& ended_because() const { return ended_because_; }
  // Lines of a name and a value.
  std::string status() const;
  // The whole of --once: two samples 200 ms apart, the second as JSON.
  std::string sample_once();

 private:
  Agent(const AgentOptions& options, AgentIdentity identity, const Clock& clock, FileSystem& files);
  Result<> check_server() const;
  Result<> open_socket();
  void open_uplink(Random& random);
  Result<> open_spool(Random& random, FileSystem& files);
  void open_status();
  Path settings_path() const;
  void add_spool_status(std::string& out) const;
  std::string interval_status() const;
  void send(ByteView datagram) override;
  Moment now() const { return {clock_.wall(), clock_.monotonic()}; }
  void tick_if_due();
  void answer_requests();
  void receive();
  void follow_server();
  void follow_cloud();
  void follow_settings();
  void follow_key();
  void follow_standing();
  void follow_transport();
  void end(std::string reason);
  std::string transport_status(MonotonicTime now) const;
  void set_interval();
  void report();
  Duration until_next() const;
  bool wait(Duration at_most, int stop_descriptor);
  uint64_t say_goodbye();

  AgentOptions options_;  // Changed by the server's settings only.
  const AgentIdentity identity_;
  HostFacts host_;
  const Clock& clock_;
  ProbeSet probes_;
  TickSchedule schedule_;
  std::vector<Row> rows_;
  uint64_t ticks_ = 0;
  MonotonicTime first_tick_{};
  ServerAddress server_;
  CloudLookup cloud_;
  std::optional<UdpSocket> socket_;
  bool socket_is_ipv6_ = false;
  bool readable_ = false;  // As the last wait() saw it.
  FileSystem& files_;
  std::unique_ptr<HttpsUplink> uplink_;  // Null: the key does not say where the API is.
  TransportChoice transport_;
  bool tries_udp_ = false;  // The frame at hand goes by UDP, whatever the choice is.
  std::string ended_because_;
  std::string key_trouble_;
  std::optional<StatusSocket> status_socket_;
  ReceiveBatch batch_;
  std::unique_ptr<RowSpool> spool_;
  std::optional<PushedSettings> settings_;
  std::optional<Association> association_;
  bool answered_ = false;  // As the log was told last.
  RateLimit silence_line_{300s};
};

}  // namespace dragonfly
