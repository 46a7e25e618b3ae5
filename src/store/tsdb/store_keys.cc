#include "store/tsdb/store_keys.h"

#include <fmt/core.h>

#include <charconv>

namespace dragonfly {
namespace {

constexpr std::string_view kRawPrefix = "raw/";
constexpr int64_t kHourNs = 3'600'000'000'000;
constexpr uint64_t kSignBit = uint64_t{1} << 63;

template <class T>
void put_big_endian(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift & 0xff));
}

template <class T>
T take_big_endian(std::string_view& in) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8 | static_cast<uint8_t>(in[i]));
  in.remove_prefix(sizeof(T));
  return value;
}

// Drops the device and its end from `in`; false where the end is missing.
bool take_device(std::string_view& in, std::string& device) {
  for (size_t i = 0; i + 1 < in.size(); ++i) {
    if (in[i] != '\0') {
      device.push_back(in[i]);
    } else if (in[i + 1] == '\0') {
      in.remove_prefix(i + 2);
      return true;
    } else if (in[i + 1] == '\xff') {
      device.push_back('\0');
      ++i;
    } else {
      return false;
    }
  }
  return false;
}

}  // namespace

std::string vm_prefix(GroupId group, VmId vm) {
  std::string out;
  out.reserve(48);
  put_big_endian(out, static_cast<uint32_t>(group));
  put_big_endian(out, static_cast<uint32_t>(vm));
  return out;
}

std::string series_prefix(GroupId group, VmId vm, std::string_view device) {
  std::string out = vm_prefix(group, vm);
  for (const char c : device) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
  out.append(2, '\0');
  return out;
}

std::string seek_key(GroupId group, VmId vm, std::string_view device, int64_t start_ns) {
  std::string out = series_prefix(group, vm, device);
  put_big_endian(out, static_cast<uint64_t>(start_ns) ^ kSignBit);
  return out;
}

std::string after_series(GroupId group, VmId vm, std::string_view device) {
  std::string out = series_prefix(group, vm, device);
  out.back() = '\x01';  // Above the end mark, below an escaped 0x00.
  return out;
}

std::string encode_chunk_key(const ChunkKey& key) {
  std::string out = seek_key(key.group, key.vm, key.device, key.start_ns);
  put_big_endian(out, key.sequence);
  return out;
}

std::optional<ChunkKey> decode_chunk_key(std::string_view bytes) {
  ChunkKey key;
  if (bytes.size() < 8) return std::nullopt;
  key.group = GroupId{take_big_endian<uint32_t>(bytes)};
  key.vm = VmId{take_big_endian<uint32_t>(bytes)};
  if (!take_device(bytes, key.device) || bytes.size() != 16) return std::nullopt;
  key.start_ns = static_cast<int64_t>(take_big_endian<uint64_t>(bytes) ^ kSignBit);
  key.sequence = take_big_endian<uint64_t>(bytes);
  return key;
}

int64_t partition_hour(int64_t time_ns) {
  constexpr int64_t kSpanNs = kPartitionSpan.count();
  int64_t index = time_ns / kSpanNs;
  if (time_ns % kSpanNs < 0) --index;
  return index * (kSpanNs / kHourNs);
}

std::string partition_name(int64_t hour) { return fmt::format("{}{}", kRawPrefix, hour); }

std::optional<int64_t> parse_partition_name(std::string_view name) {
  if (!name.starts_with(kRawPrefix)) return std::nullopt;
  name.remove_prefix(kRawPrefix.size());
  int64_t hour = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), hour);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return hour;
}

}  // namespace dragonfly
