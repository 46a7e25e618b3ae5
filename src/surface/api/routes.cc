#include "surface/api/routes.h"

#include <algorithm>
#include <array>

namespace dragonfly {
namespace {

// Of Route::open_to_all_origins and has_etag.
constexpr bool kListedOrigins = false;
constexpr bool kAllOrigins = true;
constexpr bool kEtag = true;

constexpr Route kRoutes[] = {
    {"GET", "/", Needs::kNothing, answer_page},
    {"GET", "/{file:app.js|api.js|style.css|icon.svg}", Needs::kNothing, answer_page},
    {"GET", "/api", Needs::kNothing, answer_api_page},
    {"GET", "/api/{file:openapi.json|openapi.yaml}", Needs::kNothing, answer_openapi},
    {"GET", "/healthcheck", Needs::kNothing, answer_alive},
    {"GET", "/dragonfly/healthcheck", Needs::kNothing, answer_alive},
    {"GET", "/health", Needs::kViewer, answer_health},
    {"GET", "/metrics", Needs::kViewer, answer_own_metrics},
    {"GET", "/mon/mcis/{id}/vm/{vm}/metric/{metric}/info", Needs::kViewer, answer_info},
    {"GET", "/mon/mcis/{id}/vm/{vm}/metric/{metric}/rt-info", Needs::kViewer, answer_real_time},
    {"GET", "/dragonfly/mcis/{id}/vm/{vm}/metric/{metric}/info", Needs::kViewer, answer_info},
    {"GET", "/dragonfly/mcis/{id}/vm/{vm}/metric/{metric}/rt-info", Needs::kViewer, answer_real_time},
    {"GET", "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/metric/{metric}/info", Needs::kViewer, answer_info},
    {"GET", "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/metric/{metric}/rt-info", Needs::kViewer,
     answer_real_time},
    {"GET",
     "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/agent_ip/{ip}/metric/{metric}/ondemand-monitoring-info",
     Needs::kViewer, answer_on_demand},
    {"GET",
     "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/agent_ip/{ip}/mcis_metric/{metric}/"
     "ondemand-monitoring-info",
     Needs::kViewer, answer_on_demand},
    {"GET", "/mon/mcis/{id}/info", Needs::kViewer, answer_group_info},
    {"GET", "/mon/mcis/{id}/rt-info", Needs::kViewer, answer_group_real_time},
    {"GET", "/dragonfly/mcis/{id}/info", Needs::kViewer, answer_group_info},
    {"GET", "/dragonfly/mcis/{id}/rt-info", Needs::kViewer, answer_group_real_time},
    {"GET", "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/info", Needs::kViewer, answer_group_info},
    {"GET", "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/rt-info", Needs::kViewer, answer_group_real_time},
    {"GET",
     "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/agent_ip/{ip}/mcis_metric/{metric}/mcis-monitoring-info",
     Needs::kViewer, answer_performance},
    {"POST",
     "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/agent_ip/{ip}/mcis_metric/{metric}/mcis-monitoring-info",
     Needs::kViewer, answer_performance, kListedOrigins},
    {"GET", "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/watchtime/{seconds}/mcis-networkpacket-info",
     Needs::kViewer, answer_packets},
    {"GET", "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/vm/{vm}/agentip/{ip}/mcis-process-info", Needs::kViewer,
     answer_processes},
    {"GET", "/dragonfly/ns/{ns}/{group:mcis|mci|infra}/{id}/mcis-spec-info", Needs::kViewer, answer_specs},
    {"POST", "/dragonfly/agent", Needs::kOperator, answer_install_agent, kListedOrigins},
    {"DELETE", "/dragonfly/agent", Needs::kOperator, answer_install_agent, kListedOrigins},
    {"POST", "/dragonfly/agent/install", Needs::kOperator, answer_install_agent, kListedOrigins},
    {"POST", "/dragonfly/agent/uninstall", Needs::kOperator, answer_install_agent, kListedOrigins},
    {"GET", "/dragonfly/agents/metadata", Needs::kViewer, answer_agents_metadata, kAllOrigins, kEtag},
    {"GET", "/dragonfly/agent/metadata", Needs::kViewer, answer_agent_metadata},
    {"PUT", "/dragonfly/agent/metadata", Needs::kOperator, answer_change_agent_metadata, kListedOrigins},
    {"DELETE", "/dragonfly/agent/metadata", Needs::kOperator, answer_forget_agent_metadata, kListedOrigins},
    // Nothing of these is secret, and who installs an agent has no token but the agent's.
    {"GET", "/dragonfly/file/agent/{file:install|conf|pkg}", Needs::kNothing, answer_agent_file},
    {"GET", "/dragonfly/installer/cbinstaller", Needs::kNothing, answer_installer},
    {"GET", "/dragonfly/config", Needs::kViewer, answer_config},
    {"PUT", "/dragonfly/config", Needs::kAdmin, answer_change_config, kListedOrigins},
    {"PUT", "/dragonfly/config/reset", Needs::kAdmin, answer_reset_config, kListedOrigins},
    {"GET", "/dragonfly/config/history", Needs::kViewer, answer_config_history},
    {"PUT", "/dragonfly/config/rollback", Needs::kAdmin, answer_roll_back_config, kListedOrigins},
    {"GET", "/api/v1/collectors", Needs::kViewer, answer_collectors},
    {"POST", "/api/v1/collectors", Needs::kAdmin, answer_start_collector, kListedOrigins},
    {"GET", "/api/v1/collectors/{id}", Needs::kViewer, answer_collector},
    {"DELETE", "/api/v1/collectors/{id}", Needs::kAdmin, answer_stop_collector, kListedOrigins},
    {"GET", "/api/v1/vms", Needs::kViewer, answer_vms, kAllOrigins, kEtag},
    {"GET", "/api/v1/{level:ns|mcis}", Needs::kViewer, answer_groups, kAllOrigins, kEtag},
    {"GET", "/api/v1/metrics", Needs::kViewer, answer_catalogue, kAllOrigins, kEtag},
    {"GET", "/api/v1/query", Needs::kViewer, answer_query},
    {"GET", "/api/v1/stream", Needs::kViewer, answer_stream, kListedOrigins},
    {"POST", "/write", Needs::kOperator, answer_write, kListedOrigins},
    {"GET", "/api/v1/export", Needs::kViewer, answer_export, kListedOrigins},
    {"GET", "/api/v1/backup", Needs::kAdmin, answer_backup, kListedOrigins},
    {"POST", "/api/v1/backup", Needs::kAdmin, answer_start_backup, kListedOrigins},
    {"GET", "/api/v1/session", Needs::kViewer, answer_session, kListedOrigins},
    {"POST", "/api/v1/session", Needs::kNothing, answer_login, kListedOrigins},
    {"DELETE", "/api/v1/session", Needs::kNothing, answer_logout, kListedOrigins},
    {"POST", "/api/v1/frames", Needs::kSeal, answer_frames, kListedOrigins},
    {"GET", "/api/v1/agents", Needs::kViewer, answer_agent_keys, kListedOrigins, kEtag},
    {"POST", "/api/v1/agents/{change:rotate|revoke|replace}", Needs::kOperator, answer_change_agent, kListedOrigins},
    {"GET", "/api/v1/agents/tokens", Needs::kOperator, answer_agent_tokens, kListedOrigins, kEtag},
    {"POST", "/api/v1/agents/tokens", Needs::kOperator, answer_new_agent_token, kListedOrigins},
    {"DELETE", "/api/v1/agents/tokens/{token}", Needs::kOperator, answer_revoke_agent_token, kListedOrigins},
    {"GET", "/api/v1/agents/authority", Needs::kNothing, answer_authority, kListedOrigins},
    {"POST", "/api/v1/agents/enroll", Needs::kAgentToken, answer_enroll, kListedOrigins},
    {"GET", "/api/v1/audit", Needs::kAdmin, answer_audit, kListedOrigins},
    {"GET", "/api/v1/tokens", Needs::kAdmin, answer_tokens, kListedOrigins, kEtag},
    {"POST", "/api/v1/tokens", Needs::kAdmin, answer_new_token, kListedOrigins},
    {"DELETE", "/api/v1/tokens/{token}", Needs::kAdmin, answer_revoke_token, kListedOrigins},
};

// The first segment of `pattern`, which is then shortened by it.
std::string_view next_segment(std::string_view& pattern) {
  pattern.remove_prefix(1);
  const std::string_view segment = pattern.substr(0, pattern.find('/'));
  pattern.remove_prefix(segment.size());
  return segment;
}

bool is_one_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view one = words.substr(0, words.find('|'));
    if (one == word) return true;
    words.remove_prefix(std::min(one.size() + 1, words.size()));
  }
  return false;
}

bool segment_fits(std::string_view pattern, const std::string& segment, PathValues& values) {
  if (!pattern.starts_with('{')) return pattern == segment;
  pattern = pattern.substr(1, pattern.size() - 2);
  const size_t colon = pattern.find(':');
  const bool fits = colon == std::string_view::npos ? !segment.empty() : is_one_of(pattern.substr(colon + 1), segment);
  if (fits) values.set(pattern.substr(0, colon), segment);
  return fits;
}

// How many segments fit from the left, and whether that is all of both.
std::pair<size_t, bool> fit(std::string_view pattern, std::span<const std::string> path, PathValues& values) {
  if (pattern == "/") pattern = {};
  size_t fitting = 0;
  while (!pattern.empty() && fitting < path.size()) {
    if (!segment_fits(next_segment(pattern), path[fitting], values)) return {fitting, false};
    ++fitting;
  }
  return {fitting, pattern.empty() && fitting == path.size()};
}

}  // namespace

const std::string& PathValues::get(std::string_view name) const {
  static const std::string kEmpty;
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return kEmpty;
}

bool PathValues::has(std::string_view name) const {
  return std::any_of(values_.begin(), values_.end(), [&](const auto& item) { return item.first == name; });
}

std::span<const Route> routes() { return kRoutes; }

RouteMatch find_route(std::string_view method, std::span<const std::string> path) {
  RouteMatch out;
  size_t best = 0;
  for (const Route& route : kRoutes) {
    PathValues values;
    const auto [fitting, whole] = fit(route.pattern, path, values);
    if (fitting > best) {
      best = fitting;
      out.nearest = route.pattern;
    }
    if (!whole) continue;
    if (!out.allow.empty()) out.allow += ", ";
    out.allow += route.method == "GET" ? "GET, HEAD" : route.method;
    if (route.method == method || out.route == nullptr) {
      out.path = std::move(values);
      if (route.method == method) out.route = &route;
    }
  }
  if (!out.allow.empty()) out.allow += ", OPTIONS";
  return out;
}

}  // namespace dragonfly
