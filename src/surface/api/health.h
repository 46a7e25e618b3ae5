// HealthSource: how the server's modules are, for GET /health.
//
// Units      none.
// Ownership  answers are moved to the caller.
// Threading  health() may be called from any thread; it must not block.
// Errors     none: what is wrong is what it tells.
// Limits     none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dragonfly {

struct ModuleHealth {
  enum class State : uint8_t {
    kOk,
    kDegraded,  // Serves, but somebody should look.
    kDown,      // GET /health answers 503.
  };
  std::string module;  // "receiver", "log", "store", …
  State state = State::kOk;
  std::string message;  // Why, for people; may be empty.
};

class HealthSource {
 public:
  virtual ~HealthSource() = default;
  virtual std::vector<ModuleHealth> health() const = 0;
};

}  // namespace dragonfly
