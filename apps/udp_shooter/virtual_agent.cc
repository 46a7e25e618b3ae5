#include "virtual_agent.h"

#include <algorithm>

namespace dragonfly {

Result<VirtualAgent> VirtualAgent::make(const AgentKey& key, Timestamp first_tick, uint64_t spool_id, uint64_t session,
                                        const Workshop& shop) {
  VirtualAgent agent(key, first_tick, spool_id);
  const Bytes encoded = agent.dictionary(shop);
  if (encoded.size() > kDictionaryRoom)
    return fail(ErrorCode::kInvalidArgument,
                "the names of {}/{}/{} are too long for one frame: together they may have about {} bytes", key.ns,
                key.mcis, key.vm, kDictionaryRoom - (encoded.size() - key.ns.size() - key.mcis.size() - key.vm.size()));
  agent.dictionary_id_ = dictionary_id(encoded);
  agent.start_session(session, shop);
  return agent;
}

void VirtualAgent::start_session(uint64_t session, const Workshop& shop) {
  session_ = session;
  packet_ = 0;
  run_ = 0;
  first_of_session_ = true;
  if (shop.sealed) session_key_ = derive_session_key(key_->key, session);
}

Bytes VirtualAgent::dictionary(const Workshop& shop) const {
  Dictionary out;
  out.labels = {{"nsId", key_->ns}, {"mcisId", key_->mcis}, {"vmId", key_->vm}, {"osType", "LINUX"}};
  out.boot_id = shop.boot;
  out.interval_ms = static_cast<uint32_t>(shop.interval / 1ms);
  return out.encode();
}

void VirtualAgent::tick(Moment now, Workshop& shop, Bytes& out) {
  if (pending_.size() >= kPendingMax) {
    pending_.erase(pending_.begin());
    shop.report.rows_lost += kRowsPerTick;
  }
  // A part of the frames asks, at another tick for each agent, so that acks can be timed.
  const bool ask = first_of_session_ || (next_tick_ + spool_id_) % kAskEvery == 0;
  Pending& frame = pending_.emplace_back(Pending{next_tick_++, now.monotonic, {}, 0, ask, false});
  send(frame, ask, now, shop, out);
  ++shop.report.frames_sent;
  shop.report.rows_sent += kRowsPerTick;
}

bool VirtualAgent::again(Moment now, Workshop& shop, Bytes& out) {
  const auto due =
      std::find_if(pending_.begin(), pending_.end(), [&](const Pending& frame) { return frame.due <= now.monotonic; });
  if (due == pending_.end()) return false;
  send(*due, true, now, shop, out);
  ++shop.report.frames_resent;
  return true;
}

void VirtualAgent::send(Pending& frame, bool ask, Moment now, Workshop& shop, Bytes& out) {
  const Timestamp time = first_tick() + static_cast<int64_t>(frame.tick) * shop.interval;
  fill_tick(key_->agent_id, frame.tick, shop.interval, time, shop.rows);
  shop.block.clear();
  RowBlockWriter writer(shop.block, RowBlockWriter::Unit::kMilliseconds, time);
  for (const Row& row : shop.rows) writer.add(row);
  RowsBody body;
  body.first_sequence = frame.first();
  body.row_block = shop.block;
  seal(FrameType::kRows, ask, body, now, shop, out);
  frame.with_dictionary = !dictionary_known_;
  // 6 s where the server may take its time; else 1, 2, 4 … s, each up to a quarter longer, another for each agent.
  Duration wait = kPatience;
  if (ask) wait = std::min<Duration>(kAgainMax, kFirstAgain * (1 << std::clamp(frame.sendings - 1, 0, 6)));
  if (hurried_) wait = kHurry;
  frame.due = now.monotonic + wait + wait / 1024 * static_cast<int64_t>(spread_bits(key_->agent_id + packet_) % 256);
  if (frame.sendings < UINT8_MAX) ++frame.sendings;
}

void VirtualAgent::seal(FrameType type, bool ask, RowsBody& body, Moment now, Workshop& shop, Bytes& out) {
  Bytes encoded;
  if (!dictionary_known_) encoded = dictionary(shop);
  body.dictionary = encoded;
  body.dictionary_id = dictionary_id_;
  body.spool_id = spool_id_;
  body.sent_at_ms = unix_ms(now.wall);
  body.lowest_kept = pending_.empty() ? next_tick_ * kRowsPerTick + 1 : pending_.front().first();
  shop.body.clear();
  body.encode(shop.body);
  FrameHeader header;
  header.type = type;
  header.key_epoch = key_->epoch;
  header.flags = static_cast<uint8_t>((shop.sealed ? 0 : FrameHeader::kPlain) | (ask ? FrameHeader::kAckNow : 0));
  header.agent_id = key_->agent_id;
  header.session = session_;
  header.packet = ++packet_;
  first_of_session_ = false;
  seal_frame(shop.cipher, session_key_, header, shop.body, out);
}

void VirtualAgent::hurry(MonotonicTime at) {
  hurried_ = true;
  for (Pending& frame : pending_) frame.due = std::min(frame.due, at);
}

bool VirtualAgent::ask(Moment now, Duration quiet, Workshop& shop, Bytes& out) {
  if (has_asked_ || pending_.empty() || pending_.back().first_sent + quiet > now.monotonic) return false;
  has_asked_ = true;
  RowsBody body;
  body.first_sequence = next_tick_ * kRowsPerTick + 1;
  seal(FrameType::kKeepAlive, true, body, now, shop, out);
  return true;
}

bool VirtualAgent::open(const FrameHeader& header, ByteView datagram, Workshop& shop) {
  if (header.plain() == shop.sealed) return false;
  Key256 key = reply_key_;
  if (shop.sealed && header.session != run_) key = derive_reply_key(key_->key, session_, header.session);
  if (!open_frame(shop.cipher, key, header, datagram, shop.body)) return false;
  reply_key_ = key;
  run_ = header.session;
  return true;
}

void VirtualAgent::take(const FrameHeader& header, ByteView datagram, Moment now, uint16_t random, Workshop& shop) {
  if (header.type == FrameType::kRequest) return;  // Load has no answers.
  if (header.type != FrameType::kAck || !open(header, datagram, shop)) return void(++shop.report.acks_malformed);
  const auto ack = AckBody::decode(shop.body);
  if (!ack.has_value()) return void(++shop.report.acks_malformed);
  ++shop.report.acks;
  for (const AckBody::Refused& refused : ack->refused) shop.report.rows_refused += refused.rows;
  acknowledge(*ack, now, shop);
  const auto& unknown = ack->unknown_dictionaries;
  const bool must_tell = std::find(unknown.begin(), unknown.end(), dictionary_id_) != unknown.end();
  if (must_tell) dictionary_known_ = false;
  if (ack->session_too_old) start_session(std::max(make_session(now.wall, random), session_ + 1), shop);
  // The server is there: what went in vain goes again soon, and at once where the server now can take it.
  const bool at_once = must_tell || ack->session_too_old;
  for (Pending& frame : pending_)
    if (at_once || frame.sendings > 1) frame.due = std::min(frame.due, now.monotonic + (at_once ? 0s : kFirstAgain));
}

void VirtualAgent::acknowledge(const AckBody& ack, Moment now, Workshop& shop) {
  if (ack.spool_id != spool_id_) return;
  const auto is_acked = [&](const Pending& frame) {
    if (frame.last() <= ack.cumulative) return true;
    return std::any_of(ack.ranges.begin(), ack.ranges.end(), [&](const SequenceRange& range) {
      return range.first <= frame.first() && frame.last() <= range.last;
    });
  };
  const size_t before = pending_.size();
  std::erase_if(pending_, [&](const Pending& frame) {
    if (!is_acked(frame)) return false;
    if (frame.with_dictionary) dictionary_known_ = true;
    if (frame.asked) shop.report.ack_times.add(now.monotonic - frame.first_sent);
    return true;
  });
  shop.report.frames_acked += before - pending_.size();
  shop.report.rows_acked += (before - pending_.size()) * kRowsPerTick;
}

}  // namespace dragonfly
