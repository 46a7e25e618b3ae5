#include "model/frame/frame_batch.h"

#include "base/core/assert.h"

namespace dragonfly {

void add_to_batch(ByteView datagram, Bytes& batch) {
  DF_ASSERT(datagram.size() >= kFrameHeaderBytes && datagram.size() <= kFrameBytesMax);
  ByteWriter out(batch);
  out.u16(static_cast<uint16_t>(datagram.size()));
  out.bytes(datagram);
}

Result<FrameBatch> read_batch(ByteView body) {
  FrameBatch out;
  ByteReader in(body);
  while (in.remaining() > 0) {
    const size_t at = body.size() - in.remaining();
    const ByteView datagram = in.bytes(in.u16());
    if (!in.ok() || datagram.size() < kFrameHeaderBytes || datagram.size() > kFrameBytesMax) {
      return fail(ErrorCode::kCorruption, "the datagram at byte {} is cut, or not {} to {} bytes long", at,
                  kFrameHeaderBytes, kFrameBytesMax);
    }
    const auto header = FrameHeader::decode(datagram);
    if (!header) return fail(header.error().code, "the datagram at byte {}: {}", at, header.error().message);
    if (!out.datagrams.empty() && header->agent_id != out.agent_id) {
      return fail(ErrorCode::kCorruption, "the datagram at byte {} is of another agent than the first", at);
    }
    if (out.datagrams.size() == kBatchFramesMax) {
      return fail(ErrorCode::kCorruption, "more than {} datagrams", kBatchFramesMax);
    }
    out.agent_id = header->agent_id;
    out.datagrams.push_back(datagram);
  }
  return out;
}

}  // namespace dragonfly
