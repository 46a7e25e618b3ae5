// Any line of the register; its checksum is put right, so that the columns are reached. What is understood has one spelling.
#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "base/core/crc32c.h"
#include "base/core/result.h"
#include "fleet/registry/agent_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_agent_line(text);
  const auto record = parse_agent_line(fmt::format("{}\t{:08x}", text, crc32c(as_bytes(text))));
  if (!record) return 0;
  std::string line = format_agent_line(*record);
  line.pop_back();
  const auto again = parse_agent_line(line);
  DF_ASSERT(again && again->agent_id == record->agent_id && again->epoch == record->epoch);
  DF_ASSERT(again->revoked == record->revoked && again->vm == record->vm);
  DF_ASSERT(again->older_epoch == record->older_epoch && again->machine == record->machine);
  DF_ASSERT(again->firmware == record->firmware && again->instance == record->instance);
  return 0;
}
