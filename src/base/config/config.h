// Config: default < file (YAML) < command line (key=value), checked against a table of keys that the caller gives.
//
// Units      a key says its own. kSeconds and kDuration are kept as Duration; kBytes in bytes.
// Ownership  a Config owns its values and borrows the key table, which must outlive it (tables are constants).
// Threading  immutable once loaded.
// Errors     load: kInvalidArgument that names every wrong key, its value and what is allowed. A key of the file that
//            nobody knows is a warning with its line and what may be meant, since files of other versions are read; on
//            the command line it is an error.
//            Asking for a key that is not in the table, or for another type, is our bug and asserts.
// Limits     file of 1 MiB, nesting of 16, 10,000 nodes; 64 KiB a value. The first 10 errors are named.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"

namespace dragonfly {

inline constexpr size_t kConfigFileBytesMax = 1u << 20;

enum class ConfigType : uint8_t {
  kBool,      // true, false, yes, no, on, off
  kInteger,   // min to max
  kSeconds,   // a number of seconds, or a duration with its unit; min, max in ms
  kDuration,  // a duration with its unit (48h, 30d); min, max in ms
  kBytes,     // a whole number, optionally with K, M or G (1024s)
  kEndpoint,  // ADDR:PORT, an IPv6 address in brackets
  kWord,      // one of `words`
  kText,
  kList,  // texts: a YAML list, or separated by commas
};

struct ConfigKey {
  std::string_view name;   // "section.key"
  std::string_view alias;  // Another name of it, or empty.
  ConfigType type;
  std::string_view default_text;  // As it would be written in the file.
  std::string_view unit;          // For people; also in which unit a kDuration is shown ("h", "d").
  int64_t min = 0;
  int64_t max = INT64_MAX;
  std::string_view words;  // "a|b|c", for kWord; compared without case.
  std::string_view help;
};

// A key, or a whole section, of earlier versions that has no meaning any more, and what to do about it.
struct RetiredKey {
  std::string_view name;
  std::string_view advice;
};

struct ConfigInput {
  std::string file_name;          // For messages.
  std::string_view file_text;     // Empty: no file.
  std::vector<std::string> sets;  // "key=value", in order; the last of a key wins.
  std::span<const RetiredKey> retired{};
};

class Config {
 public:
  enum class Source : uint8_t { kDefault, kFile, kCommandLine };

  static Result<Config> load(std::span<const ConfigKey> keys, const ConfigInput& input);

  bool flag(std::string_view name) const;
  int64_t integer(std::string_view name) const;          // kInteger, kBytes
  Duration duration(std::string_view name) const;        // kSeconds, kDuration
  const std::string& text(std::string_view name) const;  // kWord (as the table spells it), kText, kEndpoint
  const std::vector<std::string>& list(std::string_view name) const;
  Source source(std::string_view name) const;
  // The value as it would be written in the file.
  std::string shown(std::string_view name) const;

  const std::vector<std::string>& warnings() const { return warnings_; }
  std::span<const ConfigKey> keys() const { return keys_; }

 private:
  friend class ConfigLoader;
  struct Value {
    int64_t number = 0;  // Also flags (0, 1) and durations (ns).
    std::string text;
    std::vector<std::string> list;
    Source source = Source::kDefault;
  };
  // Checks and converts what was written for a key.
  static Result<Value> parse(const ConfigKey& key, std::string_view written);
  const Value& value_of(std::string_view name, std::initializer_list<ConfigType> types) const;

  std::span<const ConfigKey> keys_;
  std::vector<Value> values_;  // Beside keys_.
  std::vector<std::string> warnings_;
};

// What a key takes, for messages and documents: "a number from 1 to 10", "one of push, pull".
std::string allowed_values(const ConfigKey& key);
// A duration in the unit that the key shows ("48h" where it is "h"), where it is whole in it.
std::string format_in_unit(Duration duration, std::string_view unit);
// A commented configuration file with every key and its default; `heading` stands on top, as comment.
std::string config_file_template(std::span<const ConfigKey> keys, std::string_view heading);

}  // namespace dragonfly
