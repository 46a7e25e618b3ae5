#include "edge/agent/association.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

constexpr std::string_view kModule = "agent";
constexpr Duration kFirstWait = 1s;
constexpr Duration kWaitMax = 60s;
constexpr Duration kAckDelayOfServer = 5s;
// Between two sends of a block at the end of the agent.
constexpr Duration kFlushAgain = 250ms;
// Batches of re-sends, so that a backlog does not wake the agent for each frame.
constexpr Duration kBacklogStep = 100ms;
constexpr RowBufferLimits kReplayLimits{.bytes_max = 4 << 20, .age_max = 48h};  // kReplayBlocks is what bounds it.

}  // namespace

Association::Association(const AgentIdentity& identity, const Dictionary& dictionary, RowBufferLimits limits,
                         Random& random, DatagramSink& sink, RowSpool* spool, Moment start)
    : identity_(identity),
      random_(random),
      sink_(sink),
      spool_(spool),
      dictionaries_(dictionary),
      replay_(kReplayLimits),
      buffer_(limits, spool != nullptr ? spool->first_sequence() : 1),
      spool_id_(spool != nullptr ? spool->spool_id() : random.next()),
      last_sent_(start.monotonic),
      probe_at_(start.monotonic),
      backlog_(kBacklogPerS, start.monotonic) {
  set_dictionary(dictionary);
  start_session(start.wall);
}

void Association::set_dictionary(const Dictionary& dictionary) {
  dictionaries_.set_base(dictionary);
  needs_keep_alive_ = std::chrono::milliseconds(dictionary.interval_ms) > kKeepAlive;
}

// A larger session than the one before, even where the wall clock went back. Each one in a row that the server calls
// too old leaps twice as far, so that also a clock that is years behind gets there.
void Association::start_session(Timestamp wall) {
  constexpr uint64_t kMsMax = (uint64_t{1} << 48) - 1;
  const uint64_t now_ms = static_cast<uint64_t>(std::max<int64_t>(unix_ms(wall), 0));
  uint64_t ms = now_ms;
  if (session_ != 0) {
    const uint64_t leap = session_jumps_ == 0 ? 1 : uint64_t{1000} << std::min<uint32_t>(session_jumps_ - 1, 32);
    ms = std::max(now_ms, (session_ >> 16) + leap);
  }
  ms = std::min(ms, kMsMax);
  session_ = make_session(from_unix_ms(static_cast<int64_t>(ms)), static_cast<uint16_t>(random_.next()));
  ++stats_.sessions;
  packet_ = 0;
  run_ = 0;
  window_ = ReplayWindow();
  if (identity_.key) session_key_ = derive_session_key(*identity_.key, session_);
}

bool Association::silent(MonotonicTime now) const {
  return run_ == 0 || standing_ == AgentStanding::kOtherAgent ||
         (unanswered_since_ && now - *unanswered_since_ >= kSilentAfter);
}

void Association::tick(std::span<const Row> rows, std::span<const std::string> devices, Moment now) {
  dictionaries_.set_devices(devices);
  count_dropped(buffer_.expire(now.monotonic), now.monotonic);
  pack(rows, 0, now);
}

// Whole rows into as few blocks as fit: per dictionary, because a frame names one. Room for the dictionary is always
// left, so that any block can be sent again with it.
void Association::pack(std::span<const Row> rows, uint64_t request_id, Moment now) {
  for (size_t slice = 0; slice < dictionaries_.size(); ++slice) {
    const size_t room = kFrameBodyBytesMax - kRowsOverheadMax - dictionaries_[slice]->encoded.size();
    uint32_t in_block = 0;
    std::optional<RowBlockWriter> writer;
    for (const Row& row : rows) {
      const auto place = dictionaries_.place_of(row.device);
      if (place.slice != slice) continue;
      fields_.clear();
      ByteWriter fields(fields_);
      encode_fields(fields, row.values);
      for (bool again = true; again;) {
        again = false;
        if (in_block == 0) {
          block_.clear();
          writer.emplace(block_, RowBlockWriter::Unit::kMilliseconds, row.time);
        }
        const size_t before = block_.size();
        writer->add(row.group, place.device, row.time, fields_);
        if (block_.size() <= room) {
          ++in_block;
          continue;
        }
        DF_ASSERT(in_block > 0);  // A catalogue row alone always fits: kIdentityBytesMax sees to it.
        block_.resize(before);
        add_block(slice, in_block, request_id, now);
        in_block = 0;
        again = true;
      }
    }
    if (in_block > 0) add_block(slice, in_block, request_id, now);
  }
}

void Association::add_block(size_t slice, uint32_t rows, uint64_t request_id, Moment now) {
  BufferedBlock& block = buffer_.add(block_, rows, request_id, dictionaries_[slice], now.monotonic);
  stats_.rows_taken += rows;
  if (spool_ != nullptr) {
    const SpoolRows spooled{block.first_sequence, rows, lowest_kept(), unix_ms(now.wall), block.dictionary->id, block_};
    block.spooled = spool_->append(spooled, *block.dictionary, now.monotonic);
  }
  trim(now.monotonic);
  if (pace_ && now.monotonic >= pace_until_) pace_.reset();
  if (standing_ != AgentStanding::kGood && request_id == 0) return make_due(block, now.monotonic);
  if (pace_ && !pace_->take(now.monotonic)) {
    make_due(block, now.monotonic);
    return;
  }
  send_block(block, request_id != 0 || silent(now.monotonic) || buffer_.half_full(), now);
}

RowsBody Association::body_for(const SentDictionary& dictionary, bool inline_dictionary, Timestamp wall) const {
  RowsBody body;
  body.spool_id = spool_id_;
  body.sent_at_ms = unix_ms(wall);
  body.lowest_kept = lowest_kept();
  body.dictionary_id = dictionary.id;
  if (inline_dictionary) body.dictionary = dictionary.encoded;
  return body;
}

void Association::send_block(BufferedBlock& block, bool ack_now, Moment now) {
  const bool carries = !block.dictionary->known;
  RowsBody body = body_for(*block.dictionary, carries, now.wall);
  body.first_sequence = block.first_sequence;
  body.request_id = block.request_id;
  body.row_block = block.block;
  send_body(FrameType::kRows, body, ack_now, now);
  block.carried_dictionary |= carries;
  block.asked = ack_now;
  if (block.sends > 0) ++stats_.frames_resent;
  block.due = now.monotonic + wait_after(block.sends, ack_now);
  block.last_sent = now.monotonic;
  ++block.sends;
  next_due_ = std::min(next_due_, block.due);
  if (!unanswered_since_) unanswered_since_ = now.monotonic;
  ++stats_.frames_sent;
}

void Association::send_body(FrameType type, const RowsBody& body, bool ack_now, Moment now) {
  body_.clear();
  body.encode(body_);
  seal_and_send(type, ack_now, now);
}

void Association::report(const ReportBody& body, Moment now) {
  body_.clear();
  body.encode(body_);
  seal_and_send(FrameType::kReport, false, now);
}

// What is in body_.
void Association::seal_and_send(FrameType type, bool ack_now, Moment now) {
  FrameHeader header;
  header.type = type;
  header.key_epoch = identity_.key_epoch;
  header.flags = static_cast<uint8_t>((identity_.key ? 0 : FrameHeader::kPlain) | (ack_now ? FrameHeader::kAckNow : 0));
  header.agent_id = identity_.agent_id;
  header.session = session_;
  header.packet = ++packet_;
  seal_frame(cipher_, session_key_, header, body_, datagram_);
  DF_ASSERT(datagram_.size() <= kFrameBytesMax);
  last_sent_ = now.monotonic;
  sink_.send(datagram_);
}

void Association::ask(Moment now) { send_keep_alive(true, now); }

void Association::use_key(const NextKey& key, Moment now) {
  DF_ASSERT(identity_.key.has_value());
  identity_.key = key.key;
  identity_.key_epoch = key.epoch;
  renew_session(now);
}

void Association::send_keep_alive(bool ack_now, Moment now) {
  RowsBody body = body_for(*dictionaries_[0], !dictionaries_[0]->known, now.wall);
  body.first_sequence = buffer_.next_sequence();
  send_body(FrameType::kKeepAlive, body, ack_now, now);
}

Duration Association::jittered(Duration wait) {
  const auto quarter = static_cast<uint64_t>(wait.count() / 4);
  return wait - Duration(static_cast<int64_t>(quarter)) +
         Duration(static_cast<int64_t>(random_.below(2 * quarter + 1)));
}

Duration Association::wait_after(uint32_t sends, bool ack_now) {
  if (sends == 0) return jittered(kFirstWait) + (ack_now ? Duration(0) : kAckDelayOfServer);
  return jittered(std::min<Duration>(kWaitMax, kFirstWait * (1 << std::min<uint32_t>(sends, 6))));
}

void Association::make_due(BufferedBlock& block, MonotonicTime now) {
  block.due = std::min(block.due, now);
  if (block.sends == 0) block.due = now;
  next_due_ = std::min(next_due_, block.due);
}

void Association::timer(Moment now) {
  count_dropped(buffer_.expire(now.monotonic), now.monotonic);
  replay(now);
  if (oldest() != nullptr) {
    if (silent(now.monotonic)) {
      probe_oldest(now);
    } else if (next_due_ <= now.monotonic) {
      resend_due(now);
    }
  }
  if (needs_keep_alive_ && now.monotonic - last_sent_ >= kKeepAlive) send_keep_alive(oldest() != nullptr, now);
}

void Association::probe_oldest(Moment now) {
  BufferedBlock& block = *oldest();
  if (now.monotonic < std::max(block.due, probe_at_)) return;
  if (pace_ && now.monotonic < pace_until_ && !pace_->take(now.monotonic)) {
    probe_at_ = pace_->next();
    return;
  }
  send_block(block, true, now);
  make_due(block, now.monotonic);  // Only the back-off of the association counts while the server is away.
  probe_wait_ = std::min<Duration>(kWaitMax, probe_wait_ * 2);
  probe_at_ = now.monotonic + jittered(probe_wait_);
}

void Association::resend_due(Moment now) {
  next_due_ = MonotonicTime::max();
  const bool paced = pace_ && now.monotonic < pace_until_;
  for_each_block([&](BufferedBlock& block) {
    if (block.due <= now.monotonic && backlog_.take(now.monotonic) && (!paced || pace_->take(now.monotonic))) {
      send_block(block, true, now);
    }
    next_due_ = std::min(next_due_, block.due);
  });
  // Still due, so out of tokens: a step later there are several.
  if (next_due_ <= now.monotonic) {
    next_due_ = now.monotonic + kBacklogStep;
    if (paced) next_due_ = std::max(next_due_, pace_->next());
  }
}

MonotonicTime Association::next_timer(MonotonicTime now) const {
  MonotonicTime next = MonotonicTime::max();
  const RowBuffer& older = replay_.empty() ? buffer_ : replay_;
  if (!older.empty()) next = silent(now) ? std::max(older.blocks().front().due, probe_at_) : next_due_;
  if (needs_keep_alive_) next = std::min(next, last_sent_ + kKeepAlive);
  return next;
}

void Association::flush(size_t frames_max, Moment now) {
  for (BufferedBlock& block : buffer_.blocks()) {
    if (frames_max == 0) return;
    if (block.asked && now.monotonic - block.last_sent < kFlushAgain) continue;
    send_block(block, true, now);
    --frames_max;
  }
}

void Association::count_dropped(uint64_t rows, MonotonicTime now) {
  stats_.rows_dropped += rows;
  if (rows_dropped() == dropped_told_) return;
  dropped_told_ = rows_dropped();
  if (uint64_t held_back = 0; dropped_line_.allow(now, held_back)) {
    log_warning(kModule,
                "the room for rows that wait for the server is used up: {} of the oldest rows dropped since the start",
                rows_dropped());
  }
}

}  // namespace dragonfly
