// For fuzz targets: what a decoder accepts must come back the same.
#pragma once

#include "base/core/assert.h"
#include "base/core/bytes.h"

namespace dragonfly {

// Not every accepted input is canonical, so its first encoding is what has to come back.
template <class Message>
void check_round_trip(ByteView bytes) {
  const auto message = Message::decode(bytes);
  if (!message) return;
  Bytes once;
  message->encode(once);
  const auto again = Message::decode(once);
  DF_ASSERT(again.has_value());
  Bytes twice;
  again->encode(twice);
  DF_ASSERT(twice == once);
}

}  // namespace dragonfly
