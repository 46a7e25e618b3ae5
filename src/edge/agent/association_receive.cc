// What the server sends: opening, acks, requests.
#include <algorithm>

#include "base/core/assert.h"
#include "edge/agent/association.h"

namespace dragonfly {
namespace {
constexpr std::string_view kModule = "agent";
// A block that younger ones have overtaken is taken for lost after so long.
constexpr Duration kOvertaken = 1s;
}  // namespace

bool Association::received(ByteView datagram, Moment now) {
  const auto header = FrameHeader::decode(datagram);
  if (!header || (header->type != FrameType::kAck && header->type != FrameType::kRequest)) {
    ++stats_.malformed;
    return false;
  }
  if (header->agent_id != identity_.agent_id) {
    ++stats_.foreign;
    return false;
  }
  if (!open(*header, datagram, now)) return false;
  unanswered_since_.reset();
  probe_wait_ = 1s;
  probe_at_ = now.monotonic;
  if (oldest() != nullptr) next_due_ = std::min(next_due_, now.monotonic);
  if (header->type == FrameType::kAck) {
    if (const auto ack = AckBody::decode(opened_)) {
      on_ack(*ack, now);
    } else {
      ++stats_.malformed;
    }
  } else if (const auto request = RequestBody::decode(opened_)) {
    on_request(*request, now);
  } else {
    ++stats_.malformed;
  }
  wipe(opened_);  // A key may have come with it.
  return true;
}

// The server's datagrams carry its run, which grows from start to start. So an older run is a replay, or a server whose
// clock went back: once it is the only one that we hear, a new session of ours makes all that was recorded worthless
// and lets any run begin.
bool Association::open(const FrameHeader& header, ByteView datagram, Moment now) {
  if (header.plain() != !identity_.key) {
    ++stats_.forged;
    return false;
  }
  const bool known_run = run_ != 0 && header.session == run_;
  if (header.session == 0 || (known_run && !window_.is_new(header.packet))) {
    ++stats_.replayed;
    return false;
  }
  Key256 key{};
  if (identity_.key) key = known_run ? reply_key_ : derive_reply_key(*identity_.key, session_, header.session);
  if (!open_frame(cipher_, key, header, datagram, opened_)) {
    ++stats_.forged;
    return false;
  }
  if (header.session < run_) {
    ++stats_.replayed;
    if (silent(now.monotonic)) renew_session(now);
    return false;
  }
  if (!known_run) {
    run_ = header.session;
    reply_key_ = key;
    window_ = ReplayWindow();
  }
  window_.mark(header.packet);
  return true;
}

void Association::on_ack(const AckBody& ack, Moment now) {
  ++stats_.acks;
  last_ack_ = now.monotonic;
  if (ack.spool_id == spool_id_) on_acknowledged(ack, now);
  on_refused(ack, now.monotonic);
  for (const DictionaryId id : ack.unknown_dictionaries) on_unknown(id, now.monotonic);
  if (ack.frames_per_s_max) on_pace(*ack.frames_per_s_max, now.monotonic);
  if (ack.settings.version != 0) settings_ = ack.settings;
  if (ack.next_key && identity_.key && ack.next_key->epoch != identity_.key_epoch) next_key_ = ack.next_key;
  on_standing(ack.standing, now.monotonic);
  if (ack.session_too_old) {
    if (uint64_t held_back = 0; session_line_.allow(now.monotonic, held_back)) {
      log_warning(kModule,
                  "the server has seen a later session of this agent (was the clock set back?); starting a larger one");
    }
    renew_session(now);
    ++session_jumps_;
  }
}

void Association::on_standing(AgentStanding standing, MonotonicTime now) {
  const bool was_other = standing_ == AgentStanding::kOtherAgent;
  standing_ = standing;
  if (standing == AgentStanding::kGood) {
    if (was_other) log_info(kModule, "the other agent of this VM is gone; this one takes its place");
    return;
  }
  if (standing == AgentStanding::kRevoked) return;  // Who owns this says so, and ends.
  probe_at_ = now + kOtherAgentWait;
  if (uint64_t held_back = 0; standing_line_.allow(now, held_back)) {
    log_warning(
        kModule,
        "the server hears another agent of this VM ({}/{}/{}); rows wait until that one has been silent for ten "
        "minutes, or `cbmon agent replace` ends it",
        identity_.ns, identity_.mcis, identity_.vm);
  }
}

void Association::renew_session(Moment now) {
  start_session(now.wall);
  for_each_block([&](BufferedBlock& block) { make_due(block, now.monotonic); });
}

void Association::on_acknowledged(const AckBody& ack, Moment now) {
  const uint64_t top = ack.ranges.empty() ? ack.cumulative : ack.ranges.back().last;
  if (std::max(top, ack.cumulative) >= buffer_.next_sequence()) {  // Rows that never were.
    ++stats_.malformed;
    return;
  }
  stats_.rows_acked += replay_.acknowledge(ack.cumulative, ack.ranges);
  stats_.rows_acked += buffer_.acknowledge(ack.cumulative, ack.ranges);
  if (spool_ != nullptr) {
    spool_->acknowledged(ack.cumulative, ack.ranges);
    spool_->release(lowest_kept());
    replay(now);
  }
  session_jumps_ = 0;
  for_each_block([&](BufferedBlock& block) {
    if (block.first_sequence > top || block.sends != 1) return;
    if (now.monotonic - block.last_sent >= kOvertaken) make_due(block, now.monotonic);
  });
}

void Association::on_refused(const AckBody& ack, MonotonicTime now) {
  for (const AckBody::Refused& refused : ack.refused) {
    const auto cause = static_cast<size_t>(refused.cause);
    stats_.rows_refused[cause < stats_.rows_refused.size() ? cause : 0] += refused.rows;
    if (uint64_t held_back = 0; refused_line_.allow(now, held_back)) {
      log_warning(kModule, "the server refused {} rows for good ({}); {} such lines were left out", refused.rows,
                  to_string(refused.cause), held_back);
    }
  }
}

void Association::on_unknown(DictionaryId id, MonotonicTime now) {
  for (size_t i = 0; i < dictionaries_.size(); ++i) {
    if (dictionaries_[i]->id == id) dictionaries_[i]->known = false;
  }
  for_each_block([&](BufferedBlock& block) {
    if (block.dictionary->id != id) return;
    block.dictionary->known = false;
    make_due(block, now);
  });
}

void Association::on_pace(uint32_t frames_per_s, MonotonicTime now) {
  if (!pace_ || frames_per_s != pace_per_s_) pace_.emplace(frames_per_s, now);
  pace_per_s_ = frames_per_s;
  pace_until_ = now + kPaceHolds;
}

void Association::on_request(const RequestBody& request, Moment now) {
  if (request.request_id == 0 || request.kind != RequestBody::Kind::kSampleNow) {
    ++stats_.malformed;
    return;
  }
  ++stats_.requests;
  if (repeat_answer(request.request_id, now)) return;
  const auto waits = [&](const SampleRequest& other) { return other.id == request.request_id; };
  if (std::any_of(requests_.begin(), requests_.end(), waits)) return;
  if (requests_.size() >= kRequestsMax) {
    ++stats_.requests_over;
    return;
  }
  requests_.push_back({request.request_id, request.groups});
}

std::optional<SampleRequest> Association::next_request() {
  if (requests_.empty()) return std::nullopt;
  SampleRequest out = std::move(requests_.front());
  requests_.pop_front();
  return out;
}

void Association::answer(uint64_t request_id, std::span<const Row> rows, Moment now) {
  const uint64_t first = buffer_.next_sequence();
  pack(rows, request_id, now);
  if (buffer_.next_sequence() == first) {  // Nothing could be read: the server shall know it, not wait.
    block_.clear();
    const RowBlockWriter empty(block_, RowBlockWriter::Unit::kMilliseconds, now.wall);
    Answer answer{request_id, first, dictionaries_[0], block_};
    send_answer(answer, now);
    keep_answer(std::move(answer));
    return;
  }
  for (const BufferedBlock& block : buffer_.blocks()) {
    if (block.first_sequence >= first) keep_answer({request_id, block.first_sequence, block.dictionary, block.block});
  }
}

void Association::keep_answer(Answer answer) {
  if (answers_.size() >= kAnswersKept) answers_.pop_front();
  answers_.push_back(std::move(answer));
}

// The same rows under the same sequences, so that the server stores them once.
bool Association::repeat_answer(uint64_t request_id, Moment now) {
  bool found = false;
  for (const Answer& answer : answers_) {
    if (answer.request_id != request_id) continue;
    found = true;
    send_answer(answer, now);
  }
  return found;
}

void Association::send_answer(const Answer& answer, Moment now) {
  RowsBody body = body_for(*answer.dictionary, !answer.dictionary->known, now.wall);
  body.first_sequence = answer.first_sequence;
  body.request_id = answer.request_id;
  body.row_block = answer.block;
  send_body(FrameType::kRows, body, true, now);
}

}  // namespace dragonfly
