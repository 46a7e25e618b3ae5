#include "bench/store/native_agent.h"

#include <algorithm>

namespace dragonfly::bench {
namespace {

// Of a body beside its row block and dictionary, and of a row beside its fields, at most.
constexpr size_t kBodyRoom = 64;
constexpr size_t kRowRoom = 16;

}  // namespace

NativeAgent::NativeAgent(const AgentKey& key, const Dataset& data, uint64_t number, uint64_t session, uint64_t spool_id)
    : key_(&key),
      source_(data.source(number)),
      ticks_left_(data.spec().ticks),
      session_(session),
      spool_id_(spool_id),
      session_key_(derive_session_key(key.key, session)),
      dictionary_(data.dictionary(number).encode()),
      dictionary_id_(dictionary_id(dictionary_)) {}

bool NativeAgent::ready(const NativeShared& shared) const {
  if (!dictionary_known_) return !dictionary_due_.has_value();
  return (ticks_left_ > 0 || held_) && pending_.size() < shared.window;
}

void NativeAgent::next_tick(NativeShared& shared) {
  source_.next(shared.rows);
  --ticks_left_;
  next_.time = shared.rows[0].time;
  for (uint64_t i = 0; i < kRowsPerTick; ++i) {
    next_.fields[i].clear();
    ByteWriter writer(next_.fields[i]);
    encode_fields(writer, shared.rows[i].values);
  }
  held_ = true;
}

Bytes NativeAgent::make_block(NativeShared& shared, uint64_t& rows) {
  if (!held_) next_tick(shared);
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, next_.time);
  for (uint64_t ticks = 0; held_ && (shared.ticks_per_frame == 0 || ticks < shared.ticks_per_frame); ++ticks) {
    size_t bytes = 0;
    for (const Bytes& fields : next_.fields) bytes += fields.size() + kRowRoom;
    if (ticks > 0 && block.size() + bytes > kFrameBodyBytesMax - kBodyRoom) break;
    for (uint64_t i = 0; i < kRowsPerTick; ++i) writer.add(kCatalogueGroups[i], 0, next_.time, next_.fields[i]);
    held_ = false;
    const bool more = shared.ticks_per_frame == 0 || ticks + 1 < shared.ticks_per_frame;
    if (more && ticks_left_ > 0) next_tick(shared);
  }
  rows = writer.rows();
  return block;
}

void NativeAgent::send(Moment now, NativeShared& shared, Bytes& out) {
  if (!dictionary_known_) return send_dictionary(now, shared, out);
  uint64_t rows = 0;
  Bytes block = make_block(shared, rows);
  pending_.push_back({next_sequence_, rows, std::move(block), {}, 0});
  next_sequence_ += rows;
  ++shared.report.requests;
  // The server acknowledges every third frame by itself; only the end needs a question.
  send_frame(pending_.back(), ticks_left_ == 0 && !held_, now, shared, out);
}

void NativeAgent::send_dictionary(Moment now, NativeShared& shared, Bytes& out) {
  RowsBody body;
  body.first_sequence = next_sequence_;
  body.dictionary = dictionary_;
  dictionary_due_ = now.monotonic + kFirstAgain;
  seal(FrameType::kKeepAlive, true, body, now, shared, out);
}

void NativeAgent::send_frame(Frame& frame, bool ask, Moment now, NativeShared& shared, Bytes& out) {
  RowsBody body;
  body.first_sequence = frame.first;
  body.row_block = frame.block;
  seal(FrameType::kRows, ask, body, now, shared, out);
  frame.due = now.monotonic + std::min<Duration>(kAgainMax, kFirstAgain * (1 << std::min<int>(frame.sendings, 6)));
  if (frame.sendings < UINT8_MAX) ++frame.sendings;
}

void NativeAgent::seal(FrameType type, bool ask, RowsBody& body, Moment now, NativeShared& shared, Bytes& out) {
  body.spool_id = spool_id_;
  body.sent_at_ms = unix_ms(now.wall);
  body.lowest_kept = pending_.empty() ? next_sequence_ : pending_.front().first;
  body.dictionary_id = dictionary_id_;
  shared.body.clear();
  body.encode(shared.body);
  FrameHeader header;
  header.type = type;
  header.key_epoch = key_->epoch;
  header.flags = ask ? FrameHeader::kAckNow : 0;
  header.agent_id = key_->agent_id;
  header.session = session_;
  header.packet = ++packet_;
  seal_frame(shared.cipher, session_key_, header, shared.body, out);
  shared.report.bytes += out.size();
}

bool NativeAgent::again(Moment now, NativeShared& shared, Bytes& out) {
  if (!dictionary_known_) {
    if (!dictionary_due_ || *dictionary_due_ > now.monotonic) return false;
    ++shared.report.again;
    return send_dictionary(now, shared, out), true;
  }
  const auto due =
      std::find_if(pending_.begin(), pending_.end(), [&](const Frame& frame) { return frame.due <= now.monotonic; });
  if (due == pending_.end()) return false;
  ++shared.report.again;
  send_frame(*due, true, now, shared, out);
  return true;
}

void NativeAgent::take(const FrameHeader& header, ByteView datagram, Moment now, NativeShared& shared) {
  if (header.type == FrameType::kRequest) return;  // A load has no answers.
  if (header.session != run_) {
    reply_key_ = derive_reply_key(key_->key, session_, header.session);
    run_ = header.session;
  }
  if (header.type != FrameType::kAck || !open_frame(shared.cipher, reply_key_, header, datagram, shared.body))
    return void(++shared.malformed);
  const auto ack = AckBody::decode(shared.body);
  if (!ack) return void(++shared.malformed);
  for (const AckBody::Refused& refused : ack->refused) shared.report.refused += refused.rows;
  const auto& unknown = ack->unknown_dictionaries;
  dictionary_known_ = std::find(unknown.begin(), unknown.end(), dictionary_id_) == unknown.end();
  if (!dictionary_known_) dictionary_due_.reset();
  acknowledge(*ack, now, shared);
}

void NativeAgent::acknowledge(const AckBody& ack, Moment now, NativeShared& shared) {
  if (ack.spool_id != spool_id_) return;
  const auto is_acked = [&](const Frame& frame) {
    if (frame.last() <= ack.cumulative) return true;
    return std::any_of(ack.ranges.begin(), ack.ranges.end(), [&](const SequenceRange& range) {
      return range.first <= frame.first && frame.last() <= range.last;
    });
  };
  std::erase_if(pending_, [&](const Frame& frame) {
    if (!is_acked(frame)) return false;
    shared.report.rows += frame.rows;
    return true;
  });
  // What lies below a range that is acknowledged was lost: it goes again soon.
  for (Frame& frame : pending_)
    if (!ack.ranges.empty() && frame.last() < ack.ranges.back().first)
      frame.due = std::min(frame.due, now.monotonic + 500ms);
}

}  // namespace dragonfly::bench
