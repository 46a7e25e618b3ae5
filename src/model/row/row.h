// Row: all fields of one group of one VM (and device) at one time, and its compact encoding.
//
// The encoding is the same on the wire, in the log and in the head: one copy of bytes from socket to head.
// Drawn: docs/formats/row.md.
//
//   fields := varint n · bitmap (⌈n/8⌉ bytes; bit i of byte i/8 = field i is present) · value of each present field
//   value  := varint h: h & 1 = 0 → integer, zigzag of h >> 1          (|integer| < 2^62)
//                       h & 3 = 1 → hundredths, zigzag of h >> 2, / 100 (only where that is the double, bit for bit)
//                       h = 3 → 8 bytes float64 · h = 7 → 8 bytes uint64 · h = 11 → 8 bytes int64
//                       h = 15 → true · h = 19 → false
//   row    := varint length of what follows · varint group · varint device · svarint (time - base) · fields
//             device 0 = the VM itself, i = the i-th (from 1) of the dictionary's devices
//   block  := u8 time unit (1 = ms, 2 = ns) · svarint base time in that unit · rows to the end
//
// Strict where leniency would give one row two spellings that matter: forms 3, 7, 11, 15 and 19 are one byte, bitmap
// bits from n on are 0, and nothing follows the last value.
//
// A value's form does not tell its column's type: the schema does, and a reader converts (an integer form in a float64
// column is that number as a double). So a reader can skip fields that it does not know. -0.0 and NaN use h = 3.
//
// Units      times ns in memory; ms or ns in a block.
// Ownership  a RowView borrows the block's bytes.
// Threading  pure.
// Errors     readers stop at the first malformed byte and say so by ok(); they never read past their input.
// Limits     kFieldsMax fields a row, kRowBytesMax bytes a row.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/row/fields_walk.h"
#include "model/row/value.h"

namespace dragonfly {

inline constexpr size_t kRowBytesMax = 16 * 1024;

// A row in the making. Agents and dialects keep one and refill it: no allocation in steady state.
struct Row {
  GroupId group = GroupId::kCpu;
  uint32_t device = 0;  // See `row` above.
  Timestamp time{};
  std::vector<std::optional<Value>> values;  // Index = field number; absent = nullopt.

  void reset(GroupId new_group, Timestamp at, size_t fields) {
    group = new_group;
    device = 0;
    time = at;
    values.assign(fields, std::nullopt);
  }
};

void encode_value(ByteWriter& out, Value value);
void encode_fields(ByteWriter& out, const std::vector<std::optional<Value>>& values);

class RowBlockWriter {
 public:
  enum class Unit : uint8_t { kMilliseconds = 1, kNanoseconds = 2 };
  // Appends a block to `out`; `base` is usually the first row's time. In kMilliseconds times are rounded down to ms.
  RowBlockWriter(Bytes& out, Unit unit, Timestamp base);
  void add(const Row& row);
  // A row whose fields are encoded already.
  void add(GroupId group, uint32_t device, Timestamp time, ByteView fields);
  size_t rows() const { return rows_; }

 private:
  size_t begin_row(GroupId group, uint32_t device, Timestamp time);
  void end_row(size_t start);
  Bytes& out_;
  Unit unit_;
  int64_t base_;
  size_t rows_ = 0;
};

struct RowView {
  GroupId group;
  uint32_t device;
  Timestamp time;
  ByteView fields;  // Not empty, else unchecked: at the door by fields_are_valid(), later by whoever reads them.
};

class RowBlockReader {
 public:
  explicit RowBlockReader(ByteView block);
  // The next row, or nullopt at the end or at the first malformed byte; ok() tells which.
  std::optional<RowView> next();
  bool ok() const { return in_.ok(); }

 private:
  ByteReader in_;
  int64_t unit_ns_ = 0;
  int64_t base_ = 0;
};

// Walks the present fields of one row: while (auto field = reader.next()) use(field->index, field->value);
// Values come in their encoded form; convert() them to the column's type.
class FieldsReader {
 public:
  struct Field {
    uint16_t index;
    Value value;
  };
  explicit FieldsReader(ByteView fields)
      : end_(fields.data() + fields.size()), ok_(fields::read_shape(fields, shape_)) {
    at_ = ok_ ? shape_.values : end_;
    word_ = shape_.word(0);
  }
  std::optional<Field> next() {
    while (word_ == 0) {
      base_ += 64;
      if (base_ >= shape_.count) {
        ok_ = ok_ && at_ == end_;
        return std::nullopt;
      }
      word_ = shape_.word(base_ / 64);
    }
    Field field{static_cast<uint16_t>(base_ + static_cast<size_t>(std::countr_zero(word_))), {}};
    word_ &= word_ - 1;
    if (!fields::read_value(at_, end_, field.value)) {
      ok_ = false;
      base_ = shape_.count;
      word_ = 0;
      return std::nullopt;
    }
    return field;
  }
  bool ok() const { return ok_; }
  size_t count() const { return shape_.count; }  // n, present or not; 0 where malformed.

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  fields::Shape shape_;
  uint64_t word_;  // Bits of the bitmap from base_ on that were not walked yet.
  size_t base_ = 0;
  bool ok_;
};

// The check at the door: true where `fields` is well-formed, whole, and every known field of a catalogue group fits
// its column's type.
bool fields_are_valid(GroupId group, ByteView fields);

}  // namespace dragonfly
