#include "edge/agent/spool_codec.h"

#include <algorithm>

#include "base/core/assert.h"
#include "base/core/crc32c.h"
#include "model/frame/frame.h"

namespace dragonfly {
namespace {

constexpr std::string_view kMagic = "DFSP";
constexpr uint8_t kVersion = 1;
constexpr size_t kRecordHeadBytes = 8;  // Length and checksum.
constexpr size_t kChecksumAt = 4;

enum class Kind : uint8_t { kDictionary = 1, kRows = 2, kEnd = 3 };

// Of the length's four bytes and the payload.
uint32_t checksum(ByteView length, ByteView payload) { return crc32c(payload, crc32c(length)); }

void encode_payload(const SpoolDictionary& record, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(Kind::kDictionary));
  out.bytes(record.encoded);
}

void encode_payload(const SpoolRows& record, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(Kind::kRows));
  out.varint(record.first_sequence);
  out.varint(record.rows);
  out.varint(record.lowest_kept);
  out.svarint(record.time_ms);
  out.u64(record.dictionary_id);
  out.bytes(record.row_block);
}

void encode_payload(const SpoolEnd& record, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(Kind::kEnd));
  out.varint(record.lowest_kept);
}

bool decode_rows(ByteReader& in, SpoolRows& out) {
  out.first_sequence = in.varint();
  out.rows = in.varint();
  out.lowest_kept = in.varint();
  out.time_ms = in.svarint();
  out.dictionary_id = in.u64();
  out.row_block = in.bytes(in.remaining());
  return in.ok() && out.first_sequence >= 1 && out.first_sequence < kSequenceMax && out.rows >= 1 &&
         out.rows <= std::min(kSpoolRowsMax, kSequenceMax - out.first_sequence) && out.lowest_kept >= 1 &&
         out.lowest_kept <= out.first_sequence;
}

// False: the record is damaged. `known` is false where its kind is not known here.
bool decode_payload(ByteView payload, SpoolRecord& out, bool& known) {
  ByteReader in(payload);
  known = true;
  switch (static_cast<Kind>(in.u8())) {
    case Kind::kDictionary: out = SpoolDictionary{in.bytes(in.remaining())}; return in.ok();
    case Kind::kRows: return decode_rows(in, out.emplace<SpoolRows>());
    case Kind::kEnd: {
      const uint64_t lowest = in.varint();
      out = SpoolEnd{lowest};
      return in.done() && lowest >= 1 && lowest <= kSequenceMax;
    }
  }
  known = false;
  return in.ok();
}

}  // namespace

void SpoolHeader::encode(Bytes& out) const {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.bytes(as_bytes(kMagic));
  writer.u32(kVersion);
  writer.u64(agent_id);
  writer.u64(spool_id);
  writer.u32(crc32c(ByteView(out).subspan(start)));
}

Result<SpoolHeader> SpoolHeader::decode(ByteView segment) {
  ByteReader in(segment.first(std::min(segment.size(), kSpoolHeaderBytes)));
  const ByteView magic = in.bytes(kMagic.size());
  const uint32_t version = in.u32();
  SpoolHeader out;
  out.agent_id = in.u64();
  out.spool_id = in.u64();
  const uint32_t sum = in.u32();
  if (!in.ok() || as_text(magic) != kMagic) return fail(ErrorCode::kCorruption, "not a segment of a spool");
  if (version != kVersion) return fail(ErrorCode::kUnsupported, "segment of a spool: version {} is not known", version);
  if (sum != crc32c(segment.first(kSpoolHeaderBytes - sizeof sum)))
    return fail(ErrorCode::kCorruption, "segment of a spool: the header is damaged");
  return out;
}

void encode_spool_record(const SpoolRecord& record, Bytes& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.u64(0);
  std::visit([&](const auto& known) { encode_payload(known, writer); }, record);
  const auto length = static_cast<uint32_t>(out.size() - start - kRecordHeadBytes);
  DF_ASSERT(length <= kSpoolRecordBytesMax);
  std::memcpy(out.data() + start, &length, sizeof length);
  const ByteView whole = ByteView(out).subspan(start);
  const uint32_t sum = checksum(whole.first(kChecksumAt), whole.subspan(kRecordHeadBytes));
  std::memcpy(out.data() + start + kChecksumAt, &sum, sizeof sum);
}

SpoolReader::SpoolReader(ByteView segment) : segment_(segment) { DF_ASSERT(segment.size() >= kSpoolHeaderBytes); }

bool SpoolReader::next(SpoolRecord& out) {
  for (;;) {
    const ByteView rest = segment_.subspan(at_);
    ByteReader in(rest);
    const uint32_t length = in.u32();
    const uint32_t sum = in.u32();
    if (!in.ok() || length == 0 || length > kSpoolRecordBytesMax || length > in.remaining()) return false;
    const ByteView payload = in.bytes(length);
    if (sum != checksum(rest.first(kChecksumAt), payload)) return false;
    bool known = false;
    if (!decode_payload(payload, out, known)) return false;
    at_ += kRecordHeadBytes + length;
    if (known) return true;
  }
}

}  // namespace dragonfly
