#include "store/tsdb/store_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace dragonfly {
namespace {

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

struct TierSpelling {
  std::string_view name;
  int64_t hours;
  int64_t chunk_hours;
};
constexpr TierSpelling kTiers[] = {
    {"fresh", 1, 1}, {"raw", 6, 1}, {"1m", 24, 1}, {"1h", 16 * 24, 24}, {"1d", 64 * 24, 32 * 24}};
constexpr int64_t kHoursMax = int64_t{1} << 20;  // Of a name; beyond the years that a time can have.
constexpr int64_t kHourMax = int64_t{1} << 22;

// Takes a decimal number from the front of `text`.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return out;
}

}  // namespace

int64_t floor_hours(int64_t hour, int64_t multiple) {
  int64_t index = hour / multiple;
  if (hour % multiple < 0) --index;
  return index * multiple;
}

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

int64_t hour_of(int64_t time_ns) { return floor_hours(time_ns, kHourNs) / kHourNs; }

int64_t default_hours(Tier tier) { return kTiers[static_cast<size_t>(tier)].hours; }

int64_t chunk_hours(Tier tier) { return kTiers[static_cast<size_t>(tier)].chunk_hours; }

PartitionName partition_around(Tier tier, int64_t hour, int64_t hours) {
  if (hours == 0) hours = default_hours(tier);
  return {tier, floor_hours(hour, hours), hours, 0};
}

std::string to_text(const PartitionName& name) {
  std::string out = fmt::format("{}/{}", kTiers[static_cast<size_t>(name.tier)].name, name.hour);
  if (name.hours != default_hours(name.tier)) out += fmt::format("+{}", name.hours);
  if (name.generation != 0) out += fmt::format("/{}", name.generation);
  return out;
}

std::optional<PartitionName> parse_partition_name(std::string_view text) {
  const std::string_view whole = text;
  PartitionName out;
  const size_t slash = text.find('/');
  const auto tier = std::ranges::find(kTiers, text.substr(0, slash), &TierSpelling::name);
  if (slash == text.npos || tier == std::end(kTiers)) return std::nullopt;
  text.remove_prefix(slash + 1);
  out.tier = static_cast<Tier>(tier - kTiers);
  const auto hour = take_number(text);
  if (!hour || *hour < -kHourMax || *hour > kHourMax) return std::nullopt;
  out.hour = *hour;
  out.hours = tier->hours;
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    const auto hours = take_number(text);
    if (!hours || *hours < 1 || *hours > kHoursMax || out.tier == Tier::kFresh) return std::nullopt;
    out.hours = *hours;
  }
  if (text.starts_with('/') && out.tier == Tier::kFresh) {
    text.remove_prefix(1);
    const auto generation = take_number(text);
    if (!generation || *generation < 1 || *generation > UINT32_MAX) return std::nullopt;
    out.generation = static_cast<uint32_t>(*generation);
  }
  // One spelling each: "raw/06" is of another version.
  if (out.hour % out.hours != 0 || to_text(out) != whole) return std::nullopt;
  return out;
}

}  // namespace dragonfly
