// The inner loop over the values of one row, in a header because its users must have it inlined. The grammar is in
// row.h; use FieldsReader unless a walk with a callback is wanted.
//
// Units      none.
// Ownership  borrows the bytes.
// Threading  pure.
// Errors     false at the first malformed byte.
// Limits     kFieldsMax fields a row.
#pragma once

#include <bit>
#include <cstring>

#include "base/core/bytes.h"
#include "model/row/value.h"

namespace dragonfly {
inline constexpr size_t kFieldsMax = 1024;
}  // namespace dragonfly

namespace dragonfly::fields {

// Forms of exactly one byte, before their payload: a longer spelling of them is malformed.
inline constexpr uint8_t kFloat64Form = 3;
inline constexpr uint8_t kUint64Form = 7;
inline constexpr uint8_t kInt64Form = 11;
inline constexpr uint8_t kTrueForm = 15;
inline constexpr uint8_t kFalseForm = 19;

// Joins the low 7 bits of each of 8 bytes into 56 bits.
inline uint64_t join_sevens(uint64_t x) {
  x = (x & 0x007f007f007f007f) | ((x & 0x7f007f007f007f00) >> 1);
  x = (x & 0x00003fff00003fff) | ((x & 0x3fff00003fff0000) >> 2);
  return (x & 0x000000000fffffff) | ((x & 0x0fffffff00000000) >> 4);
}

inline bool read_varint(const uint8_t*& at, const uint8_t* end, uint64_t& out) {
  if (*at < 0x80) {
    out = *at++;
    return true;
  }
  if (end - at >= 8) [[likely]] {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    const uint64_t stops = ~word & 0x8080808080808080;
    if (stops != 0) [[likely]] {
      const int last = std::countr_zero(stops);  // The top bit of the varint's last byte.
      out = join_sevens(word & (~uint64_t{0} >> (63 - last)) & 0x7f7f7f7f7f7f7f7f);
      at += last / 8 + 1;
      return true;
    }
  }
  ByteReader slow(ByteView(at, static_cast<size_t>(end - at)));
  out = slow.varint();
  at = slow.position();
  return slow.ok();
}

inline bool read_special(const uint8_t*& at, const uint8_t* end, Value& out) {
  const uint8_t form = *at++;
  if (form == kTrueForm || form == kFalseForm) {
    out = Value::of(form == kTrueForm);
    return true;
  }
  if (end - at < 8) return false;
  std::memcpy(&out.bits, at, 8);
  at += 8;
  if (form == kFloat64Form)
    out.type = ValueType::kFloat64;
  else if (form == kUint64Form)
    out.type = ValueType::kUint64;
  else if (form == kInt64Form)
    out.type = ValueType::kInt64;
  else
    return false;
  return true;
}

inline bool read_value(const uint8_t*& at, const uint8_t* end, Value& out) {
  if (at == end) return false;
  if ((*at & 3) == 3) return read_special(at, end, out);
  uint64_t h;
  if (!read_varint(at, end, h)) return false;
  if ((h & 1) == 0)
    out = Value::of(unzigzag(h >> 1));
  else
    out = {ValueType::kFloat64, std::bit_cast<uint64_t>(static_cast<double>(unzigzag(h >> 2)) / 100.0)};
  return true;
}

// Like read_value, but only finds the end: half of a walk's time is waiting for where the next value begins.
inline bool skip_value(const uint8_t*& at, const uint8_t* end) {
  if (at == end) return false;
  if ((*at & 3) == 3) {
    Value ignored;
    return read_special(at, end, ignored);
  }
  uint64_t h;
  return read_varint(at, end, h);
}

struct Shape {
  const uint8_t* bitmap = nullptr;
  const uint8_t* values = nullptr;
  size_t count = 0;  // n of the grammar.

  // Bits [64 w, 64 w + 64) of the bitmap.
  uint64_t word(size_t w) const {
    const auto size = static_cast<size_t>(values - bitmap);
    uint64_t out = 0;
    for (size_t byte = w * 8; byte < size && byte < w * 8 + 8; ++byte) {
      out |= static_cast<uint64_t>(bitmap[byte]) << (byte % 8 * 8);
    }
    return out;
  }
};

inline bool read_shape(ByteView fields, Shape& out) {
  if (fields.empty()) return false;
  const uint8_t* at = fields.data();
  const uint8_t* const end = at + fields.size();
  uint64_t count;
  if (!read_varint(at, end, count) || count > kFieldsMax) return false;
  const size_t bitmap_bytes = (count + 7) / 8;
  if (static_cast<size_t>(end - at) < bitmap_bytes) return false;
  // Bits beyond n would be fields that a reader of n fields does not see.
  if (count % 8 != 0 && at[bitmap_bytes - 1] >> (count % 8) != 0) return false;
  out = {at, at + bitmap_bytes, static_cast<size_t>(count)};
  return true;
}

// use(index, value) for each present field. False where the bytes are malformed or not whole; `use` may then have
// been called for some fields.
template <class Use>
inline bool walk(ByteView fields, Use&& use) {
  Shape shape;
  if (!read_shape(fields, shape)) return false;
  const uint8_t* at = shape.values;
  const uint8_t* const end = fields.data() + fields.size();
  for (size_t base = 0; base < shape.count; base += 64) {
    for (uint64_t word = shape.word(base / 64); word != 0; word &= word - 1) {
      Value value;
      if (!read_value(at, end, value)) return false;
      use(base + static_cast<size_t>(std::countr_zero(word)), value);
    }
  }
  return at == end;
}

// use(index, first byte of the value, byte after it) for each present field, until it says false.
template <class Use>
inline bool walk_bytes(ByteView fields, Use&& use) {
  Shape shape;
  if (!read_shape(fields, shape)) return false;
  const uint8_t* at = shape.values;
  const uint8_t* const end = fields.data() + fields.size();
  for (size_t base = 0; base < shape.count; base += 64) {
    for (uint64_t word = shape.word(base / 64); word != 0; word &= word - 1) {
      const uint8_t* const start = at;
      if (!skip_value(at, end) || !use(base + static_cast<size_t>(std::countr_zero(word)), start, at)) return false;
    }
  }
  return at == end;
}

// The bits of `value` in a column of type `to`; false where it does not fit exactly.
inline bool fit(Value value, ValueType to, uint64_t& bits) {
  bits = value.bits;
  if (value.type == to) return true;
  const auto as_signed = static_cast<int64_t>(value.bits);
  switch (to) {
    case ValueType::kFloat64: {
      if (value.type == ValueType::kBool) return false;
      const bool is_signed = value.type == ValueType::kInt64;
      const double number = is_signed ? static_cast<double>(as_signed) : static_cast<double>(value.bits);
      bits = std::bit_cast<uint64_t>(number);
      // 2^63 and 2^64 are doubles, but not integers of these types.
      if (is_signed) return number < 0x1p63 && static_cast<int64_t>(number) == as_signed;
      return number < 0x1p64 && static_cast<uint64_t>(number) == value.bits;
    }
    case ValueType::kInt64: {
      if (value.type == ValueType::kUint64) return as_signed >= 0;
      if (value.type != ValueType::kFloat64) return false;
      const auto number = std::bit_cast<double>(value.bits);
      if (!(number >= -0x1p63 && number < 0x1p63)) return false;
      bits = static_cast<uint64_t>(static_cast<int64_t>(number));
      return static_cast<double>(static_cast<int64_t>(number)) == number;
    }
    case ValueType::kUint64: {
      if (value.type == ValueType::kInt64) return as_signed >= 0;
      if (value.type != ValueType::kFloat64) return false;
      const auto number = std::bit_cast<double>(value.bits);
      if (!(number >= 0 && number < 0x1p64)) return false;
      bits = static_cast<uint64_t>(number);
      return static_cast<double>(bits) == number;
    }
    case ValueType::kBool: return false;
  }
  return false;
}

}  // namespace dragonfly::fields
