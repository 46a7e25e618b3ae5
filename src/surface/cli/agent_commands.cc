#include "surface/cli/agent_commands.h"

#include <algorithm>

#include "surface/cli/asking.h"
#include "surface/cli/token_commands.h"

namespace dragonfly {

namespace json = boost::json;

namespace {

std::string list_path(const VmName& name, bool revoked) {
  std::string out = fmt::format("/api/v1/agents?limit=1000{}", revoked ? "&revoked=true" : "");
  for (const auto& [key, text] :
       {std::pair("ns", &name.ns), std::pair("mcis", &name.mcis), std::pair("vm", &name.vm)}) {
    if (!text->empty()) out += fmt::format("&{}={}", key, url_encoded(*text));
  }
  return out;
}

bool is_agent_id(const std::string& text) {
  return text.size() == 16 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

struct Found {
  std::string id, ns, mcis;
};

// The one agent that is meant; says otherwise which there are.
std::optional<Found> find_agent(CliSession& session, const VmName& name, int& code) {
  if (is_agent_id(name.vm)) return Found{name.vm, "", ""};
  const auto answer = ask(session, list_path(name, false), code);
  if (!answer) return std::nullopt;
  const json::array* agents = array_member(*answer, "agents");
  if (agents != nullptr && agents->size() == 1) {
    const json::value& one = agents->front();
    return Found{member(one, "agent_id"), member(one, "ns"), member(one, "mcis")};
  }
  std::string which;
  for (size_t i = 0; agents != nullptr && i < std::min<size_t>(agents->size(), 10); ++i) {
    const json::value& one = (*agents)[i];
    which += fmt::format("\n  {}  {}/{}/{}", member(one, "agent_id"), printable(member(one, "ns")),
                         printable(member(one, "mcis")), printable(member(one, "vm")));
  }
  code = refuse(session, kExitRefused,
                which.empty() ? fmt::format("no agent of a VM '{}' is in the register", printable(name.vm))
                              : fmt::format("several agents fit; name one by --ns, --mcis, or by its id:{}", which));
  return std::nullopt;
}

}  // namespace

int list_agent_keys(CliSession& session, const VmName& name, bool revoked) {
  int code = kExitDone;
  const auto answer = ask(session, list_path(name, revoked), code);
  if (!answer) return code;
  if (!member(*answer, "next").empty())
    session.errors += "only the first 1000 agents are shown; --ns, --mcis and --vm choose\n";
  return show_rows(session, *answer, array_member(*answer, "agents"),
                   {"agent_id", "ns", "mcis", "vm", "epoch", "state", "last_seen", "duplicate"});
}

int change_agent(CliSession& session, const std::string& what, const VmName& name) {
  int code = kExitDone;
  const auto found = find_agent(session, name, code);
  if (!found) return code;
  const auto answer = ask(session, "POST", fmt::format("/api/v1/agents/{}?agent={}", what, found->id), {}, code);
  if (!answer) return code;
  const std::string vm = fmt::format("{}/{}/{}", printable(member(*answer, "ns")), printable(member(*answer, "mcis")),
                                     printable(member(*answer, "vm")));
  if (what == "rotate") {
    return show_done(session, *answer,
                     fmt::format("agent {} of {} gets its key {} when it is heard next", found->id, vm,
                                 shown_member(*answer, "epoch")));
  }
  if (what == "revoke") {
    return show_done(session, *answer, fmt::format("agent {} of {} is revoked", found->id, vm));
  }
  session.errors +=
      fmt::format("agent {} of {} is revoked; whoever enrols as '{}' takes its place. A token for one machine:\n",
                  found->id, vm, printable(member(*answer, "vm")));
  return make_agent_token(
      session, {member(*answer, "ns"), member(*answer, "mcis"), fmt::format("in place of {}", found->id), {}, 1});
}

}  // namespace dragonfly
