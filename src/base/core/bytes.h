// Bytes: bounded reading and appending of little-endian fields and varints, the alphabet of every format of ours.
//
// Units      sizes in bytes.
// Ownership  a Reader and the spans it hands out borrow the buffer; a Writer appends to a buffer that it borrows.
// Threading  one object, one thread.
// Errors     a Reader never reads past its end: the first failure is remembered (ok() is false from then on) and
//            every later read yields zero or an empty span. Check ok() once, at the end of a structure.
// Limits     a varint has at most 10 bytes; longer or overflowing ones are failures.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dragonfly {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline ByteView as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}
  void u8(uint8_t value) { out_.push_back(value); }
  void u16(uint16_t value) { fixed(value); }
  void u32(uint32_t value) { fixed(value); }
  void u64(uint64_t value) { fixed(value); }
  void varint(uint64_t value);
  void svarint(int64_t value) { varint(zigzag(value)); }
  void bytes(ByteView value) { out_.insert(out_.end(), value.begin(), value.end()); }
  // Length as varint, then the bytes.
  void text(std::string_view value) {
    varint(value.size());
    bytes(as_bytes(value));
  }
  size_t size() const { return out_.size(); }

 private:
  template <class T>
  void fixed(T value) {
    const size_t at = out_.size();
    out_.resize(at + sizeof(T));
    std::memcpy(out_.data() + at, &value, sizeof(T));  // Little-endian hosts only; asserted in bytes.cc.
  }
  Bytes& out_;
};

class ByteReader {
 public:
  explicit ByteReader(ByteView in) : at_(in.data()), end_(in.data() + in.size()) {}
  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  uint64_t varint() {
    if (at_ < end_ && *at_ < 0x80) [[likely]]
      return *at_++;
    return long_varint();
  }
  int64_t svarint() { return unzigzag(varint()); }
  ByteView bytes(size_t size) {
    if (size > remaining()) {
      fail();
      return {};
    }
    const ByteView out(at_, size);
    at_ += size;
    return out;
  }
  std::string_view text() { return as_text(bytes(varint())); }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  const uint8_t* position() const { return at_; }
  bool ok() const { return ok_; }
  // Whole input read, without a failure.
  bool done() const { return ok_ && at_ == end_; }
  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  template <class T>
  T fixed() {
    T value{};
    if (remaining() < sizeof(T)) {
      fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  uint64_t long_varint();
  const uint8_t* at_;
  const uint8_t* end_;
  bool ok_ = true;
};

std::string to_hex(ByteView bytes);
// Empty where `text` is not an even number of hexadecimal digits.
Bytes from_hex(std::string_view text);

}  // namespace dragonfly
