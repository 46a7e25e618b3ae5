// Inside surface/api: the table of paths, and who is asked.
//
// Units      none.
// Ownership  the table is constant; a Call owns its request.
// Threading  pure.
// Errors     find_route: 404 with the nearest path, 405 with what is allowed.
// Limits     none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http/http_server.h"
#include "surface/api/gate.h"

namespace dragonfly {

struct ApiParts;

// Values of a pattern's {names}.
class PathValues {
 public:
  void set(std::string_view name, std::string value) { values_.emplace_back(name, std::move(value)); }
  // Empty where the pattern has no such name.
  const std::string& get(std::string_view name) const;
  bool has(std::string_view name) const;

 private:
  std::vector<std::pair<std::string_view, std::string>> values_;
};

struct Call {
  HttpRequest request;
  PathValues path;
  Responder responder;
  Principal principal{};
};

using Handler = void (*)(const ApiParts& parts, Call call);

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/a/{name}", "/a/{name:one|two}".
  Needs needs;
  Handler handler;
  // Whether pages of other sites may read the answer; else only those of api.cors_origins (and our own).
  bool open_to_all_origins = true;
  // Whether its answers have an ETag, so that a client that has one already is told so (304).
  bool has_etag = false;
};

std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;
  PathValues path;
  std::string allow;    // Methods of the path, "GET, HEAD, OPTIONS"; empty = no such path.
  std::string nearest;  // The pattern that fits best, where there is no such path.
};
RouteMatch find_route(std::string_view method, std::span<const std::string> path);

// The handlers, by file. Each answers exactly once.
void answer_info(const ApiParts& parts, Call call);        // info.cc
void answer_real_time(const ApiParts& parts, Call call);   // info.cc
void answer_group_info(const ApiParts& parts, Call call);  // group_info.cc, as the next
void answer_group_real_time(const ApiParts& parts, Call call);
void answer_performance(const ApiParts& parts, Call call);  // performance.cc, as those below
void answer_packets(const ApiParts& parts, Call call);
void answer_processes(const ApiParts& parts, Call call);
void answer_specs(const ApiParts& parts, Call call);
void answer_install_agent(const ApiParts& parts, Call call);    // agents.cc
void answer_agents_metadata(const ApiParts& parts, Call call);  // agents_metadata.cc, as those below
void answer_agent_metadata(const ApiParts& parts, Call call);
void answer_change_agent_metadata(const ApiParts& parts, Call call);
void answer_forget_agent_metadata(const ApiParts& parts, Call call);
void answer_agent_file(const ApiParts& parts, Call call);  // files.cc, as the next
void answer_installer(const ApiParts& parts, Call call);
void answer_on_demand(const ApiParts& parts, Call call);  // on_demand.cc
void answer_vms(const ApiParts& parts, Call call);        // vms.cc
void answer_groups(const ApiParts& parts, Call call);     // vms.cc: /ns and /mcis
void answer_query(const ApiParts& parts, Call call);      // query.cc
void answer_stream(const ApiParts& parts, Call call);     // stream.cc
void answer_write(const ApiParts& parts, Call call);      // write.cc
void answer_alive(const ApiParts& parts, Call call);      // server_state.cc, as those below
void answer_health(const ApiParts& parts, Call call);
void answer_own_metrics(const ApiParts& parts, Call call);
void answer_catalogue(const ApiParts& parts, Call call);
void answer_export(const ApiParts& parts, Call call);  // export.cc
void answer_backup(const ApiParts& parts, Call call);  // backup_routes.cc, as the next
void answer_start_backup(const ApiParts& parts, Call call);
// Puts a change into the audit log; `before` and `after` are JSON, or empty.
void note_change(const ApiParts& parts, const Call& call, std::string_view what, std::string before, std::string after);
void answer_audit(const ApiParts& parts, Call call);   // audit.cc
void answer_tokens(const ApiParts& parts, Call call);  // tokens.cc, as those below
void answer_new_token(const ApiParts& parts, Call call);
void answer_revoke_token(const ApiParts& parts, Call call);
void answer_session(const ApiParts& parts, Call call);
void answer_login(const ApiParts& parts, Call call);
void answer_logout(const ApiParts& parts, Call call);
void answer_agent_keys(const ApiParts& parts, Call call);  // agent_keys.cc, as the next
void answer_change_agent(const ApiParts& parts, Call call);
void answer_frames(const ApiParts& parts, Call call);        // frames.cc
void answer_agent_tokens(const ApiParts& parts, Call call);  // agent_tokens.cc, as the next two
void answer_new_agent_token(const ApiParts& parts, Call call);
void answer_revoke_agent_token(const ApiParts& parts, Call call);
void answer_authority(const ApiParts& parts, Call call);  // enrol.cc, as the next
void answer_enroll(const ApiParts& parts, Call call);
void answer_config(const ApiParts& parts, Call call);  // policy.cc, as those below
void answer_change_config(const ApiParts& parts, Call call);
void answer_reset_config(const ApiParts& parts, Call call);
void answer_config_history(const ApiParts& parts, Call call);
void answer_roll_back_config(const ApiParts& parts, Call call);
void answer_collectors(const ApiParts& parts, Call call);  // collectors.cc, as those below
void answer_collector(const ApiParts& parts, Call call);
void answer_start_collector(const ApiParts& parts, Call call);
void answer_stop_collector(const ApiParts& parts, Call call);
void answer_page(const ApiParts& parts, Call call);  // page.cc, as those below
void answer_api_page(const ApiParts& parts, Call call);
void answer_openapi(const ApiParts& parts, Call call);

}  // namespace dragonfly
