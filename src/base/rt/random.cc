#include "base/rt/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "base/core/assert.h"

namespace dragonfly {

void SystemRandom::fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) die_of_environment("the kernel gives no random bytes (getrandom failed)");
    out = out.subspan(static_cast<size_t>(got));
  }
}

void SeededRandom::fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    const size_t size = out.size() < 8 ? out.size() : 8;
    std::memcpy(out.data(), &z, size);
    out = out.subspan(size);
  }
}

}  // namespace dragonfly
