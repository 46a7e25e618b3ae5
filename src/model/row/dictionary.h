// Dictionary: what rows of one agent (or one line's tag set) have in common: labels, device names, the host's boot.
// Immutable, named by the first 64 bits of the SHA-256 of its encoding, so that rows carry 8 bytes instead of text.
// Drawn: docs/formats/dictionary.md.
//
//   dictionary := sections: varint tag · varint length · payload; ascending tags; unknown tags are skipped
//     1 labels   varint count · (text key · text value)…    keys ascending
//     2 devices  varint count · text…                        index in a row = position from 1
//     3 boot     text                                        the host's boot id; absent = the sender gives none
//     4 interval varint ms                                   the agent's tick; absent = not known
//
// Well-known labels: nsId mcisId vmId hostId osType cspType region zone (spelt as in datagrams of the dialects).
//
// Units      bytes.
// Ownership  owns its strings; shared as shared_ptr<const Dictionary> once made.
// Threading  immutable.
// Errors     decode: kCorruption names what is malformed or which limit is passed.
// Limits     kDictionaryBytesMax, kLabelsMax labels, keys and values as names (base/core/names.h), kDevicesMax devices.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kDictionaryBytesMax = 16 * 1024;
inline constexpr size_t kLabelsMax = 40;
inline constexpr size_t kDevicesMax = 1024;

using DictionaryId = uint64_t;

struct Dictionary {
  std::map<std::string, std::string> labels;
  std::vector<std::string> devices;
  std::string boot_id;
  uint32_t interval_ms = 0;

  std::string_view label(std::string_view key) const;
  // Name of a row's device; empty for 0 (the VM itself) and for an index that is not in it.
  std::string_view device(uint32_t index) const {
    return index == 0 || index > devices.size() ? std::string_view{} : devices[index - 1];
  }
  // 64 bits of the boot id's SHA-256, or the number that it is (boot_number_text); 0 = the sender gives none.
  uint64_t boot() const;

  // What is beyond the limits is encoded all the same and does not decode again: limits are for the side that makes it.
  Bytes encode() const;
  static Result<Dictionary> decode(ByteView bytes);
};

DictionaryId dictionary_id(ByteView encoded);

// A boot id that stands for a number alone: '#' and 16 hexadecimal digits. Rows that were exported have no other.
std::string boot_number_text(std::string_view hex);

}  // namespace dragonfly
