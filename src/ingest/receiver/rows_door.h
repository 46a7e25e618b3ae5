// RowsDoor: the RowDoor of a server, and the door for telegraf datagrams. One thread turns dialects into rows (their
// normalizer remembers series and needs what came before), the shards write them.
//
// Units      bytes, ns.
// Ownership  borrows directory, clock, stats and shards, which outlive it.
// Threading  write_lines() and take_telegraf(): any thread. `done` runs on the door's thread or on a shard's.
// Errors     as RowDoor. Wrong metrics of a datagram are counted, and so are datagrams that find no room.
// Limits     kWaitingMax bodies, beyond that kUnavailable; kDatagramsMax datagrams of kDatagramsBytesMax, beyond that the
//            source with most of them loses its oldest (fair_queue.h). Bodies and datagrams take turns.
#pragma once

#include "base/rt/worker_pool.h"
#include "ingest/dialect/normalize.h"
#include "ingest/receiver/fair_queue.h"
#include "ingest/receiver/shard.h"
#include "model/flow/row_door.h"

namespace dragonfly {

class RowsDoor final : public RowDoor {
 public:
  static constexpr size_t kWaitingMax = 1024;
  static constexpr size_t kDatagramsMax = 8192;
  static constexpr size_t kDatagramsBytesMax = 16 << 20;

  RowsDoor(Directory& directory, const Clock& clock, ReceiverStats& stats, Duration late_window);
  void set_shards(std::vector<Shard*> shards) { shards_ = std::move(shards); }

  void write_lines(Lines lines, Done done) override;
  // `source`: a number of the sender's address and port.
  void take_telegraf(std::string datagram, uint64_t source);
  // Any thread; in force behind what waits. Not taken where too much waits.
  void set_late_window(Duration late_window) {
    (void)thread_.post([this, late_window] { normalizer_.set_late_window(late_window); });
  }

 private:
  void take_lines(const Lines& lines, const Done& done);
  void start_datagrams();
  void take_datagrams();
  void take_datagram(std::string_view datagram);
  void count(const DoorBatch& batch);
  // Hands the rows to their shards; `ticket` is finished once by each.
  std::vector<std::vector<DialectRows>> by_shard(DoorBatch& batch, std::string_view unit);
  void hand_out(std::vector<std::vector<DialectRows>> parts, const std::shared_ptr<WriteTicket>& ticket);

  Directory& directory_;
  const Clock& clock_;
  ReceiverStats& stats_;
  std::vector<Shard*> shards_;
  const Duration late_window_;
  Normalizer normalizer_;
  FairQueue datagrams_{kDatagramsMax, kDatagramsBytesMax};
  std::atomic<bool> datagrams_due_{false};     // A task for them is on its way.
  WorkerPool thread_{"door", 1, kWaitingMax};  // Last: stops before the rest dies.
};

}  // namespace dragonfly
