// Entropy stage: numbers as tokens, which a table-driven asymmetric numeral system (tANS) packs close to their entropy,
// and plain bits below the token. Two interleaved states let a decoder work on two numbers at a time.
//
// A token keeps the number's magnitude and the `mantissa` bits that follow its highest; what is below comes as plain
// bits. Tokens' frequencies are kept as logarithms, half a bit apart, so that a table takes half a byte a token: short
// columns must not drown in tables. Drawn in docs/formats/chunk.md. Internal to store/chunk.
#pragma once

#include <span>

#include "base/core/bytes.h"

namespace dragonfly::chunk {

// Fewer numbers never repay a table.
inline constexpr size_t kEntropyNumbersMin = 12;

// Appends `values`; false, with `out` as it was, where it would take `limit` bytes or more.
bool encode_entropy(Bytes& out, std::span<const uint64_t> values, size_t limit);
// False where `in` is not exactly values.size() numbers.
bool decode_entropy(ByteView in, std::span<uint64_t> values);

// log2 of a positive number, good to 0.01: for estimates of cost.
float rough_log2(float x);

}  // namespace dragonfly::chunk
