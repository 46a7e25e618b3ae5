// Api: every path that clients call (docs/api/openapi.yaml), answered from the interfaces of model/flow and from
// query/statistics. One handler a question; the spellings are rows of one table (routes.cc).
//
// Units      as the catalogue says; times RFC 3339, UTC.
// Ownership  borrows its parts, which outlive it.
// Threading  handle() may be called from any thread that may block for the time of a question (HttpServer calls it on
//            its workers).
// Errors     {"message": …} with the status that api.md gives; it names the parameter, what was wrong, what is allowed.
// Limits     those of the parts; kVmsPageMax VMs (kGroupsPageMax groups) a page; kStreamEventsMax events waiting in one stream.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/http/http_server.h"
#include "base/obs/metrics.h"
#include "base/rt/clock.h"
#include "base/rt/executor.h"
#include "fleet/access/audit_log.h"
#include "fleet/collector/collector_manager.h"
#include "fleet/policy/policy_store.h"
#include "fleet/registry/agent_notes.h"
#include "fleet/registry/enrolment.h"
#include "model/flow/agent_link.h"
#include "model/flow/directory.h"
#include "model/flow/frame_door.h"
#include "model/flow/row_door.h"
#include "model/flow/row_feed.h"
#include "model/flow/series_reader.h"
#include "query/statistics/questions.h"
#include "surface/api/backup_door.h"
#include "surface/api/enrolment_place.h"
#include "surface/api/gate.h"
#include "surface/api/health.h"

namespace dragonfly {

inline constexpr size_t kVmsPageMax = 10'000;
inline constexpr size_t kGroupsPageMax = 1000;
inline constexpr size_t kStreamEventsMax = 10'000;

struct ApiParts {
  Directory& directory;
  SeriesReader& reader;  // For latest values; questions have their own.
  Questions& questions;
  AgentLink& agents;
  FrameDoor& frames;
  RowFeed& feed;
  RowDoor& door;
  MetricsRegistry& metrics;
  HealthSource& health;
  Clock& clock;
  Executor& workers;  // For what comes back on threads that must only pass on.
  std::function<std::shared_ptr<const PolicySet>()> policy;
  // May be null: then there are no backups.
  BackupDoor* backups;
  TokenStore& tokens;
  Gate& gate;
  PolicyStore& policies;
  CollectorManager& collectors;
  AuditLog& audit;
  Enrolment& enrolment;
  std::function<EnrolmentPlace()> place;
  std::function<void()> agents_changed;  // Has the register read again soon.
  AgentNotes& notes;
  std::string version;                    // Of this build, as in the names of packages.
  std::string package_dir;                // Where packages of the agent lie; empty: nowhere.
  std::vector<std::string> cors_origins;  // "https://grafana.example": who may write and watch across origins.
};

class Scopes;

class Api {
 public:
  explicit Api(ApiParts parts);
  ~Api();
  void handle(HttpRequest request, Responder responder) const;
  // What clients of earlier releases call and nothing else, for whoever asks: its listener chooses who does.
  void handle_legacy(HttpRequest request, Responder responder) const;
  // For HttpOptions::common_headers: no sniffing, nothing from elsewhere in the page.
  static NamedValues common_headers();

 private:
  void serve(HttpRequest request, Responder responder, bool legacy) const;
  const ApiParts parts_;
  const std::unique_ptr<Scopes> scopes_;
};

}  // namespace dragonfly
