// CRC32C (Castagnoli, RFC 3720 appendix B.4), with the SSE4.2 instruction where the CPU has it.
//
// Units      a checksum is the final, inverted value: crc32c("123456789") = 0xe3069283.
// Ownership  none.
// Threading  pure.
// Errors     none.
// Limits     none.
#pragma once

#include <cstdint>

#include "base/core/bytes.h"

namespace dragonfly {

// `start` is the checksum of what came before, so that crc32c(b, crc32c(a)) = crc32c(a ‖ b).
uint32_t crc32c(ByteView bytes, uint32_t start = 0);

}  // namespace dragonfly
