#include "model/row/dictionary.h"

#include "base/core/names.h"
#include "base/core/number.h"
#include "base/crypto/crypto.h"

namespace dragonfly {
namespace {

enum Section : uint64_t { kLabels = 1, kDevices = 2, kBoot = 3, kInterval = 4 };

uint64_t first_64_bits(ByteView bytes) {
  const Digest256 digest = sha256(bytes);
  uint64_t out;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

void append_section(Bytes& out, Section section, const Bytes& payload) {
  ByteWriter writer(out);
  writer.varint(section);
  writer.varint(payload.size());
  writer.bytes(payload);
}

Result<> malformed(std::string_view what) { return fail(ErrorCode::kCorruption, "dictionary: {}", what); }

Result<> checked(std::string_view parameter, std::string_view name) {
  if (auto result = check_name(parameter, name); !result) {
    return fail(ErrorCode::kCorruption, "dictionary: {}", result.error().message);
  }
  return {};
}

Result<> decode_labels(ByteReader& in, Dictionary& out) {
  const uint64_t count = in.varint();
  if (count > kLabelsMax) return fail(ErrorCode::kCorruption, "dictionary: {} labels; at most {}", count, kLabelsMax);
  std::string_view previous;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view key = in.text();
    const std::string_view value = in.text();
    if (!in.ok()) return malformed("labels are cut");
    DF_TRY(checked("label key", key));
    DF_TRY(checked("label value", value));
    if (i > 0 && key <= previous) return malformed("label keys are not ascending");
    previous = key;
    out.labels.emplace_hint(out.labels.end(), key, value);
  }
  return {};
}

Result<> decode_devices(ByteReader& in, Dictionary& out) {
  const uint64_t count = in.varint();
  if (count > kDevicesMax)
    return fail(ErrorCode::kCorruption, "dictionary: {} devices; at most {}", count, kDevicesMax);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view name = in.text();
    if (!in.ok()) return malformed("devices are cut");
    DF_TRY(checked("device", name));
    out.devices.emplace_back(name);
  }
  return {};
}

Result<> decode_section(uint64_t section, ByteReader in, Dictionary& out) {
  switch (section) {
    case kLabels: DF_TRY(decode_labels(in, out)); break;
    case kDevices: DF_TRY(decode_devices(in, out)); break;
    case kBoot: {
      const std::string_view boot = in.text();
      if (!in.ok()) return malformed("boot is cut");
      DF_TRY(checked("boot", boot));
      out.boot_id = boot;
      break;
    }
    case kInterval: {
      const uint64_t interval = in.varint();
      if (interval == 0 || interval > UINT32_MAX) return malformed("interval is not 1 to 4294967295 ms");
      out.interval_ms = static_cast<uint32_t>(interval);
      break;
    }
    default: return {};  // From a later version.
  }
  if (!in.done()) return fail(ErrorCode::kCorruption, "dictionary: section {} is cut or too long", section);
  return {};
}

}  // namespace

std::string_view Dictionary::label(std::string_view key) const {
  const auto found = labels.find(std::string(key));
  return found == labels.end() ? std::string_view{} : found->second;
}

uint64_t Dictionary::boot() const {
  if (boot_id.empty()) return 0;
  if (boot_id.size() == 17 && boot_id.front() == '#') {
    if (const auto number = parse_number<uint64_t>(std::string_view(boot_id).substr(1), 16)) return *number;
  }
  return first_64_bits(as_bytes(boot_id));
}

std::string boot_number_text(std::string_view hex) { return "#" + std::string(hex); }

Bytes Dictionary::encode() const {
  Bytes out;
  Bytes payload;
  ByteWriter writer(payload);
  const auto flush = [&](Section section) {
    append_section(out, section, payload);
    payload.clear();
  };
  if (!labels.empty()) {
    writer.varint(labels.size());
    for (const auto& [key, value] : labels) {
      writer.text(key);
      writer.text(value);
    }
    flush(kLabels);
  }
  if (!devices.empty()) {
    writer.varint(devices.size());
    for (const std::string& name : devices) writer.text(name);
    flush(kDevices);
  }
  if (!boot_id.empty()) {
    writer.text(boot_id);
    flush(kBoot);
  }
  if (interval_ms != 0) {
    writer.varint(interval_ms);
    flush(kInterval);
  }
  return out;
}

Result<Dictionary> Dictionary::decode(ByteView bytes) {
  if (bytes.size() > kDictionaryBytesMax) {
    return fail(ErrorCode::kCorruption, "dictionary: {} bytes; at most {}", bytes.size(), kDictionaryBytesMax);
  }
  Dictionary out;
  ByteReader in(bytes);
  uint64_t previous = 0;
  while (in.remaining() > 0) {
    const uint64_t section = in.varint();
    const ByteView payload = in.bytes(in.varint());
    if (!in.ok()) return fail(ErrorCode::kCorruption, "dictionary: section after {} is cut", previous);
    if (section <= previous) return fail(ErrorCode::kCorruption, "dictionary: section {} after {}", section, previous);
    previous = section;
    if (auto result = decode_section(section, ByteReader(payload), out); !result)
      return fail(std::move(result).error());
  }
  return out;
}

DictionaryId dictionary_id(ByteView encoded) { return first_64_bits(encoded); }

}  // namespace dragonfly
