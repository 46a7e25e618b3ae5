#include "store/chunk/coding/entropy.h"

#include <algorithm>
#include <array>
#include <bit>

#include "store/chunk/coding/bits.h"

namespace dragonfly::chunk {
namespace {

constexpr unsigned kMantissaMax = 3;
constexpr unsigned kTableLogMin = 5;
constexpr unsigned kTableLogMax = 9;
constexpr size_t kTableMax = size_t{1} << kTableLogMax;
constexpr size_t kTokensMax = ((64 - kMantissaMax) << kMantissaMax) + 8;

// Weight of each step of the logarithmic scale of frequencies: 2^(step / 2), times 4.
constexpr uint32_t kWeights[16] = {0, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512};

struct Token {
  uint32_t token;
  uint32_t extra;  // How many plain bits follow.
};

Token tokenize(uint64_t value, unsigned mantissa) {
  if (value < uint64_t{2} << mantissa) return {static_cast<uint32_t>(value), 0};
  const unsigned extra = static_cast<unsigned>(std::bit_width(value)) - 1 - mantissa;
  return {(extra << mantissa) + static_cast<uint32_t>(value >> extra), extra};
}

uint32_t extra_of(uint32_t token, unsigned mantissa) { return token < 2u << mantissa ? 0 : (token >> mantissa) - 1; }

// The smallest number of a token.
uint64_t base_of(uint32_t token, unsigned mantissa) {
  if (token < 2u << mantissa) return token;
  const uint64_t lead = (uint64_t{1} << mantissa) | (token & ((1u << mantissa) - 1));
  return lead << extra_of(token, mantissa);
}

// Tokens that occur: 0, and those of [low, low + steps.size() - 1), each with the step of its frequency.
struct Frequencies {
  unsigned mantissa = 0;
  unsigned table_log = 0;
  uint32_t low = 1;
  uint32_t count = 0;                           // Of tokens from `low` on.
  std::array<uint8_t, kTokensMax + 1> steps;    // [0] of token 0, [1 + i] of token low + i.
  std::array<uint16_t, kTokensMax + 1> shares;  // Of the table.

  uint32_t slots() const { return count + 1; }
  uint32_t token(uint32_t slot) const { return slot == 0 ? 0 : low + slot - 1; }
  uint32_t slot(uint32_t token) const { return token == 0 ? 0 : token - low + 1; }
};

// Shares of the table that add up to its size, from the steps. False where there are more tokens than room.
bool share_table(Frequencies& f) {
  const uint32_t size = 1u << f.table_log;
  uint64_t weights = 0;
  uint32_t largest = 0;
  for (uint32_t i = 0; i < f.slots(); ++i) {
    weights += kWeights[f.steps[i]];
    if (f.steps[i] > f.steps[largest]) largest = i;
  }
  if (weights == 0) return false;
  uint32_t used = 0;
  for (uint32_t i = 0; i < f.slots(); ++i) {
    const uint64_t weight = kWeights[f.steps[i]];
    f.shares[i] = weight == 0 ? 0 : static_cast<uint16_t>(std::max<uint64_t>(1, weight * size / weights));
    used += f.shares[i];
  }
  if (used > size && used - size >= f.shares[largest]) return false;
  f.shares[largest] = static_cast<uint16_t>(f.shares[largest] + size - used);
  return true;
}

// Which slot each state of the table stands for: every slot's states lie spread over the table.
void spread_slots(const Frequencies& f, std::array<uint16_t, kTableMax>& slots) {
  const uint32_t size = 1u << f.table_log;
  const uint32_t step = (size >> 1) + (size >> 3) + 3;
  uint32_t at = 0;
  for (uint32_t slot = 0; slot < f.slots(); ++slot) {
    for (uint32_t i = 0; i < f.shares[slot]; ++i) {
      slots[at] = static_cast<uint16_t>(slot);
      at = (at + step) & (size - 1);
    }
  }
}

struct Histogram {
  std::array<uint32_t, kTokensMax + 1> counts{};
  uint32_t end = 0;  // One behind the last token that occurs.
};

void count_tokens(std::span<const uint64_t> values, Histogram& out) {
  for (const uint64_t value : values) {
    const uint32_t token = tokenize(value, kMantissaMax).token;
    ++out.counts[token];
    out.end = std::max(out.end, token + 1);
  }
}

// The same numbers with one bit of mantissa less.
Histogram coarser(const Histogram& fine, unsigned mantissa) {
  Histogram out;
  for (uint32_t token = 0; token < fine.end; ++token) {
    if (fine.counts[token] == 0) continue;
    const uint32_t to = tokenize(base_of(token, mantissa), mantissa - 1).token;
    out.counts[to] += fine.counts[token];
    out.end = to + 1;
  }
  return out;
}

// Bits that all numbers take, the table included.
float cost_of(const Histogram& h, unsigned mantissa, size_t numbers) {
  const float all = rough_log2(static_cast<float>(numbers));
  float bits = 24;
  uint32_t first = 0;
  for (uint32_t token = 0; token < h.end; ++token) {
    if (h.counts[token] == 0) continue;
    if (token > 0 && first == 0) first = token;
    const auto count = static_cast<float>(h.counts[token]);
    bits += count * (all - rough_log2(count) + static_cast<float>(extra_of(token, mantissa)));
  }
  return bits + 4 * static_cast<float>(1 + h.end - std::min(first, h.end));
}

uint8_t nearest_step(uint32_t count, uint32_t most) {
  if (count == 0) return 0;
  const float below = rough_log2(static_cast<float>(most)) - rough_log2(static_cast<float>(count));
  return static_cast<uint8_t>(std::max(1, 15 - static_cast<int>(below * 2 + 0.5f)));
}

void choose_frequencies(std::span<const uint64_t> values, Frequencies& f) {
  Histogram current;
  count_tokens(values, current);
  Histogram best = current;
  f.mantissa = kMantissaMax;
  float lowest = cost_of(current, kMantissaMax, values.size());
  for (unsigned mantissa = kMantissaMax; mantissa-- > 0;) {
    current = coarser(current, mantissa + 1);
    const float cost = cost_of(current, mantissa, values.size());
    if (cost >= lowest) continue;
    lowest = cost;
    best = current;
    f.mantissa = mantissa;
  }
  const uint32_t most = *std::max_element(best.counts.begin(), best.counts.begin() + best.end);
  f.steps[0] = nearest_step(best.counts[0], most);
  f.low = 1;
  while (f.low < best.end && best.counts[f.low] == 0) ++f.low;
  f.count = best.end > f.low ? best.end - f.low : 0;
  uint32_t distinct = 1;
  for (uint32_t i = 0; i < f.count; ++i) {
    f.steps[1 + i] = nearest_step(best.counts[f.low + i], most);
    distinct += f.steps[1 + i] > 0 ? 1 : 0;
  }
  const auto fitting = static_cast<unsigned>(std::bit_width(values.size())) - 1;
  f.table_log =
      std::clamp(std::max(fitting, static_cast<unsigned>(std::bit_width(distinct)) + 1), kTableLogMin, kTableLogMax);
}

void write_frequencies(Bytes& out, const Frequencies& f) {
  ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(f.mantissa | f.table_log << 2));
  writer.varint(f.low);
  writer.varint(f.count);
  for (uint32_t i = 0; i < f.slots(); i += 2) {
    const uint8_t high = i + 1 < f.slots() ? f.steps[i + 1] : 0;
    writer.u8(static_cast<uint8_t>(f.steps[i] | high << 4));
  }
}

bool read_frequencies(ByteReader& in, Frequencies& f) {
  const uint8_t head = in.u8();
  f.mantissa = head & 3;
  f.table_log = head >> 2;
  const uint64_t low = in.varint();
  const uint64_t count = in.varint();
  const uint64_t tokens = ((64 - f.mantissa) << f.mantissa) + (uint64_t{1} << f.mantissa);
  if (f.table_log < kTableLogMin || f.table_log > kTableLogMax || low == 0 || low > tokens || count > tokens - low)
    return false;
  f.low = static_cast<uint32_t>(low);
  f.count = static_cast<uint32_t>(count);
  for (uint32_t i = 0; i < f.slots(); i += 2) {
    const uint8_t both = in.u8();
    f.steps[i] = both & 15;
    if (i + 1 < f.slots()) f.steps[i + 1] = both >> 4;
  }
  return in.ok() && share_table(f);
}

// What an encoder needs of a token: the bits that a state gives out are (state + bits) >> 16; the next state lies at
// `find` + the state without them.
struct Move {
  uint32_t bits;
  int32_t find;
};

struct EncodeTable {
  std::array<uint16_t, kTableMax> states;
  std::array<Move, kTokensMax + 1> moves;

  explicit EncodeTable(const Frequencies& f) {
    std::array<uint16_t, kTableMax> slots;
    spread_slots(f, slots);
    const uint32_t size = 1u << f.table_log;
    std::array<uint32_t, kTokensMax + 1> next;
    uint32_t total = 0;
    for (uint32_t slot = 0; slot < f.slots(); ++slot) {
      const uint32_t share = f.shares[slot];
      next[slot] = total;
      if (share == 0) continue;
      const auto most = static_cast<uint32_t>(f.table_log - (share == 1 ? 0 : std::bit_width(share - 1) - 1));
      moves[slot] = {(most << 16) - (share << most), static_cast<int32_t>(total) - static_cast<int32_t>(share)};
      total += share;
    }
    for (uint32_t i = 0; i < size; ++i) states[next[slots[i]]++] = static_cast<uint16_t>(size + i);
  }
  // Any state that stands for the slot: where a decoder ends.
  uint32_t first(const Frequencies& f, uint32_t slot) const {
    const int32_t at = moves[slot].find + static_cast<int32_t>(f.shares[slot]);
    return states[static_cast<size_t>(at)];
  }
};

struct Emitted {
  uint16_t bits;
  uint8_t width;
  uint8_t extra;
};

// Walks from the last number to the first, as a decoder comes the other way; `emitted` holds what each gives out.
std::array<uint32_t, 2> run_states(std::span<const uint64_t> values, const Frequencies& f, const EncodeTable& table,
                                   std::vector<Emitted>& emitted) {
  std::array<uint32_t, 2> states{};
  for (size_t i = values.size(); i-- > 0;) {
    const Token token = tokenize(values[i], f.mantissa);
    const uint32_t slot = f.slot(token.token);
    uint32_t& state = states[i & 1];
    if (i + 2 >= values.size()) {
      emitted[i] = {0, 0, static_cast<uint8_t>(token.extra)};
      state = table.first(f, slot);
      continue;
    }
    const Move move = table.moves[slot];
    const uint32_t width = (state + move.bits) >> 16;
    emitted[i] = {static_cast<uint16_t>(low_bits(state, width)), static_cast<uint8_t>(width),
                  static_cast<uint8_t>(token.extra)};
    const int32_t at = static_cast<int32_t>(state >> width) + move.find;
    state = table.states[static_cast<size_t>(at)];
  }
  return states;
}

struct Step {
  uint64_t base;  // The smallest number of the token.
  uint16_t next;  // State, before the bits that are added.
  uint8_t width;  // Of those.
  uint8_t extra;  // Plain bits of the number.
};

void make_steps(const Frequencies& f, std::array<Step, kTableMax>& steps) {
  std::array<uint16_t, kTableMax> slots;
  spread_slots(f, slots);
  const uint32_t size = 1u << f.table_log;
  std::array<uint16_t, kTokensMax + 1> next;
  std::copy_n(f.shares.begin(), f.slots(), next.begin());
  for (uint32_t i = 0; i < size; ++i) {
    const uint32_t slot = slots[i];
    const uint32_t state = next[slot]++;
    const auto width = static_cast<unsigned>(f.table_log + 1 - static_cast<unsigned>(std::bit_width(state)));
    const uint32_t token = f.token(slot);
    steps[i] = {base_of(token, f.mantissa), static_cast<uint16_t>((state << width) - size), static_cast<uint8_t>(width),
                static_cast<uint8_t>(extra_of(token, f.mantissa))};
  }
}

}  // namespace

float rough_log2(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const auto exponent = static_cast<float>(static_cast<int>(bits >> 23) - 127);
  const float m = std::bit_cast<float>((bits & 0x7fffff) | 0x3f800000);
  return exponent + (-0.33333333f * m + 2.0f) * m - 1.66666667f;
}

bool encode_entropy(Bytes& out, std::span<const uint64_t> values, size_t limit) {
  const size_t start = out.size();
  Frequencies f;
  choose_frequencies(values, f);
  if (!share_table(f)) return false;
  write_frequencies(out, f);
  const EncodeTable table(f);
  std::vector<Emitted> emitted(values.size());
  const auto states = run_states(values, f, table, emitted);
  size_t bits = 2 * f.table_log;
  for (const Emitted& e : emitted) bits += e.width + e.extra;
  if (out.size() - start + (bits + 7) / 8 >= limit) {
    out.resize(start);
    return false;
  }
  const uint32_t size = 1u << f.table_log;
  BitWriter writer(out, bits);
  for (const uint32_t state : states) writer.put(state == 0 ? 0 : state - size, f.table_log);
  for (size_t i = 0; i < values.size(); ++i) {
    writer.put(emitted[i].bits, emitted[i].width);
    writer.put(low_bits(values[i], emitted[i].extra), emitted[i].extra);
  }
  writer.finish();
  return true;
}

bool decode_entropy(ByteView in, std::span<uint64_t> values) {
  ByteReader header(in);
  Frequencies f;
  if (!read_frequencies(header, f)) return false;
  std::array<Step, kTableMax> steps;
  make_steps(f, steps);
  BitReader bits(in.last(header.remaining()));
  std::array<uint32_t, 2> states{};
  for (uint32_t& state : states) state = static_cast<uint32_t>(bits.take(f.table_log));
  const auto one = [&](uint32_t& state, bool last) {
    const Step step = steps[state];
    const uint64_t word = bits.peek();
    const unsigned width = last ? 0 : step.width;
    state = step.next + static_cast<uint32_t>(low_bits(word, width));
    bits.skip(width);
    if (step.extra <= 40) [[likely]] {
      bits.skip(step.extra);
      return step.base + low_bits(word >> width, step.extra);
    }
    return step.base + bits.take(step.extra);
  };
  size_t i = 0;
  for (; i + 3 < values.size(); i += 2) {
    values[i] = one(states[0], false);
    values[i + 1] = one(states[1], false);
  }
  for (; i < values.size(); ++i) values[i] = one(states[i & 1], i + 2 >= values.size());
  return bits.done();
}

}  // namespace dragonfly::chunk
