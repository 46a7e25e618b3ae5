// ServerHealth: how the server's modules are, for GET /health.
//
// Units      none.
// Ownership  borrows what it looks at, which outlives it.
// Threading  any thread.
// Errors     none: what is wrong is what it tells.
// Limits     none.
#pragma once

#include "base/rt/clock.h"
#include "fleet/collector/collector_manager.h"
#include "model/flow/directory.h"
#include "overload_watch.h"
#include "storage_figures.h"
#include "store/log/log_stats.h"
#include "store/tsdb/chunk_db.h"
#include "surface/api/health.h"

namespace dragonfly {

class ServerHealth final : public HealthSource {
 public:
  ServerHealth(const OverloadWatch& overload, const LogStats& log, const ChunkDb& store, Directory& directory,
               const CollectorManager& collectors, const Clock& clock, const StorageFigures& figures,
               std::string openness, std::vector<std::string> file_damage)
      : overload_(overload),
        log_(log),
        store_(store),
        directory_(directory),
        collectors_(collectors),
        clock_(clock),
        figures_(figures),
        openness_(std::move(openness)),
        file_damage_(std::move(file_damage)) {}
  std::vector<ModuleHealth> health() const override;

 private:
  ModuleHealth agents() const;
  ModuleHealth collectors() const;
  const OverloadWatch& overload_;
  const LogStats& log_;
  const ChunkDb& store_;
  Directory& directory_;
  const CollectorManager& collectors_;
  const Clock& clock_;
  const StorageFigures& figures_;
  const std::string openness_;  // What is open that should not be.
  const std::vector<std::string> file_damage_;
};

}  // namespace dragonfly
