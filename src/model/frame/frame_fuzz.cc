// Datagrams and bodies. The first byte chooses; what is accepted must come back the same.
#include "base/core/assert.h"
#include "base/core/testing/round_trip.h"
#include "model/frame/frame.h"
#include "model/frame/sequence_set.h"

namespace dragonfly {
namespace {

void check_by_type(FrameType type, ByteView body) {
  switch (type) {
    case FrameType::kRows:
    case FrameType::kKeepAlive: check_round_trip<RowsBody>(body); break;
    case FrameType::kAck: check_round_trip<AckBody>(body); break;
    case FrameType::kRequest: check_round_trip<RequestBody>(body); break;
    case FrameType::kReport: check_round_trip<ReportBody>(body); break;
  }
}

void check_datagram(ByteView datagram) {
  const auto header = FrameHeader::decode(datagram);
  if (!header) return;
  static Aes256Gcm cipher;
  Bytes body;
  if (!open_frame(cipher, Key256{}, *header, datagram, body)) return;
  check_by_type(header->type, body);
  if (body.size() > kFrameBodyBytesMax) return;
  Bytes again;
  seal_frame(cipher, Key256{}, *header, body, again);
  DF_ASSERT(std::equal(again.begin(), again.end(), datagram.begin(), datagram.end()));
}

void check_sequences(ByteView bytes) {
  ByteReader in(bytes);
  SequenceSet set;
  if (!SequenceSet::decode(in, set)) return;
  Bytes again;
  ByteWriter writer(again);
  set.encode(writer);
  // The rest of the input: ranges to add. What was done stays done.
  while (in.remaining() > 0) {
    const uint64_t first = in.varint();
    const uint64_t last = first + in.varint();
    const SequenceSet before = set;
    if (set.add(first, last))
      DF_ASSERT(set.contains(first, last));
    else
      DF_ASSERT(set == before);
    for (const SequenceRange& range : before.ranges()) DF_ASSERT(set.contains(range.first, range.last));
    DF_ASSERT(set.cumulative() >= before.cumulative() && set.ranges().size() <= SequenceSet::kRangesMax);
  }
}

}  // namespace
}  // namespace dragonfly

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  switch (data[0] % 7) {
    case 0: check_datagram(rest); break;
    case 5: check_sequences(rest); break;
    case 6: check_by_type(FrameType::kReport, rest); break;
    default: check_by_type(static_cast<FrameType>(data[0] % 7), rest); break;
  }
  return 0;
}
