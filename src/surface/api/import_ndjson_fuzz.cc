#include "surface/api/import_ndjson.h"

// Any bytes end in lines or in a message that names one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto lines = dragonfly::lines_of_ndjson({reinterpret_cast<const char*>(data), size});
  if (lines ? !lines->empty() && lines->back() != '\n' : !lines.error().message.starts_with("line ")) __builtin_trap();
  return 0;
}
