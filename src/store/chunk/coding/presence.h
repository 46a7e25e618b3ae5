// Presence: in which rows a column has a value, one bitmap for all columns that agree. Internal to store/chunk.
#pragma once

#include <span>
#include <vector>

#include "base/core/bytes.h"

namespace dragonfly::chunk {

// Appends one bitmap: a byte 0 and the bits, or a byte 1 and the lengths of its runs, the first of absent rows.
void write_bitmap(Bytes& out, std::span<const uint8_t> present);
// The bytes of the next bitmap of `rows` rows; its runs or last bits may still be malformed. Empty where it is cut off.
ByteView next_bitmap(ByteReader& in, size_t rows);
// Fills `present` (one a row); returns how many are present, 0 where the bitmap is malformed or has none.
size_t read_bitmap(ByteView bitmap, std::span<uint8_t> present);

}  // namespace dragonfly::chunk
