// Residuals: what prediction left of a column, as unsigned numbers, mostly small; and the ways to write them.
// Internal to store/chunk.
#pragma once

#include <span>

#include "base/core/bytes.h"

namespace dragonfly::chunk {

// On disk; never renumbered.
enum class Coder : uint8_t {
  kZeros = 0,    // Nothing: every number is 0.
  kPacked = 1,   // Each in the same number of bits.
  kMasked = 2,   // A bit each: 0 or not; then the others packed.
  kSparse = 3,   // The few that are not 0: distance and number.
  kEntropy = 4,  // entropy.h
};
inline constexpr uint8_t kCodersEnd = 5;

// Appends `values` by the smallest of the coders (kEntropy only where `small`) and says which it was.
Coder encode_residuals(Bytes& out, std::span<const uint64_t> values, bool small);
// False where `in` is not exactly values.size() numbers.
bool decode_residuals(ByteView in, Coder coder, std::span<uint64_t> values);

}  // namespace dragonfly::chunk
