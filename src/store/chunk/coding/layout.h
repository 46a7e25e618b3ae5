// Layout of a chunk's columns: the bytes of docs/formats/chunk.md, in one place for the encoder and the reader.
// Internal to store/chunk.
#pragma once

#include <cstdint>

namespace dragonfly::chunk {

inline constexpr uint32_t kChecksumBytes = 4;
inline constexpr uint32_t kHiddenColumnsMax = 4;
inline constexpr uint32_t kTermsMax = 16;
// A column needs others, and these others, but not more deeply.
inline constexpr uint32_t kLevelsMax = 8;
inline constexpr int64_t kUnitsNs[] = {1, 1'000, 1'000'000, 1'000'000'000};

// Directory byte: type - 1 in bits 0 and 1 · kMixed · kind << 3.
inline constexpr uint8_t kMixed = 4;
inline constexpr unsigned kKindShift = 3;
// Kinds of columns. On disk; never renumbered. From kConstant on the kind tells how many bytes the value takes, 0 to 8.
inline constexpr uint8_t kAbsent = 0;
inline constexpr uint8_t kRaw = 1;
inline constexpr uint8_t kIntegers = 2;
inline constexpr uint8_t kConstant = 8;
inline constexpr uint8_t kKindsEnd = kConstant + 9;

// The first byte of integers: form in bits 0 to 2, then
inline constexpr uint8_t kRest = 8;
inline constexpr uint8_t kHasTerms = 16;
inline constexpr uint8_t kHasGate = 32;
inline constexpr uint8_t kHasExceptions = 64;
inline constexpr uint8_t kHasUnit = 128;
// The second: order in bits 0 and 1, then the coder << 3.
inline constexpr uint8_t kSigned = 4;
inline constexpr unsigned kCoderShift = 3;

// What is predicted of an integer from those before it. On disk; never renumbered.
enum class Order : uint8_t {
  kBase = 0,   // The base.
  kValue = 1,  // The one before.
  kStep = 2,   // The one before and its step.
  kXor = 3,    // As kValue, but what differs is a set of bits.
};
// So many residuals at the beginning are 0 by definition: base and step stand for them.
constexpr uint32_t settled_by(Order order) { return order == Order::kBase ? 0 : order == Order::kStep ? 2 : 1; }

// One column that another is predicted from: its integers are added, or taken away.
struct Term {
  uint32_t column;
  bool negative;
};

}  // namespace dragonfly::chunk
