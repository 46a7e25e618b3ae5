// RowsDoor: the RowDoor of a server, and the door for telegraf datagrams. One thread turns dialects into rows (their
// normalizer remembers series and needs what came before), the shards write them.
//
// Units      bytes, ns.
// Ownership  borrows directory, clock, stats and shards, which outlive it.
// Threading  write_lines() and take_telegraf(): any thread. `done` runs on the door's thread or on a shard's.
// Errors     as RowDoor. Wrong metrics of a datagram are counted.
// Limits     kWaitingMax bodies and datagrams; beyond that kUnavailable, or false.
#pragma once

#include "base/rt/worker_pool.h"
#include "ingest/dialect/normalize.h"
#include "ingest/receiver/shard.h"
#include "model/flow/row_door.h"

namespace dragonfly {

class RowsDoor final : public RowDoor {
 public:
  static constexpr size_t kWaitingMax = 1024;

  RowsDoor(Directory& directory, const Clock& clock, ReceiverStats& stats, Duration late_window);
  void set_shards(std::vector<Shard*> shards) { shards_ = std::move(shards); }

  void write_lines(Lines lines, Done done) override;
  // False when too busy; the datagram is lost, as datagrams are, and counted by the caller.
  bool take_telegraf(std::string datagram);
  // Any thread; in force behind what waits. Not taken where too much waits.
  void set_late_window(Duration late_window) {
    (void)thread_.post([this, late_window] { normalizer_.set_late_window(late_window); });
  }

 private:
  void take_lines(const Lines& lines, const Done& done);
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
  WorkerPool thread_{"door", 1, kWaitingMax};  // Last: stops before the rest dies.
};

}  // namespace dragonfly
