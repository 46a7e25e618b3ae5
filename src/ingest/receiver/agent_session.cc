#include "ingest/receiver/agent_session.h"

#include <algorithm>

namespace dragonfly {

AgentSession::~AgentSession() {
  wipe(session_key_);
  wipe(reply_key_);
}

AgentSession::Verdict AgentSession::open(Aes256Gcm& cipher, const Key256& master, const FrameHeader& header,
                                         ByteView datagram, Bytes& body) {
  const bool current = header.session == session_ && header.key_epoch == epoch_ && (keys_ready_ || plain_);
  Key256 key = session_key_;
  if (!current && !plain_) {
    key = derive_session_key(derive_agent_key(master, record_.agent_id, header.key_epoch), header.session);
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
  if (header.key_epoch != epoch_) reply_run_ = 0;
  session_key_ = key;
  epoch_ = header.key_epoch;
  keys_ready_ = true;
  ++frames_opened;
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

void AgentSession::reply(Aes256Gcm& cipher, uint64_t run, const Key256& master, FrameType type, ByteView body,
                         Bytes& out) {
  FrameHeader header;
  header.type = type;
  header.key_epoch = epoch_;
  header.flags = plain_ ? FrameHeader::kPlain : uint8_t{0};
  header.agent_id = record_.agent_id;
  header.session = run;
  header.packet = ++reply_packet_;
  if (!plain_ && reply_run_ != run) {
    reply_key_ = derive_reply_key(derive_agent_key(master, record_.agent_id, epoch_), session_, run);
    reply_run_ = run;
  }
  seal_frame(cipher, reply_key_, header, body, out);
}

void AgentSession::reply_to(Aes256Gcm& cipher, uint64_t run, const Key256& master, const FrameHeader& header,
                            ByteView body, Bytes& out) {
  FrameHeader answer;
  answer.type = FrameType::kAck;
  answer.key_epoch = header.key_epoch;
  answer.flags = plain_ ? FrameHeader::kPlain : uint8_t{0};
  answer.agent_id = record_.agent_id;
  answer.session = run;
  answer.packet = ++reply_packet_;
  Key256 key{};
  if (!plain_)
    key = derive_reply_key(derive_agent_key(master, record_.agent_id, header.key_epoch), header.session, run);
  seal_frame(cipher, key, answer, body, out);
  wipe(key);
}

bool AgentSession::closes_older_epoch() {
  if (record_.older_epoch == 0 || epoch_ != record_.epoch) return false;
  record_.older_epoch = 0;
  return true;
}

// Machines that share a key make each other's sessions too old, and so change them again and again. One that moves, or that
// restarts behind the same address, changes it once and never comes back to where it was.
bool AgentSession::is_duplicate(Source from, MonotonicTime now) {
  constexpr size_t kBegunMax = 16;
  std::erase_if(begun_, [now](const Begun& one) { return now - one.at > kSourceChangesWithin; });
  const bool moved = !begun_.empty() && begun_.back().source.address != from.address;
  const bool came_back =
      !begun_.empty() && begun_.back().source != from && std::ranges::count(begun_, from, &Begun::source) > 0;
  if (begun_.size() == kBegunMax) begun_.erase(begun_.begin());
  begun_.push_back({from, now, moved || came_back});
  return std::ranges::count(begun_, true, &Begun::changed) > kSourceChangesMax;
}

// The newer key, where the agent still speaks under the older one.
std::optional<NextKey> AgentSession::due_key(const Key256& master, MonotonicTime now) {
  if (plain_ || epoch_ == record_.epoch || epoch_ != record_.older_epoch || now < key_again_at_) return std::nullopt;
  key_again_at_ = now + kKeyAgain;
  return NextKey{record_.epoch, derive_agent_key(master, record_.agent_id, record_.epoch)};
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
  ack.next_key = due_key(master, now);
  ack.standing = standing;
  if (needs_settings(settings, now)) {
    ack.settings = settings;
    if (settings_told_ != settings.version) settings_wait_ = kSettingsAgain;
    settings_told_ = settings.version;
    settings_again_at_ = now + settings_wait_;
    settings_wait_ = std::min(kSettingsAgainMax, settings_wait_ * 2);
  }
  Bytes body;
  ack.encode(body);
  reply(cipher, run, master, FrameType::kAck, body, out);
  wipe(body);
  if (ack.next_key) wipe(ack.next_key->key);
}

void AgentSession::make_revoked(Aes256Gcm& cipher, uint64_t run, const Key256& master, const FrameHeader& header,
                                ByteView datagram, Bytes& out) {
  AckBody ack;
  ack.standing = AgentStanding::kRevoked;
  Bytes body;
  ack.encode(body);
  out.clear();
  if (datagram.size() < kFrameHeaderBytes + body.size() + kSealTagBytes) return;
  Key256 key = derive_session_key(derive_agent_key(master, record_.agent_id, header.key_epoch), header.session);
  Bytes opened;
  if (open_frame(cipher, key, header, datagram, opened)) reply_to(cipher, run, master, header, body, out);
  wipe(key);
}

void AgentSession::make_session_too_old(Aes256Gcm& cipher, uint64_t run, const Key256& master,
                                        const FrameHeader& header, Bytes& out) {
  AckBody ack;
  ack.session_too_old = true;
  Bytes body;
  ack.encode(body);
  reply_to(cipher, run, master, header, body, out);
}

void AgentSession::make_request(Aes256Gcm& cipher, uint64_t run, const Key256& master, const RequestBody& request,
                                Bytes& out) {
  Bytes body;
  request.encode(body);
  reply(cipher, run, master, FrameType::kRequest, body, out);
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
