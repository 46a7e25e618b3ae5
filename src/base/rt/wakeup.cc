#include "base/rt/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "base/core/assert.h"

namespace dragonfly {

Wakeup::Wakeup() : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (descriptor_ < 0) die_of_environment("no file descriptor left for an eventfd");
}
Wakeup::~Wakeup() { close(descriptor_); }

void Wakeup::signal() {
  const uint64_t one = 1;
  // A full counter means that a signal is pending already.
  [[maybe_unused]] const auto written = write(descriptor_, &one, sizeof one);
}

void Wakeup::clear() {
  uint64_t count = 0;
  [[maybe_unused]] const auto got = read(descriptor_, &count, sizeof count);
}

}  // namespace dragonfly
