// Batches of datagrams: what is accepted is written again as the same bytes.
#include "base/core/assert.h"
#include "model/frame/frame_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const auto batch = read_batch({data, size});
  if (!batch) return 0;
  DF_ASSERT(batch->datagrams.size() <= kBatchFramesMax);
  Bytes again;
  for (const ByteView datagram : batch->datagrams) add_to_batch(datagram, again);
  DF_ASSERT(std::equal(again.begin(), again.end(), data, data + size));
  return 0;
}
