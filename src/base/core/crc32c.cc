#include "base/core/crc32c.h"

#include <array>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace dragonfly {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0x82f63b78u : 0);
    table[i] = value;
  }
  return table;
}
constexpr auto kTable = make_table();

uint32_t by_table(ByteView bytes, uint32_t state) {
  for (const uint8_t byte : bytes) state = (state >> 8) ^ kTable[(state ^ byte) & 0xff];
  return state;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(ByteView bytes, uint32_t state) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t wide = state;
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  state = static_cast<uint32_t>(wide);
  for (; left > 0; --left, ++at) state = _mm_crc32_u8(state, *at);
  return state;
}
#endif

}  // namespace

uint32_t crc32c(ByteView bytes, uint32_t start) {
  uint32_t state = ~start;
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  state = has_instruction ? by_instruction(bytes, state) : by_table(bytes, state);
#else
  state = by_table(bytes, state);
#endif
  return ~state;
}

}  // namespace dragonfly
