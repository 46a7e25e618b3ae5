#include <cstdlib>

#include "wiring.h"

// The library's own would demangle the name of an exception that nobody caught; in a static program that is 55 kB, and the
// process ends either way.
namespace __gnu_cxx {
void __verbose_terminate_handler() { std::abort(); }
}  // namespace __gnu_cxx

int main(int count, char** arguments) {
  return dragonfly::run_agent({arguments + (count > 0 ? 1 : 0), static_cast<size_t>(count > 0 ? count - 1 : 0)});
}
