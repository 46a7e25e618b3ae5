#include "base/rt/clock.h"

#include <ctime>

namespace dragonfly {
namespace {
Duration read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::chrono::seconds(now.tv_sec) + Duration(now.tv_nsec);
}
}  // namespace

Timestamp SystemClock::wall() const { return Timestamp(read(CLOCK_REALTIME)); }
MonotonicTime SystemClock::monotonic() const { return MonotonicTime(read(CLOCK_BOOTTIME)); }

}  // namespace dragonfly
