#include "base/config/config.h"

// Any bytes as file or as --set give a configuration or an error, and what is kept can be shown.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr dragonfly::ConfigKey kKeys[] = {
      {"a.flag", "", dragonfly::ConfigType::kBool, "false", "", 0, 0, "", ""},
      {"a.number", "", dragonfly::ConfigType::kInteger, "1", "", 0, 10, "", ""},
      {"a.wait", "", dragonfly::ConfigType::kSeconds, "1", "s", 0, 60'000, "", ""},
      {"b.keep", "", dragonfly::ConfigType::kDuration, "1h", "h", 0, 86'400'000, "", ""},
      {"b.size", "", dragonfly::ConfigType::kBytes, "4K", "", 0, 1 << 20, "", ""},
      {"b.listen", "", dragonfly::ConfigType::kEndpoint, "[::]:1", "", 0, 0, "", ""},
      {"c.word", "", dragonfly::ConfigType::kWord, "x", "", 0, 0, "x|y", ""},
      {"c.list", "", dragonfly::ConfigType::kList, "", "", 0, 0, "", ""},
  };
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  dragonfly::ConfigInput input;
  input.file_name = "f";
  input.file_text = text;
  const auto from_file = dragonfly::Config::load(kKeys, input);
  input.file_text = {};
  input.sets = {std::string(text)};
  const auto from_set = dragonfly::Config::load(kKeys, input);
  for (const auto& key : kKeys) {
    if (from_file && from_file->shown(key.name).size() > size + 16) __builtin_trap();
    if (from_set && from_set->shown(key.name).size() > size + 16) __builtin_trap();
  }
  return 0;
}
