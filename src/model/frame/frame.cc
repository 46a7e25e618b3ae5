#include "model/frame/frame.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

enum Section : uint64_t {
  kAcknowledged = 1,
  kRefused = 2,
  kDictionaries = 3,
  kPace = 4,
  kSession = 5,
  kSettings = 6,
  kKey = 7,
  kStanding = 8
};

Nonce96 nonce_of(uint64_t packet) {
  Nonce96 nonce{};
  std::memcpy(nonce.data() + 4, &packet, sizeof packet);
  return nonce;
}

// Label, then numbers, on the stack.
class KeyInfo {
 public:
  explicit KeyInfo(std::string_view label) { add(label.data(), label.size()); }
  template <class T>
  KeyInfo& with(T number) {
    add(&number, sizeof number);
    return *this;
  }
  ByteView view() const { return {bytes_.data(), size_}; }

 private:
  void add(const void* from, size_t size) {
    DF_ASSERT(size_ + size <= bytes_.size());
    std::memcpy(bytes_.data() + size_, from, size);
    size_ += size;
  }
  std::array<uint8_t, 48> bytes_{};
  size_t size_ = 0;
};

auto malformed(std::string_view body, std::string_view what) {
  return fail(ErrorCode::kCorruption, "{}: {}", body, what);
}

bool is_sequence(uint64_t sequence) { return sequence >= 1 && sequence <= kSequenceMax; }

// Appends sections to a body; the payload is written in place and its length put in afterwards.
class SectionWriter {
 public:
  explicit SectionWriter(Bytes& out) : out_(out) {}
  template <class WritePayload>
  void add(Section section, WritePayload&& write_payload) {
    ByteWriter writer(out_);
    writer.varint(section);
    const size_t start = out_.size();
    write_payload(writer);
    const size_t length = out_.size() - start;
    const size_t end = out_.size();
    writer.varint(length);
    std::rotate(out_.begin() + static_cast<ptrdiff_t>(start), out_.begin() + static_cast<ptrdiff_t>(end), out_.end());
  }

 private:
  Bytes& out_;
};

Result<> decode_refused(ByteReader& in, AckBody& out) {
  const uint64_t count = in.varint();
  if (count > kAckItemsMax) return fail(ErrorCode::kCorruption, "ack: {} refusals; at most {}", count, kAckItemsMax);
  for (uint64_t i = 0; i < count; ++i) {
    const uint8_t cause = in.u8();
    const uint64_t rows = in.varint();
    out.refused.push_back({static_cast<RefusalCause>(cause), rows});  // A later cause still counts.
  }
  return {};
}

Result<> decode_dictionaries(ByteReader& in, AckBody& out) {
  const uint64_t count = in.varint();
  if (count > kAckItemsMax)
    return fail(ErrorCode::kCorruption, "ack: {} dictionaries; at most {}", count, kAckItemsMax);
  for (uint64_t i = 0; i < count; ++i) out.unknown_dictionaries.push_back(in.u64());
  return {};
}

Result<> decode_section(uint64_t section, ByteReader in, AckBody& out) {
  switch (section) {
    case kAcknowledged:
      out.spool_id = in.u64();
      out.cumulative = in.varint();
      if (out.cumulative > kSequenceMax) return malformed("ack", "cumulative sequence is too large");
      if (!decode_ranges(in, out.cumulative, kAckRangesMax, out.ranges))
        return malformed("ack", "ranges are malformed");
      break;
    case kRefused: DF_TRY(decode_refused(in, out)); break;
    case kDictionaries: DF_TRY(decode_dictionaries(in, out)); break;
    case kPace: {
      const uint64_t pace = in.varint();
      if (in.ok() && (pace == 0 || pace > UINT32_MAX)) return malformed("ack", "pace is not 1 to 4294967295 frames/s");
      out.frames_per_s_max = static_cast<uint32_t>(pace);
      break;
    }
    case kSession:
      if (in.u8() != 1) return malformed("ack", "session is not 1");
      out.session_too_old = true;
      break;
    case kKey: {
      NextKey& next = out.next_key.emplace();
      next.epoch = in.u8();
      const ByteView key = in.bytes(next.key.size());
      std::copy(key.begin(), key.end(), next.key.begin());
      break;
    }
    case kStanding:
      out.standing = static_cast<AgentStanding>(in.u8());
      if (out.standing == AgentStanding::kGood) in.fail();
      break;
    case kSettings: {
      auto settings = AgentSettings::decode(in);
      if (!settings) return fail(std::move(settings).error());
      out.settings = std::move(*settings);
      break;
    }
    default: return {};  // From a later version.
  }
  if (!in.done()) return fail(ErrorCode::kCorruption, "ack: section {} is cut or too long", section);
  return {};
}

}  // namespace

void FrameHeader::encode(std::span<uint8_t, kFrameHeaderBytes> out) const {
  out[0] = kFrameVersion;
  out[1] = static_cast<uint8_t>(type);
  out[2] = key_epoch;
  out[3] = flags;
  std::memset(out.data() + 4, 0, 4);
  std::memcpy(out.data() + 8, &agent_id, 8);
  std::memcpy(out.data() + 16, &session, 8);
  std::memcpy(out.data() + 24, &packet, 8);
}

Result<FrameHeader> FrameHeader::decode(ByteView datagram) {
  if (datagram.size() < kFrameHeaderBytes) {
    return fail(ErrorCode::kCorruption, "frame: {} bytes; a header has {}", datagram.size(), kFrameHeaderBytes);
  }
  if (datagram.size() > kFrameBytesMax) {
    return fail(ErrorCode::kCorruption, "frame: {} bytes; at most {}", datagram.size(), kFrameBytesMax);
  }
  ByteReader in(datagram);
  const uint8_t version = in.u8();
  if (version != kFrameVersion) {
    return fail(ErrorCode::kUnsupported, "frame: version {}; known is {}", version, kFrameVersion);
  }
  FrameHeader out;
  const uint8_t type = in.u8();
  if (type < static_cast<uint8_t>(FrameType::kRows) || type > static_cast<uint8_t>(FrameType::kReport)) {
    return fail(ErrorCode::kUnsupported, "frame: type {} is not known", type);
  }
  out.type = static_cast<FrameType>(type);
  out.key_epoch = in.u8();
  out.flags = in.u8();
  if ((out.flags & ~kKnownFlags) != 0) {
    return fail(ErrorCode::kUnsupported, "frame: flags {:#04x} are not all known", out.flags);
  }
  if (const uint32_t reserved = in.u32(); reserved != 0) {
    return fail(ErrorCode::kCorruption, "frame: reserved bytes are {:#x}, not 0", reserved);
  }
  out.agent_id = in.u64();
  out.session = in.u64();
  out.packet = in.u64();
  if (out.packet == 0) return malformed("frame", "packet number is 0");
  if (!out.plain() && datagram.size() < kFrameHeaderBytes + kSealTagBytes) {
    return fail(ErrorCode::kCorruption, "frame: {} bytes; a sealed one has at least {}", datagram.size(),
                kFrameHeaderBytes + kSealTagBytes);
  }
  return out;
}

uint64_t make_session(Timestamp start, uint16_t random) { return static_cast<uint64_t>(unix_ms(start)) << 16 | random; }

Key256 derive_agent_key(const Key256& master, uint64_t agent_id, uint8_t key_epoch) {
  return hkdf_sha256(master, {}, KeyInfo("dragonfly agent 1").with(agent_id).with(key_epoch).view());
}

Key256 derive_session_key(const Key256& agent_key, uint64_t session) {
  return hkdf_sha256(agent_key, {}, KeyInfo("dragonfly session 1").with(session).view());
}

Key256 derive_reply_key(const Key256& agent_key, uint64_t session, uint64_t run) {
  return hkdf_sha256(agent_key, {}, KeyInfo("dragonfly reply 1").with(session).with(run).view());
}

void seal_frame(Aes256Gcm& cipher, const Key256& key, const FrameHeader& header, ByteView body, Bytes& out) {
  DF_ASSERT(body.size() <= kFrameBodyBytesMax && header.packet != 0);
  out.resize(kFrameHeaderBytes + body.size() + (header.plain() ? 0 : kSealTagBytes));
  const auto clear_header = std::span(out).first<kFrameHeaderBytes>();
  const auto rest = std::span(out).subspan(kFrameHeaderBytes);
  header.encode(clear_header);
  if (header.plain()) {
    std::copy(body.begin(), body.end(), rest.begin());
    return;
  }
  cipher.set_key(key);
  cipher.seal(nonce_of(header.packet), clear_header, body, rest);
}

bool open_frame(Aes256Gcm& cipher, const Key256& key, const FrameHeader& header, ByteView datagram, Bytes& body) {
  DF_ASSERT(datagram.size() >= kFrameHeaderBytes + (header.plain() ? 0 : kSealTagBytes));
  const ByteView rest = datagram.subspan(kFrameHeaderBytes);
  if (header.plain()) {
    body.assign(rest.begin(), rest.end());
    return true;
  }
  body.resize(rest.size() - kSealTagBytes);
  cipher.set_key(key);
  return cipher.open(nonce_of(header.packet), datagram.first(kFrameHeaderBytes), rest, body);
}

void RowsBody::encode(Bytes& out) const {
  ByteWriter writer(out);
  writer.u64(spool_id);
  writer.svarint(sent_at_ms);
  writer.varint(first_sequence);
  writer.varint(lowest_kept);
  writer.varint(request_id);
  writer.u64(dictionary_id);
  writer.varint(dictionary.size());
  writer.bytes(dictionary);
  writer.bytes(row_block);
}

Result<RowsBody> RowsBody::decode(ByteView body) {
  RowsBody out;
  ByteReader in(body);
  out.spool_id = in.u64();
  out.sent_at_ms = in.svarint();
  out.first_sequence = in.varint();
  out.lowest_kept = in.varint();
  out.request_id = in.varint();
  out.dictionary_id = in.u64();
  out.dictionary = in.bytes(in.varint());
  if (!in.ok()) return malformed("rows", "cut before the row block");
  if (!is_sequence(out.first_sequence)) return malformed("rows", "first sequence is not 1 to 2^62");
  if (!is_sequence(out.lowest_kept)) return malformed("rows", "lowest kept sequence is not 1 to 2^62");
  out.row_block = in.bytes(in.remaining());
  return out;
}

std::string_view to_string(RefusalCause cause) {
  switch (cause) {
    case RefusalCause::kTooOld: return "too_old";
    case RefusalCause::kFuture: return "future";
    case RefusalCause::kLimit: return "limit";
    case RefusalCause::kUnknownGroup: return "unknown_group";
    case RefusalCause::kNotAllowed: return "not_allowed";
  }
  return "other";
}

void encode_ranges(ByteWriter& out, uint64_t cumulative, std::span<const SequenceRange> ranges) {
  out.varint(ranges.size());
  for (const SequenceRange& range : ranges) {
    DF_ASSERT(range.first > cumulative + 1 && range.last >= range.first);
    out.varint(range.first - cumulative - 1);
    out.varint(range.last - range.first + 1);
    cumulative = range.last;
  }
}

bool decode_ranges(ByteReader& in, uint64_t cumulative, size_t ranges_max, std::vector<SequenceRange>& ranges) {
  ranges.clear();
  const uint64_t count = in.varint();
  if (count > ranges_max) return false;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t gap = in.varint();
    const uint64_t length = in.varint();
    // Each term is at most 2^62, so that the sum does not wrap.
    if (gap == 0 || length == 0 || gap > kSequenceMax || length > kSequenceMax) return false;
    const SequenceRange range{cumulative + gap + 1, cumulative + gap + length};
    if (range.last > kSequenceMax) return false;
    ranges.push_back(range);
    cumulative = range.last;
  }
  return in.ok();
}

void AgentSettings::encode(ByteWriter& out) const {
  const size_t count = std::min(values.size(), kAckItemsMax);
  out.varint(version);
  out.varint(count);
  for (const auto& [key, value] : std::span(values).first(count)) {
    out.text(key);
    out.text(value);
  }
}

Result<AgentSettings> AgentSettings::decode(ByteReader& in) {
  AgentSettings out;
  out.version = in.varint();
  const uint64_t count = in.varint();
  if (out.version == 0) return malformed("settings", "version is 0");
  if (count > kAckItemsMax) return fail(ErrorCode::kCorruption, "settings: {}; at most {}", count, kAckItemsMax);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view key = in.text();
    out.values.emplace_back(key, in.text());
  }
  if (!in.ok()) return malformed("settings", "cut");
  return out;
}

uint64_t settings_version(std::span<const std::pair<std::string, std::string>> values) {
  Bytes encoded;
  ByteWriter writer(encoded);
  AgentSettings{1, {values.begin(), values.end()}}.encode(writer);
  const Digest256 digest = sha256(encoded);
  uint32_t version = 0;
  std::memcpy(&version, digest.data(), sizeof version);
  return std::max<uint32_t>(version, 1);
}

void AckBody::encode(Bytes& out) const {
  const size_t start = out.size();
  SectionWriter sections(out);
  if (spool_id != 0 || cumulative != 0 || !ranges.empty()) {
    sections.add(kAcknowledged, [&](ByteWriter& writer) {
      writer.u64(spool_id);
      writer.varint(cumulative);
      encode_ranges(writer, cumulative, std::span(ranges).first(std::min(ranges.size(), kAckRangesMax)));
    });
  }
  if (const size_t count = std::min(refused.size(), kAckItemsMax); count > 0) {
    sections.add(kRefused, [&](ByteWriter& writer) {
      writer.varint(count);
      for (const Refused& refusal : std::span(refused).first(count)) {
        writer.u8(static_cast<uint8_t>(refusal.cause));
        writer.varint(refusal.rows);
      }
    });
  }
  if (const size_t count = std::min(unknown_dictionaries.size(), kAckItemsMax); count > 0) {
    sections.add(kDictionaries, [&](ByteWriter& writer) {
      writer.varint(count);
      for (const DictionaryId id : std::span(unknown_dictionaries).first(count)) writer.u64(id);
    });
  }
  if (frames_per_s_max && *frames_per_s_max != 0) {
    sections.add(kPace, [&](ByteWriter& writer) { writer.varint(*frames_per_s_max); });
  }
  if (session_too_old) {
    sections.add(kSession, [](ByteWriter& writer) { writer.u8(1); });
  }
  constexpr size_t kRestBytesMax = 2 + 1 + sizeof(Key256) + 3;  // Of the sections behind the settings.
  const size_t before_settings = out.size();
  if (settings.version != 0) {
    sections.add(kSettings, [&](ByteWriter& writer) { settings.encode(writer); });
    if (out.size() - start + kRestBytesMax > kFrameBodyBytesMax) out.resize(before_settings);
  }
  if (next_key) {
    sections.add(kKey, [&](ByteWriter& writer) {
      writer.u8(next_key->epoch);
      writer.bytes(next_key->key);
    });
  }
  if (standing != AgentStanding::kGood) {
    sections.add(kStanding, [&](ByteWriter& writer) { writer.u8(static_cast<uint8_t>(standing)); });
  }
}

Result<AckBody> AckBody::decode(ByteView body) {
  AckBody out;
  ByteReader in(body);
  uint64_t previous = 0;
  while (in.remaining() > 0) {
    const uint64_t section = in.varint();
    const ByteView payload = in.bytes(in.varint());
    if (!in.ok()) return fail(ErrorCode::kCorruption, "ack: section after {} is cut", previous);
    if (section <= previous) return fail(ErrorCode::kCorruption, "ack: section {} after {}", section, previous);
    previous = section;
    if (auto result = decode_section(section, ByteReader(payload), out); !result)
      return fail(std::move(result).error());
  }
  return out;
}

void RequestBody::encode(Bytes& out) const {
  ByteWriter writer(out);
  const size_t count = std::min(groups.size(), kRequestGroupsMax);
  writer.varint(request_id);
  writer.u8(static_cast<uint8_t>(kind));
  writer.varint(count);
  for (const uint32_t group : std::span(groups).first(count)) writer.varint(group);
}

Result<RequestBody> RequestBody::decode(ByteView body) {
  RequestBody out;
  ByteReader in(body);
  out.request_id = in.varint();
  const uint8_t kind = in.u8();
  if (!in.ok()) return malformed("request", "cut");
  if (out.request_id == 0) return malformed("request", "request id is 0");
  if (kind != static_cast<uint8_t>(Kind::kSampleNow)) {
    return fail(ErrorCode::kUnsupported, "request: kind {} is not known", kind);
  }
  const uint64_t count = in.varint();
  if (count > kRequestGroupsMax) {
    return fail(ErrorCode::kCorruption, "request: {} groups; at most {}", count, kRequestGroupsMax);
  }
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t group = in.varint();
    if (group > UINT32_MAX) return malformed("request", "a group has more than 32 bits");
    out.groups.push_back(static_cast<uint32_t>(group));
  }
  if (!in.done()) return malformed("request", "cut or too long");
  return out;
}

std::string_view to_string(SettingOutcome outcome) {
  switch (outcome) {
    case SettingOutcome::kApplied: return "applied";
    case SettingOutcome::kPinned: return "pinned";
    case SettingOutcome::kRefused: return "refused";
    case SettingOutcome::kUnknown: return "unknown";
  }
  return "other";
}

void ReportBody::encode(Bytes& out) const {
  ByteWriter writer(out);
  const size_t count = std::min(outcomes.size(), kAckItemsMax);
  writer.varint(settings_version);
  writer.varint(interval_ms);
  writer.varint(count);
  for (const auto& [key, outcome] : std::span(outcomes).first(count)) {
    writer.text(key);
    writer.u8(static_cast<uint8_t>(outcome));
  }
}

Result<ReportBody> ReportBody::decode(ByteView body) {
  ReportBody out;
  ByteReader in(body);
  out.settings_version = in.varint();
  const uint64_t interval = in.varint();
  const uint64_t count = in.varint();
  if (!in.ok()) return malformed("report", "cut");
  if (out.settings_version == 0) return malformed("report", "settings version is 0");
  if (interval == 0 || interval > UINT32_MAX) return malformed("report", "interval is not 1 to 4294967295 ms");
  if (count > kAckItemsMax) return fail(ErrorCode::kCorruption, "report: {} outcomes; at most {}", count, kAckItemsMax);
  out.interval_ms = static_cast<uint32_t>(interval);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view key = in.text();
    out.outcomes.emplace_back(key, static_cast<SettingOutcome>(in.u8()));  // A later outcome still counts.
  }
  if (!in.done()) return malformed("report", "cut or too long");
  return out;
}

}  // namespace dragonfly
