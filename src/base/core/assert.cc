#include "base/core/assert.h"

#include <cstdio>
#include <cstdlib>

namespace dragonfly {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "BUG: assertion '%s' failed at %s:%d\n", condition, file, line);
  std::abort();
}

void die_of_environment(std::string_view what) {
  std::fprintf(stderr, "ENVIRONMENT: %.*s; ending, because going on could lose data\n", static_cast<int>(what.size()),
               what.data());
  std::_Exit(74);  // EX_IOERR; no destructors: they might write.
}

}  // namespace dragonfly
