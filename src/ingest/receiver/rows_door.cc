#include "ingest/receiver/rows_door.h"

#include "ingest/dialect/door_encoder.h"

namespace dragonfly {
namespace {
constexpr size_t kDatagramsPerTurn = 32;
}  // namespace

RowsDoor::RowsDoor(Directory& directory, const Clock& clock, ReceiverStats& stats, Duration late_window)
    : directory_(directory), clock_(clock), stats_(stats), late_window_(late_window), normalizer_(late_window) {}

void RowsDoor::write_lines(Lines lines, Done done) {
  const auto task = [this, lines = std::make_shared<const Lines>(std::move(lines)), done] {
    take_lines(*lines, done);
    if (datagrams_.size() > 0) start_datagrams();
  };
  if (!thread_.post(task)) {
    done(fail(ErrorCode::kUnavailable, "{} writes wait already; that is the limit, try again", kWaitingMax));
  }
}

void RowsDoor::take_telegraf(std::string datagram, uint64_t source) {
  stats_.datagrams_dropped_door.add(datagrams_.push(source, std::move(datagram)));
  start_datagrams();
}

// Where so many bodies wait that there is no room for a task, the next datagram or body tries again.
void RowsDoor::start_datagrams() {
  if (datagrams_due_.exchange(true)) return;
  if (!thread_.post([this] { take_datagrams(); })) datagrams_due_ = false;
}

void RowsDoor::take_datagrams() {
  datagrams_due_ = false;
  for (size_t i = 0; i < kDatagramsPerTurn; ++i) {
    const auto datagram = datagrams_.pop();
    if (!datagram) return;
    take_datagram(*datagram);
  }
  start_datagrams();  // Behind the bodies that came meanwhile.
}

void RowsDoor::take_datagram(std::string_view datagram) {
  DoorBatch batch;
  take_telegraf_json(datagram, clock_.wall(), normalizer_, batch);
  count(batch);
  if (batch.points == 0 || batch.points_wrong > batch.points_without_vm) stats_.fault(DatagramFault::kDialect);
  if (batch.points_without_vm > 0) stats_.fault(DatagramFault::kNoVm);
  hand_out(by_shard(batch, "metric"), nullptr);
}

void RowsDoor::count(const DoorBatch& batch) {
  stats_.rows_received.add(batch.points_too_old + batch.points_future);
  stats_.refuse(RowRefusal::kTooOld, batch.points_too_old);
  stats_.refuse(RowRefusal::kFuture, batch.points_future);
}

void RowsDoor::take_lines(const Lines& lines, const Done& done) {
  DoorBatch batch;
  // What an export says needs nothing of what came before.
  Normalizer as_they_are(late_window_, Normalizer::Mode::kExact);
  take_influx_lines(lines.body, lines.precision, lines.db, clock_.wall(), lines.exact ? as_they_are : normalizer_,
                    batch, lines.namespaces);
  count(batch);
  auto parts = by_shard(batch, "line");
  WriteOutcome outcome;
  outcome.lines_wrong = batch.points_wrong;
  outcome.errors = batch.errors();
  size_t shards = 0;
  for (const auto& part : parts) {
    shards += part.empty() ? 0 : 1;
    for (const auto& rows : part) outcome.rows_stored += rows.rows;
  }
  if (shards == 0) return done(outcome);
  hand_out(std::move(parts), std::make_shared<WriteTicket>(shards, [done, outcome](const Result<>& result) {
             done(result ? Result<WriteOutcome>(outcome) : Result<WriteOutcome>(fail(result.error())));
           }));
}

std::vector<std::vector<DialectRows>> RowsDoor::by_shard(DoorBatch& batch, std::string_view unit) {
  std::vector<std::vector<DialectRows>> parts(shards_.size());
  for (DoorPart& part : encode_door_batch(batch, unit, directory_)) {
    const uint32_t owner = part.vm->shard;
    const size_t shard = owner < shards_.size() ? owner : static_cast<size_t>(part.vm->id) % shards_.size();
    parts[shard].push_back({part.vm, part.dictionary, part.measurement, std::move(part.row_block), part.rows});
  }
  return parts;
}

void RowsDoor::hand_out(std::vector<std::vector<DialectRows>> parts, const std::shared_ptr<WriteTicket>& ticket) {
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    uint64_t count = 0;
    for (const auto& rows : parts[i]) count += rows.rows;
    const auto task = [shard = shards_[i], rows = std::make_shared<std::vector<DialectRows>>(std::move(parts[i])),
                       ticket] { shard->take_dialect_rows(std::move(*rows), ticket); };
    if (shards_[i]->post(task)) continue;
    stats_.rows_received.add(count);
    stats_.drop(RowDrop::kOverload, count);
    if (ticket)
      ticket->finish_part(fail(ErrorCode::kUnavailable, "the server is too busy to take rows now; try again"));
  }
}

}  // namespace dragonfly
