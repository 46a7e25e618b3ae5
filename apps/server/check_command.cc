// `cb-dragonfly check`.
#include "base/tls/certificate.h"
#include "data_commands.h"
#include "data_directory.h"
#include "fleet/access/access_check.h"
#include "fleet/policy/policy_store.h"
#include "fleet/registry/agent_notes.h"
#include "fleet/registry/enrolment.h"
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
  const auto notes = AgentNotes::open(system_files(), data);
  if (!notes) return report.part("metadata", "not read", {notes.error().message});
  std::vector<std::string> damage;
  if (const size_t lines = (*notes)->damaged_lines(); lines > 0)
    damage.push_back(fmt::format("{}: {} lines are cut or damaged", (data / "agents.metadata").string(), lines));
  report.part("metadata", fmt::format("of {} agents", (*notes)->size()), damage);
}

void check_access_part(const Path& data, CheckReport& report) {
  const AccessCheck tokens = check_tokens(system_files(), data);
  report.part("tokens", fmt::format("{} tokens", tokens.entries), tokens.damage, tokens.damaged);
  const AgentTokensCheck agents = check_agent_tokens(system_files(), data);
  report.part("enrolment", fmt::format("{} tokens", agents.tokens), agents.damage, agents.damaged);
  const AccessCheck audit = check_audit(system_files(), data);
  report.part("audit", fmt::format("{} entries", audit.entries), audit.damage, audit.damaged);
}

void check_policy_part(const Path& data, CheckReport& report) {
  const auto policies = PolicyStore::open(system_files(), data / "policy", Policy{});
  if (!policies) return report.part("policy", "not read", {policies.error().message});
  report.part("policy",
              fmt::format("version {}, {} earlier ones", (*policies)->version(), (*policies)->history().size()),
              (*policies)->damage());
}

// One of the server's own; an operator's lies elsewhere.
void check_tls_part(const Path& data, CheckReport& report) {
  const Path folder = data / "tls";
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return;
  std::vector<std::string> damage;
  const auto read = [&](const char* name) {
    const auto content = system_files().read_file(folder / name, kPemBytesMax);
    if (!content) damage.push_back(content.error().message);
    return content ? std::string(as_text(*content)) : std::string();
  };
  const PemPair authority(read("ca.crt"), read("ca.key"));
  const PemPair server(read("server.crt"), read("server.key"));
  if (damage.empty()) {
    for (const auto& [name, pair] : {std::pair{"ca", &authority}, {"server", &server}}) {
      if (const auto good = check_pair(*pair); !good)
        damage.push_back(fmt::format("{}/{}.crt and .key: {}", folder.string(), name, good.error().message));
    }
  }
  if (damage.empty() && !is_signed_by(server.certificate, authority.certificate))
    damage.push_back(fmt::format("{}/server.crt is not signed by ca.crt", folder.string()));
  report.part("tls", "the authority's and the server's certificate", damage);
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
  check_access_part(data, report);
  check_policy_part(data, report);
  check_tls_part(data, report);
  check_manifest_part(data, report);
  if (report.damaged() == 0) {
    fmt::print("all is whole\n");
    return 0;
  }
  fmt::print("{} places are damaged; a server serves everything else\n", report.damaged());
  return kExitDamaged;
}

}  // namespace dragonfly
