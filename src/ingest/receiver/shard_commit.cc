// The shard's way into the log and out of it: batches, commits, and what is done with rows that are durable.
#include "base/core/assert.h"
#include "base/core/fetch.h"
#include "ingest/receiver/shard.h"

namespace dragonfly {
namespace {
constexpr Duration kAckDelay = 5s;
constexpr uint32_t kFramesPerAck = 3;
constexpr size_t kSpareBatchesMax = 16;  // As many as are on their way to the commit in 200 ms, and a few.
}  // namespace

void Shard::add_names(const VmEntry& vm, const KnownDictionary* dictionary, const Measurement* measurement) {
  if (!vm.durable) {
    append_record(batch_.records, LogRecordType::kVm, [&](Bytes& out) { VmRecord{vm.id, vm.identity}.encode(out); });
  }
  if (dictionary != nullptr && !dictionary->durable) {
    append_record(batch_.records, LogRecordType::kDictionary, dictionary->encoded);
  }
  if (measurement != nullptr && !measurement->durable) {
    append_record(batch_.records, LogRecordType::kMeasurement, [&](Bytes& out) { measurement->encode(out); });
  }
}

void Shard::add_to_batch(AgentSession& agent, const FrameHeader& header, const RowsBody& rows, uint64_t first,
                         ByteView block, uint64_t count) {
  if (batch_.rows.empty()) batch_.begun = now_;
  add_names(*agent.vm, agent.dictionary.get(), nullptr);
  RowsRecord record;
  record.vm = agent.vm->id;
  record.received_at = wall_now_;
  record.dictionary_id = agent.dictionary->id;
  record.agent =
      RowsRecord::Agent{header.agent_id, header.session, header.packet, rows.spool_id, first, rows.lowest_kept};
  record.row_block = block;
  const size_t begin = batch_.records.size();
  append_record(batch_.records, LogRecordType::kRows, [&](Bytes& out) { record.encode(out); });
  const size_t payload = begin + kLogRecordHeaderBytes;
  batch_.rows.push_back({agent.vm, agent.dictionary, nullptr, &agent, begin, payload, batch_.records.size() - payload,
                         count, header.ack_now() || by_https_});
  batch_.row_count += count;
  ++batch_.frames;
  context_.stats.rows_in_flight.add(static_cast<int64_t>(count));
}

void Shard::take_dialect_rows(std::vector<DialectRows> rows, std::shared_ptr<WriteTicket> ticket) {
  if (head_->is_full()) {
    uint64_t count = 0;
    for (const DialectRows& part : rows) count += part.rows;
    context_.stats.rows_received.add(count);
    drop_as_overload(count);
    if (ticket)
      ticket->finish_part(fail(ErrorCode::kUnavailable, "the store does not keep up with the rows; try again"));
    return;
  }
  if (batch_.rows.empty()) batch_.begun = now_;
  for (DialectRows& part : rows) {
    add_names(*part.vm, part.dictionary.get(), part.measurement.get());
    RowsRecord record;
    record.vm = part.vm->id;
    record.received_at = wall_now_;
    record.dictionary_id = part.dictionary ? part.dictionary->id : 0;
    record.row_block = part.row_block;
    const size_t begin = batch_.records.size();
    append_record(batch_.records, LogRecordType::kRows, [&](Bytes& out) { record.encode(out); });
    const size_t payload = begin + kLogRecordHeaderBytes;
    batch_.rows.push_back({part.vm, part.dictionary, part.measurement, nullptr, begin, payload,
                           batch_.records.size() - payload, part.rows, false});
    batch_.row_count += part.rows;
    context_.stats.rows_received.add(part.rows);
    context_.stats.rows_in_flight.add(static_cast<int64_t>(part.rows));
    part.vm->last_arrival_ns = now_.time_since_epoch().count();
    if (part.dictionary) part.vm->dictionary_id = part.dictionary->id;
  }
  if (ticket) {
    batch_.tickets.push_back(std::move(ticket));
    batch_.urgent = true;
  }
}

void Shard::flush() {
  if (batch_.rows.empty()) return;
  OpenBatch batch = std::move(batch_);
  batch_ = OpenBatch();
  if (!spare_batches_.empty()) {
    batch_ = std::move(spare_batches_.back());
    spare_batches_.pop_back();
  }
  batch.not_before = context_.log.end();
  Bytes records = std::move(batch.records);
  const auto urgency = batch.urgent ? CommitLog::Urgency::kNow : CommitLog::Urgency::kBatch;
  const LogPosition not_before = batch.not_before;
  auto shared = std::make_shared<OpenBatch>(std::move(batch));
  const auto done = [this, shared](Result<Committed> result) {
    const bool taken = commits_.push(Outcome{std::move(*shared), std::move(result)});
    DF_ASSERT(taken);
  };
  in_flight_.push_back(not_before);
  // Behind so many rows that find no place in a head, no more are taken.
  if (waiting_.size() < kTasksMax && context_.log.submit(std::move(records), urgency, done)) return;
  in_flight_.pop_back();
  drop_as_overload(shared->row_count);
  context_.stats.rows_in_flight.add(-static_cast<int64_t>(shared->row_count));
  const Error error{ErrorCode::kUnavailable, "the log takes no more now; try again"};
  end_exchanges_of(*shared, error);
  for (const auto& ticket : shared->tickets) ticket->finish_part(fail(error));
}

void Shard::handle_commits() {
  commits_.drain(outcomes_);
  for (Outcome& outcome : outcomes_) apply(outcome);
  outcomes_.clear();
}

void Shard::apply(Outcome& outcome) {
  in_flight_.pop_front();  // Commits come in the order of submission.
  OpenBatch& batch = outcome.batch;
  context_.stats.rows_in_flight.add(-static_cast<int64_t>(batch.row_count));
  Result<> result;
  if (outcome.result) {
    context_.stats.durable.observe(seconds(now_ - batch.begun), batch.frames);
    for (size_t i = 0; i < batch.rows.size(); ++i) {
      fetch_heads(batch.rows, i);
      apply_rows(batch.rows[i], *outcome.result);
    }
  } else {
    const bool full = outcome.result.error().code == ErrorCode::kNoSpace;
    context_.stats.drop(full ? RowDrop::kDiskFull : RowDrop::kOverload, batch.row_count);
    result = fail(outcome.result.error());
    end_exchanges_of(batch, outcome.result.error());
  }
  for (const auto& ticket : batch.tickets) ticket->finish_part(result);
  if (outcome.result) keep_memory(std::move(batch), std::move(outcome.result->records));
}

void Shard::keep_memory(OpenBatch batch, Bytes records) {
  if (spare_batches_.size() >= kSpareBatchesMax || records.capacity() > 2 * kBatchBytes) return;
  OpenBatch& spare = spare_batches_.emplace_back();
  spare.records = std::move(records);
  spare.records.clear();
  spare.rows = std::move(batch.rows);
  spare.rows.clear();
}

// What the rows a little further on will need; in three steps, for each tells where the next lies.
void Shard::fetch_heads(const std::vector<RowsRef>& rows, size_t at) {
  constexpr size_t kAhead = 4;
  if (at + 3 * kAhead < rows.size()) {
    fetch(*rows[at + 3 * kAhead].vm);
    if (const AgentSession* agent = rows[at + 3 * kAhead].agent) fetch(*agent);
  }
  if (at + 2 * kAhead < rows.size()) head_->fetch_vm(*rows[at + 2 * kAhead].vm);
  if (at + kAhead < rows.size()) head_->fetch_rows(*rows[at + kAhead].vm);
}

void Shard::apply_rows(const RowsRef& ref, const Committed& committed) {
  const auto record = RowsRecord::decode(ByteView(committed.records).subspan(ref.payload_offset, ref.payload_bytes));
  DF_ASSERT(record.has_value());  // We wrote it.
  ref.vm->durable = true;
  if (ref.dictionary) ref.dictionary->durable = true;
  if (ref.measurement) ref.measurement->durable = true;
  uint32_t owner = ~uint32_t{0};
  if (ref.vm->shard.compare_exchange_strong(owner, options_.index)) owner = options_.index;
  const LogPosition position = committed.begin + ref.record_offset;
  if (owner == options_.index) {
    head_->apply(*record, *ref.vm, ref.dictionary.get(), position);
  } else {
    // The VM's head lies elsewhere: it is written by an agent and by a dialect, or by two agents.
    auto payload = std::make_shared<Bytes>(
        committed.records.begin() + static_cast<ptrdiff_t>(ref.payload_offset),
        committed.records.begin() + static_cast<ptrdiff_t>(ref.payload_offset + ref.payload_bytes));
    const auto task = [shard = peers_[owner], payload, vm = ref.vm, dictionary = ref.dictionary, position] {
      if (const auto copy = RowsRecord::decode(*payload)) shard->head().apply(*copy, *vm, dictionary.get(), position);
    };
    hand_over({peers_[owner], position, task});
  }
  if (ref.agent == nullptr) return;
  AgentSession& agent = *ref.agent;
  const uint64_t first = record->agent->first_sequence;
  (void)agent.done(record->agent->spool_id, first, first + ref.rows - 1);
  if (ref.ack_now || ++agent.frames_unacked >= kFramesPerAck) {
    queue_ack(agent);
  } else if (!agent.deadline_queued) {
    agent.deadline_queued = true;
    ack_later_.emplace_back(now_ + kAckDelay, &agent);
  }
}

void Shard::hand_over(Handover rows) {
  if (!waiting_.empty() || !rows.to->post(rows.task)) waiting_.push_back(std::move(rows));
}

void Shard::hand_over_waiting() {
  while (!waiting_.empty() && waiting_.front().to->post(waiting_.front().task)) waiting_.pop_front();
}

}  // namespace dragonfly
