#include "ingest/receiver/agent_session.h"

#include <algorithm>

namespace dragonfly {

AgentSession::~AgentSession() {
  wipe(session_key_);
  wipe(reply_key_);
}

AgentSession::Verdict AgentSession::open(Aes256Gcm& cipher, const Key256& master, const FrameHeader& header,
                                         ByteView datagram, Bytes& body) {
  const bool current = header.session == session_ && (keys_ready_ || plain_);
  Key256 key = session_key_;
  if (!current && !plain_) {
    key = derive_session_key(derive_agent_key(master, record_.agent_id, record_.epoch), header.session);
  }
  // A replay is refused before any crypto, and an unknown packet number changes nothing before it has opened.
  if (header.session == session_ && !window_.is_new(header.packet)) return Verdict::kReplayed;
  if (header.packet == 0) return Verdict::kReplayed;
  if (!open_frame(cipher, key, header, datagram, body)) return Verdict::kNotAuthentic;
  if (header.session < session_) return Verdict::kSessionTooOld;
  if (header.session > session_) {
    session_ = header.session;
    window_ = ReplayWindow();
    settings_reported_ = settings_told_ = 0;
    reply_run_ = 0;  // reply_packet_ goes on: the old session's key may still seal a refusal.
  }
  session_key_ = key;
  keys_ready_ = true;
  newest_opened_ = header.packet > window_.highest();
  window_.mark(header.packet);
  changed = true;
  return Verdict::kOpened;
}

bool AgentSession::done(uint64_t spool_id, uint64_t first, uint64_t last) {
  if (spool_id != spool_id_) return true;  // The agent has started anew meanwhile and asks for nothing of it.
  changed = true;
  return acknowledged_.add(first, last);
}

bool AgentSession::is_done(uint64_t spool_id, uint64_t first, uint64_t last) const {
  return spool_id == spool_id_ && acknowledged_.contains(first, last);
}

void AgentSession::pass_below(uint64_t spool_id, uint64_t lowest_kept) {
  if (spool_id != spool_id_) {
    spool_id_ = spool_id;
    acknowledged_ = SequenceSet();
  }
  acknowledged_.pass(lowest_kept);
}

void AgentSession::refuse(RefusalCause cause, uint64_t rows) {
  const auto at = std::ranges::find(refused_, cause, &AckBody::Refused::cause);
  if (at != refused_.end()) {
    at->rows += rows;
  } else {
    refused_.push_back({cause, rows});
  }
}

void AgentSession::miss_dictionary(DictionaryId id) {
  if (std::ranges::count(missing_, id) == 0 && missing_.size() < kAckItemsMax) missing_.push_back(id);
}

void AgentSession::reply(Aes256Gcm& cipher, uint64_t run, const Key256& master, FrameType type, uint64_t session,
                         ByteView body, Bytes& out) {
  FrameHeader header;
  header.type = type;
  header.key_epoch = record_.epoch;
  header.flags = plain_ ? FrameHeader::kPlain : uint8_t{0};
  header.agent_id = record_.agent_id;
  header.session = run;
  header.packet = ++reply_packet_;
  if (plain_) return seal_frame(cipher, reply_key_, header, body, out);
  if (session == session_ && reply_run_ != run) {
    reply_key_ = derive_reply_key(derive_agent_key(master, record_.agent_id, record_.epoch), session_, run);
    reply_run_ = run;
  }
  const Key256 key = session == session_
                         ? reply_key_
                         : derive_reply_key(derive_agent_key(master, record_.agent_id, record_.epoch), session, run);
  seal_frame(cipher, key, header, body, out);
}

bool AgentSession::needs_settings(const AgentSettings& settings, MonotonicTime now) const {
  if (settings.version == 0 || settings.version == settings_reported_) return false;
  return settings.version != settings_told_ || now >= settings_again_at_;
}

void AgentSession::make_ack(Aes256Gcm& cipher, uint64_t run, const Key256& master, const AgentSettings& settings,
                            MonotonicTime now, Bytes& out, std::optional<uint32_t> frames_per_s_max) {
  AckBody ack;
  ack.spool_id = spool_id_;
  ack.cumulative = acknowledged_.cumulative();
  const auto& ranges = acknowledged_.ranges();
  ack.ranges.assign(ranges.begin(), ranges.begin() + static_cast<ptrdiff_t>(std::min(ranges.size(), kAckRangesMax)));
  ack.refused.swap(refused_);
  ack.unknown_dictionaries.swap(missing_);
  ack.frames_per_s_max = frames_per_s_max;
  if (needs_settings(settings, now)) {
    ack.settings = settings;
    if (settings_told_ != settings.version) settings_wait_ = kSettingsAgain;
    settings_told_ = settings.version;
    settings_again_at_ = now + settings_wait_;
    settings_wait_ = std::min(kSettingsAgainMax, settings_wait_ * 2);
  }
  Bytes body;
  ack.encode(body);
  reply(cipher, run, master, FrameType::kAck, session_, body, out);
}

void AgentSession::make_session_too_old(Aes256Gcm& cipher, uint64_t run, const Key256& master, uint64_t session,
                                        Bytes& out) {
  AckBody ack;
  ack.session_too_old = true;
  Bytes body;
  ack.encode(body);
  reply(cipher, run, master, FrameType::kAck, session, body, out);
}

void AgentSession::make_request(Aes256Gcm& cipher, uint64_t run, const Key256& master, const RequestBody& request,
                                Bytes& out) {
  Bytes body;
  request.encode(body);
  reply(cipher, run, master, FrameType::kRequest, session_, body, out);
}

void AgentSession::encode(Bytes& out) const {
  ByteWriter writer(out);
  writer.u64(session_);
  writer.u64(window_.highest());
  writer.u64(spool_id_);
  acknowledged_.encode(writer);
}

void AgentSession::restore(uint64_t session, uint64_t packet) {
  if (session < session_) return;
  if (session > session_) window_ = ReplayWindow();
  session_ = session;
  window_.close_below(std::max(packet, window_.highest()));
}

bool AgentSession::restore(ByteView encoded) {
  ByteReader in(encoded);
  const uint64_t session = in.u64();
  const uint64_t packet = in.u64();
  const uint64_t spool_id = in.u64();
  SequenceSet acknowledged;
  if (!SequenceSet::decode(in, acknowledged) || !in.done()) return false;
  restore(session, packet);
  spool_id_ = spool_id;
  acknowledged_ = std::move(acknowledged);
  return true;
}

}  // namespace dragonfly
