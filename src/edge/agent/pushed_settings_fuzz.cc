// A file of settings as it may lie on a damaged disk, and settings as a server may tell them: what is read is written
// again to the same settings, and whatever is told leaves options that are allowed.
#include "base/core/assert.h"
#include "base/core/crc32c.h"
#include "edge/agent/pushed_settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const ByteView input(data, size);
  (void)decode_settings_file(input);
  // Once more with the head and the checksum that chance will not find.
  Bytes file = {'D', 'F', 'S', 'T', 1, 0, 0, 0};
  file.insert(file.end(), input.begin(), input.end());
  ByteWriter(file).u32(crc32c(file));
  const auto settings = decode_settings_file(file);
  if (!settings) return 0;
  Bytes again;
  encode_settings_file(*settings, again);
  const auto read = decode_settings_file(again);
  DF_ASSERT(read.has_value() && *read == *settings);
  AgentOptions options;
  for (const auto& [key, value] : settings->values) (void)apply_pushed_setting(options, key, value);
  DF_ASSERT(options.interval >= kIntervalMin && options.interval <= kIntervalMax && options.interval % 1ms == 0ms);
  return 0;
}
