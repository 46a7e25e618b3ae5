// Whatever stands in the file of tokens: what is taken from it is written and read as the same.
#include "base/core/assert.h"
#include "fleet/access/token_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  token_id_of(text);
  const auto file = parse_token_file(text);
  if (!file) return 0;
  const auto again = parse_token_file(format_token_file(file->tokens));
  DF_ASSERT(again && again->tokens == file->tokens && again->damaged_lines == 0);
  return 0;
}
