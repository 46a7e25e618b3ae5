#include "virtual_agent.h"

#include <algorithm>

namespace dragonfly {
namespace {
constexpr std::string_view kInterval = "agent_interval";
constexpr Duration kIntervalMin = 10ms;
constexpr Duration kIntervalMax = 1h;
}  // namespace

Result<VirtualAgent> VirtualAgent::make(const AgentKey& key, const VmPlace& place, uint64_t spool_id, uint64_t session,
                                        const Workshop& shop) {
  VirtualAgent agent(key, place, spool_id);
  agent.set_interval(static_cast<uint32_t>(shop.interval / 1ms), shop);
  const size_t size = agent.dictionary(shop).size();
  if (size > kDictionaryRoom)
    return fail(ErrorCode::kInvalidArgument,
                "the names of {}/{}/{} are too long for one frame: together they may have about {} bytes", key.ns,
                key.mcis, key.vm, kDictionaryRoom - (size - key.ns.size() - key.mcis.size() - key.vm.size()));
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
  if (!place_->csp.empty()) out.labels["cspType"] = place_->csp;
  if (!place_->region.empty()) out.labels["region"] = place_->region;
  out.boot_id = shop.boot;
  out.interval_ms = interval_ms_;
  return out.encode();
}

// Slots of before stay behind: a frame that goes again keeps its time.
void VirtualAgent::set_interval(uint32_t interval_ms, const Workshop& shop) {
  interval_ms_ = interval_ms;
  dictionary_id_ = dictionary_id(dictionary(shop));
  dictionary_known_ = false;
  ++dictionary_number_;
}

void VirtualAgent::wake(Timestamp earliest) {
  const int64_t interval = interval_ms_;
  const auto phase = static_cast<int64_t>(spread_bits(key_->agent_id) % interval_ms_);
  const int64_t from = unix_ms(earliest + 1ms - Duration(1));
  slot_ms_ = phase + (from - phase + interval - 1) / interval * interval;
  if (next_tick_ == 0) begin_ms_ = slot_ms_;
}

VirtualAgent::Pending VirtualAgent::next_tick(MonotonicTime now) {
  const Pending frame{next_tick_++, slot_ms_, interval_ms_, now, {}, 0, false, 0};
  slot_ms_ += interval_ms_;
  return frame;
}

void VirtualAgent::fill(const Pending& frame, Workshop& shop) const {
  const TickAt at{frame.tick, std::chrono::milliseconds(frame.time_ms - begin_ms_),
                  std::chrono::milliseconds(frame.interval_ms)};
  fill_tick(key_->agent_id, at, from_unix_ms(frame.time_ms), shop.rows);
}

void VirtualAgent::measure(Workshop& shop) { fill(next_tick({}), shop); }

void VirtualAgent::tick(Moment now, Workshop& shop, Bytes& out) {
  if (pending_.size() >= kPendingMax) {
    pending_.erase(pending_.begin());
    shop.report.rows_lost += kRowsPerTick;
  }
  // A part of the frames asks, at another tick for each agent, so that acks can be timed.
  const bool ask = first_of_session_ || (next_tick_ + spool_id_) % kAskEvery == 0;
  Pending& frame = pending_.emplace_back(next_tick(now.monotonic));
  frame.asked = ask;
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
  shop.report.rows_resent += kRowsPerTick;
  return true;
}

void VirtualAgent::send(Pending& frame, bool ask, Moment now, Workshop& shop, Bytes& out) {
  fill(frame, shop);
  shop.block.clear();
  RowBlockWriter writer(shop.block, RowBlockWriter::Unit::kMilliseconds, from_unix_ms(frame.time_ms));
  for (const Row& row : shop.rows) writer.add(row);
  RowsBody body;
  body.first_sequence = frame.first();
  body.row_block = shop.block;
  seal_rows(FrameType::kRows, ask, body, now, shop, out);
  frame.with_dictionary = dictionary_known_ ? 0 : dictionary_number_;
  // 6 s where the server may take its time; else 1, 2, 4 … s, each up to a quarter longer, another for each agent.
  Duration wait = kPatience;
  if (ask) wait = std::min<Duration>(kAgainMax, kFirstAgain * (1 << std::clamp(frame.sendings - 1, 0, 6)));
  if (hurried_) wait = kHurry;
  frame.due = now.monotonic + wait + wait / 1024 * static_cast<int64_t>(spread_bits(key_->agent_id + packet_) % 256);
  if (frame.sendings < UINT8_MAX) ++frame.sendings;
}

void VirtualAgent::seal_rows(FrameType type, bool ask, RowsBody& body, Moment now, Workshop& shop, Bytes& out) {
  Bytes encoded;
  if (!dictionary_known_) encoded = dictionary(shop);
  body.dictionary = encoded;
  body.dictionary_id = dictionary_id_;
  body.spool_id = spool_id_;
  body.sent_at_ms = unix_ms(now.wall);
  body.lowest_kept = pending_.empty() ? next_tick_ * kRowsPerTick + 1 : pending_.front().first();
  shop.body.clear();
  body.encode(shop.body);
  first_of_session_ = false;
  seal(type, ask, shop, out);
}

// What is in shop.body.
void VirtualAgent::seal(FrameType type, bool ask, Workshop& shop, Bytes& out) {
  FrameHeader header;
  header.type = type;
  header.key_epoch = key_->epoch;
  header.flags = static_cast<uint8_t>((shop.sealed ? 0 : FrameHeader::kPlain) | (ask ? FrameHeader::kAckNow : 0));
  header.agent_id = key_->agent_id;
  header.session = session_;
  header.packet = ++packet_;
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
  seal_rows(FrameType::kKeepAlive, true, body, now, shop, out);
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
  if (ack->settings.version != 0) take_settings(ack->settings, now, shop);
  // The server is there: what went in vain goes again soon, and at once where the server now can take it.
  const bool at_once = must_tell || ack->session_too_old;
  for (Pending& frame : pending_)
    if (at_once || frame.sendings > 1) frame.due = std::min(frame.due, now.monotonic + (at_once ? 0s : kFirstAgain));
}

void VirtualAgent::take_settings(const AgentSettings& settings, Moment now, const Workshop& shop) {
  report_due_ = true;
  settings_version_ = settings.version;
  for (const auto& [key, value] : settings.values) {
    if (key != kInterval) continue;
    const auto told = parse_duration(value);
    const bool allowed = told && *told >= kIntervalMin && *told <= kIntervalMax && *told % 1ms == 0ms;
    outcome_ = !allowed               ? SettingOutcome::kRefused
               : shop.interval_pinned ? SettingOutcome::kPinned
                                      : SettingOutcome::kApplied;
    if (outcome_ != SettingOutcome::kApplied || *told == interval()) continue;
    set_interval(static_cast<uint32_t>(*told / 1ms), shop);
    if (!asleep()) wake(now.wall + 1ms);
  }
}

bool VirtualAgent::report(Moment, Workshop& shop, Bytes& out) {
  if (!std::exchange(report_due_, false)) return false;
  shop.body.clear();
  ReportBody{settings_version_, interval_ms_, {{std::string(kInterval), outcome_}}}.encode(shop.body);
  seal(FrameType::kReport, false, shop, out);
  return true;
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
    if (frame.with_dictionary == dictionary_number_) dictionary_known_ = true;
    if (frame.asked) shop.report.ack_times.add(now.monotonic - frame.first_sent);
    return true;
  });
  shop.report.frames_acked += before - pending_.size();
  shop.report.rows_acked += (before - pending_.size()) * kRowsPerTick;
}

}  // namespace dragonfly
