#include "surface/cli/token_commands.h"

#include "surface/cli/asking.h"

namespace dragonfly {

namespace json = boost::json;

namespace {

std::string joined(const json::array* items) {
  std::string out;
  for (size_t i = 0; items != nullptr && i < items->size(); ++i) out += (i == 0 ? "" : ", ") + text_of((*items)[i]);
  return out.empty() ? "all" : out;
}

bool is_expired(const json::value& token) {
  const json::value* expired = token.get_object().if_contains("expired");
  return expired != nullptr && expired->is_bool() && expired->get_bool();
}

}  // namespace

int make_token(CliSession& session, const TokenNewOptions& options) {
  json::object body{{"name", options.name}, {"role", options.role}};
  if (!options.namespaces.empty())
    body["namespaces"] = json::array(options.namespaces.begin(), options.namespaces.end());
  if (!options.expires.empty()) body["expires"] = options.expires;
  int code = kExitDone;
  const auto answer = ask(session, "POST", "/api/v1/tokens", json::serialize(body), code);
  if (!answer) return code;
  if (session.output != OutputForm::kTable) return show_members(session, *answer);
  session.out += printable(member(*answer, "token")) + "\n";
  session.errors += fmt::format("token {} ({}); it is not shown again\n", printable(member(*answer, "id")),
                                printable(member(*answer, "role")));
  return kExitDone;
}

int list_tokens(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "/api/v1/tokens", code);
  if (!answer) return code;
  if (session.output == OutputForm::kJson) {
    session.out += json_text(*answer) + "\n";
    return kExitDone;
  }
  Table table({{"ID"}, {"NAME"}, {"ROLE"}, {"NAMESPACES"}, {"CREATED"}, {"EXPIRES"}});
  const json::array* tokens = array_member(*answer, "tokens");
  for (size_t i = 0; tokens != nullptr && i < tokens->size(); ++i) {
    const json::value& token = (*tokens)[i];
    if (!token.is_object()) continue;
    const std::string expires = member(token, "expires");
    table.add({member(token, "id"), member(token, "name"), member(token, "role"),
               joined(array_member(token, "namespaces")), member(token, "created"),
               expires.empty() ? "never" : expires + (is_expired(token) ? " (over)" : "")});
  }
  show(session, table);
  return kExitDone;
}

int show_audit(CliSession& session, size_t limit) {
  int code = kExitDone;
  const auto answer = ask(session, fmt::format("/api/v1/audit?limit={}", limit), code);
  if (!answer) return code;
  if (session.output == OutputForm::kJson) {
    session.out += json_text(*answer) + "\n";
    return kExitDone;
  }
  Table table({{"TIME"}, {"WHO"}, {"FROM"}, {"WHAT"}, {"BEFORE"}, {"AFTER"}});
  const json::array* entries = array_member(*answer, "entries");
  for (size_t i = 0; entries != nullptr && i < entries->size(); ++i) {
    const json::value& entry = (*entries)[i];
    table.add({member(entry, "time"), member(entry, "who"), member(entry, "from"), member(entry, "what"),
               member(entry, "before"), member(entry, "after")});
  }
  show(session, table);
  return kExitDone;
}

int revoke_token(CliSession& session, const std::string& id) {
  int code = kExitDone;
  if (!ask(session, "DELETE", "/api/v1/tokens/" + url_encoded(id), {}, code)) return code;
  return show_done(session, json::object{{"id", id}, {"revoked", true}}, "revoked");
}

int make_agent_token(CliSession& session, const AgentTokenOptions& options) {
  json::object body;
  for (const auto& [key, text] : {std::pair("ns", &options.ns), std::pair("mcis", &options.mcis),
                                  std::pair("name", &options.name), std::pair("expires", &options.expires)}) {
    if (!text->empty()) body[key] = *text;
  }
  if (options.uses > 0) body["uses"] = options.uses;
  int code = kExitDone;
  const auto answer = ask(session, "POST", "/api/v1/agents/tokens", json::serialize(body), code);
  if (!answer) return code;
  if (session.output != OutputForm::kTable) return show_members(session, *answer);
  session.out += printable(member(*answer, "token")) + "\n";
  session.errors += fmt::format("for machines of {}/{}, until {}; it is not shown again. On the machine, as root:\n\n",
                                printable(member(*answer, "ns")), printable(member(*answer, "mcis")),
                                printable(member(*answer, "expires")));
  session.errors += fmt::format("    {}\n\n", printable(member(*answer, "install")));
  session.errors += fmt::format("or, where cb-agent is there:\n\n    cb-agent enroll --server {} --token TOKEN\n",
                                printable(member(*answer, "server")));
  return kExitDone;
}

int list_agent_tokens(CliSession& session) {
  int code = kExitDone;
  const auto answer = ask(session, "/api/v1/agents/tokens", code);
  if (!answer) return code;
  return show_rows(session, *answer, array_member(*answer, "tokens"),
                   {"id", "name", "ns", "mcis", "expires", "uses", "uses_max", "usable"});
}

int revoke_agent_token(CliSession& session, const std::string& id) {
  int code = kExitDone;
  if (!ask(session, "DELETE", "/api/v1/agents/tokens/" + url_encoded(id), {}, code)) return code;
  return show_done(session, json::object{{"id", id}, {"revoked", true}}, "revoked");
}

}  // namespace dragonfly
