// FrameBatch: datagrams of one agent in one body of HTTPS, where UDP does not get through (docs/formats/frame_batch.md).
//
//   (length u16 little-endian · datagram)…
//
// Units      bytes.
// Ownership  what is read borrows the body.
// Threading  pure.
// Errors     kCorruption for a body that is not drawn so, or holds datagrams of several agents.
// Limits     kBatchFramesMax datagrams of kFrameHeaderBytes to kFrameBytesMax.
#pragma once

#include <vector>

#include "model/frame/frame.h"

namespace dragonfly {

inline constexpr size_t kBatchFramesMax = 64;
inline constexpr size_t kBatchBytesMax = kBatchFramesMax * (kFrameBytesMax + 2);

// Appends a datagram.
void add_to_batch(ByteView datagram, Bytes& batch);

struct FrameBatch {
  uint64_t agent_id = 0;  // 0: there is no datagram.
  std::vector<ByteView> datagrams;
};
// An empty body is a batch of none.
Result<FrameBatch> read_batch(ByteView body);

}  // namespace dragonfly
