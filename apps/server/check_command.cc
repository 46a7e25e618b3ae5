// `cb-dragonfly check`.
#include "data_commands.h"
#include "data_directory.h"
#include "store/backup/backup.h"
#include "store/log/log_check.h"
#include "store/tsdb/store_check.h"

namespace dragonfly {
namespace {

// One line a part, then a line for each thing that is damaged.
class CheckReport {
 public:
  void part(std::string_view name, const std::string& counts, const std::vector<std::string>& damage,
            uint64_t damaged) {
    fmt::print("{:<9} {}{}\n", name, counts, damaged == 0 ? "" : fmt::format("; {} damaged", damaged));
    for (const std::string& line : damage) fmt::print("  damaged: {}\n", line);
    damaged_ += damaged;
  }
  void part(std::string_view name, const std::string& counts, const std::vector<std::string>& damage) {
    part(name, counts, damage, damage.size());
  }
  uint64_t damaged() const { return damaged_; }

 private:
  uint64_t damaged_ = 0;
};

LogPosition check_store_part(const Path& data, CheckReport& report) {
  const auto store = check_store(data / "store", {});
  if (!store) {
    const bool is_new = store.error().code == ErrorCode::kNotFound;
    report.part("store", "not there", is_new ? std::vector<std::string>{} : std::vector{store.error().message});
    return LogPosition{0};
  }
  report.part("store",
              fmt::format("{} files, {} bytes, {} chunks, {} rows, {} metadata", store->files, store->bytes,
                          store->chunks, store->rows, store->metadata),
              store->damage, store->damaged);
  return store->log_begin.value_or(LogPosition{0});
}

void check_log_part(const Path& data, LogPosition from, CheckReport& report) {
  const auto log = check_log(system_files(), data / "log", from);
  if (!log) return report.part("log", "not read", {log.error().message});
  std::string counts = fmt::format("{} segments, {} bytes, {} records", log->segments, log->bytes, log->records);
  if (log->torn_bytes > 0)
    counts += fmt::format(", {} bytes of an unfinished end, never acknowledged", log->torn_bytes);
  report.part("log", counts, log->damage);
}

void check_registry_part(const Path& data, CheckReport& report) {
  const RegistryCheck registry = AgentRegistry::check(system_files(), data);
  report.part("registry", fmt::format("{} agents", registry.agents), registry.damage);
}

void check_manifest_part(const Path& data, CheckReport& report) {
  const auto manifest = read_manifest(system_files(), data);
  if (!manifest && manifest.error().code == ErrorCode::kNotFound) return;  // No backup.
  if (!manifest) return report.part("manifest", "not read", {manifest.error().message});
  const auto damage = verify_backup(system_files(), data, {});
  if (!damage) return report.part("manifest", "not read", {damage.error().message});
  report.part("manifest", fmt::format("{} files, {} bytes", manifest->files.size(), manifest->bytes()), *damage);
}

}  // namespace

int run_check(const ServerOptions& options) {
  const Path data = options.settings.data_dir;
  const auto lock = lock_data(data);
  if (!lock) {
    fmt::print(stderr, "cb-dragonfly check: {}\n", lock.error().message);
    return kExitFailed;
  }
  CheckReport report;
  const LogPosition log_begin = check_store_part(data, report);
  check_log_part(data, log_begin, report);
  check_registry_part(data, report);
  check_manifest_part(data, report);
  if (report.damaged() == 0) {
    fmt::print("all is whole\n");
    return 0;
  }
  fmt::print("{} places are damaged; a server serves everything else\n", report.damaged());
  return kExitDamaged;
}

}  // namespace dragonfly
