// DF_ASSERT: a condition that only our own bug can break. On in every build; ends the process.
// die_of_environment: no safe way on (fsync failed, out of memory); ends the process and says that it is not our bug.
//
// Units      none.
// Ownership  none.
// Threading  any thread.
// Errors     both end the process.
// Limits     none.
#pragma once

#include <string_view>

namespace dragonfly {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
[[noreturn]] void die_of_environment(std::string_view what);
}  // namespace dragonfly

#define DF_ASSERT(condition)                                         \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::dragonfly::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)
