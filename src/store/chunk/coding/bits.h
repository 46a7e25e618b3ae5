// Bit streams: fields of 0 to 64 bits, the least significant bit first. Internal to store/chunk.
#pragma once

#include <bit>

#include "base/core/bytes.h"

namespace dragonfly::chunk {

constexpr uint64_t low_bits(uint64_t value, unsigned width) {
  return width >= 64 ? value : value & ((uint64_t{1} << width) - 1);
}

// Appends to a buffer; the caller says beforehand how many bits there will be at most.
class BitWriter {
 public:
  BitWriter(Bytes& out, size_t bits_max) : out_(out), at_(out.size()) { out.resize(at_ + bits_max / 8 + 16); }
  // Bits of `value` from `width` on must be 0.
  void put(uint64_t value, unsigned width) {
    if (width > 56) {
      put_short(value & 0xffffffff, 32);
      put_short(value >> 32, width - 32);
    } else {
      put_short(value, width);
    }
  }
  // Fills the last byte with zeros.
  void finish() { out_.resize(at_ + (filled_ + 7) / 8); }

 private:
  void put_short(uint64_t value, unsigned width) {
    buffer_ |= value << filled_;
    filled_ += width;
    std::memcpy(out_.data() + at_, &buffer_, sizeof buffer_);
    at_ += filled_ / 8;
    buffer_ >>= filled_ & ~7u;
    filled_ &= 7;
  }
  Bytes& out_;
  size_t at_;
  uint64_t buffer_ = 0;
  unsigned filled_ = 0;  // Bits in the buffer: below 8 between calls.
};

// Reads zeros beyond the end, without reading there; done() tells whether it came to that.
class BitReader {
 public:
  explicit BitReader(ByteView in) : data_(in.data()), size_(in.size()) {}
  // The next bits; 57 of them at least are there.
  uint64_t peek() const {
    const size_t byte = at_ / 8;
    uint64_t word = 0;
    if (byte + sizeof word <= size_) [[likely]] {
      std::memcpy(&word, data_ + byte, sizeof word);
    } else {
      for (size_t i = byte; i < size_; ++i) word |= static_cast<uint64_t>(data_[i]) << ((i - byte) * 8);
    }
    return word >> (at_ & 7);
  }
  void skip(unsigned width) { at_ += width; }
  uint64_t take(unsigned width) {
    if (width > 56) {
      const uint64_t low = take(32);
      return low | take(width - 32) << 32;
    }
    const uint64_t out = low_bits(peek(), width);
    skip(width);
    return out;
  }
  // All bytes used, and none beyond.
  bool done() const { return at_ <= size_ * 8 && size_ * 8 - at_ < 8; }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;  // In bits.
};

}  // namespace dragonfly::chunk
