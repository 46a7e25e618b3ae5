// Store check: reads everything that the store has on disk and says what is damaged; changes nothing.
//
// Units      bytes.
// Ownership  values.
// Threading  one call at a time, while no process has the store open. Progress runs on the caller's thread.
// Errors     kNotFound: there is no store. Damage is not an error: it is what is told.
// Limits     kDamageLinesMax lines; further ones are only counted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "model/flow/log_record.h"

namespace dragonfly {

struct StoreCheck {
  static constexpr size_t kDamageLinesMax = 1000;
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t chunks = 0;  // Whole ones.
  uint64_t rows = 0;    // In them; also those of rollups.
  uint64_t metadata = 0;
  uint64_t damaged = 0;                  // Places; all that have a line in `damage`, and more.
  std::vector<std::string> damage;       // For people; each names its file.
  std::optional<LogPosition> log_begin;  // From where on the store needs the log; nullopt where that is lost.
};

// `store` is the database's directory. Called with bytes done of all.
using CheckProgress = std::function<void(uint64_t done, uint64_t total)>;
Result<StoreCheck> check_store(const std::filesystem::path& store, const CheckProgress& progress);

}  // namespace dragonfly
