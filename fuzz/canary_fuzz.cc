// Must crash within a second. `make fuzz` fails when it does not: then the rig would not find real crashes either.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 2 && data[0] == 'd' && data[1] == 'f') std::abort();
  return 0;
}
