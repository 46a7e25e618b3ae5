// Random: the one source of chance, so that a test can replay it.
//
// Units      none.
// Ownership  passed by reference; outlives its users.
// Threading  SystemRandom: any thread. SeededRandom: one thread.
// Errors     SystemRandom ends the process when the kernel gives no randomness.
// Limits     none.
#pragma once

#include <cstdint>
#include <span>

namespace dragonfly {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<uint8_t> out) = 0;
  uint64_t next() {
    uint64_t value = 0;
    fill({reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
  }
  // [0, bound); bound > 0. The bias of the modulo is below bound / 2^64.
  uint64_t below(uint64_t bound) { return next() % bound; }
};

class SystemRandom final : public Random {
 public:
  void fill(std::span<uint8_t> out) override;
};

// splitmix64; for tests and load, never for keys.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  void fill(std::span<uint8_t> out) override;

 private:
  uint64_t state_;
};

}  // namespace dragonfly
