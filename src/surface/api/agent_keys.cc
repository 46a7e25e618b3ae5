// /api/v1/agents: the register of agents, newer keys, and agents that are none any more.
#include "base/core/number.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

constexpr size_t kPageMax = 1000;
constexpr Duration kDuplicateShown = 10min;  // After the machines took turns last.

// The VM of an agent, where it is the one that writes it.
const VmEntry* written_by(const ApiParts& parts, const AgentRecord& agent) {
  const VmEntry* vm = parts.directory.find_vm(agent.vm);
  return vm != nullptr && vm->agent_id == agent.agent_id ? vm : nullptr;
}

std::string_view state_of_key(const AgentRecord& agent) {
  if (agent.revoked) return "revoked";
  return agent.older_epoch == 0 ? "active" : "rotating";
}

void write_agent(JsonWriter& out, const ApiParts& parts, const AgentRecord& agent) {
  const VmEntry* vm = written_by(parts, agent);
  out.begin_object().field("agent_id", std::string_view(fmt::format("{:016x}", agent.agent_id)));
  out.field("ns", std::string_view(agent.vm.ns)).field("mcis", std::string_view(agent.vm.mcis));
  out.field("vm", std::string_view(agent.vm.vm)).field("epoch", uint64_t{agent.epoch});
  out.field("state", state_of_key(agent)).key("last_seen");
  const auto seen = vm != nullptr ? last_seen(*vm, parts.clock) : std::nullopt;
  seen ? out.value(std::string_view(format_rfc3339(*seen))) : out.null();
  out.field("duplicate", vm != nullptr && is_duplicate(*vm, parts.clock.monotonic()));
  out.end_object();
}

std::string shown(const AgentRecord& agent) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().field("agent_id", std::string_view(fmt::format("{:016x}", agent.agent_id)));
  out.field("ns", std::string_view(agent.vm.ns)).field("mcis", std::string_view(agent.vm.mcis));
  out.field("vm", std::string_view(agent.vm.vm)).field("epoch", uint64_t{agent.epoch});
  out.field("state", state_of_key(agent)).end_object();
  return text;
}

struct Wanted {
  std::vector<std::string> ns, mcis, vm;
  bool revoked = false;
  size_t limit = 0;
  uint64_t after = 0;
};

Result<Wanted> read_wanted(const HttpRequest& request) {
  DF_TRY(only_parameters(request, "ns mcis vm revoked limit cursor"));
  Wanted out;
  for (const auto& [name, to] : {std::pair("ns", &out.ns), std::pair("mcis", &out.mcis), std::pair("vm", &out.vm)}) {
    auto list = list_parameter(request, name);
    if (!list) return fail(list.error());
    *to = std::move(*list);
  }
  const auto revoked = word_parameter(request, "revoked", "true|false", "false");
  if (!revoked) return fail(revoked.error());
  out.revoked = *revoked == "true";
  const auto limit = count_parameter(request, "limit", 100, kPageMax);
  if (!limit) return fail(limit.error());
  out.limit = *limit;
  const std::string cursor = text_parameter(request, "cursor");
  const auto after = parse_number<uint64_t>(cursor.empty() ? "0" : cursor, 16);
  if (!after) {
    return fail(ErrorCode::kInvalidArgument, "parameter 'cursor' is '{}'; it is the 'next' of the page before",
                cursor.substr(0, 100));
  }
  out.after = *after;
  return out;
}

bool is_wanted(const Wanted& wanted, const AgentRecord& agent) {
  const auto fits = [](const std::vector<std::string>& list, const std::string& name) {
    return list.empty() || std::ranges::count(list, name) > 0;
  };
  return agent.agent_id > wanted.after && (wanted.revoked || !agent.revoked) && fits(wanted.ns, agent.vm.ns) &&
         fits(wanted.mcis, agent.vm.mcis) && fits(wanted.vm, agent.vm.vm);
}

// Those of other namespaces are not there.
Result<uint64_t> find_agent(const ApiParts& parts, const Call& call) {
  DF_TRY(only_parameters(call.request, "agent"));
  const std::string text = text_parameter(call.request, "agent");
  const auto id = parse_number<uint64_t>(text, 16);
  if (text.size() != 16 || !id) {
    return fail(ErrorCode::kInvalidArgument,
                "parameter 'agent' is '{}'; it is 16 hexadecimal digits, as in /api/v1/agents", text.substr(0, 100));
  }
  const auto agents = parts.enrolment.agents();
  if (!agents) return fail(agents.error());
  const auto found = std::ranges::find(*agents, *id, &AgentRecord::agent_id);
  if (found == agents->end() || !call.principal.scope.sees(found->vm.ns)) {
    return fail(ErrorCode::kNotFound, "agent '{}' is not known", text);
  }
  return *id;
}

}  // namespace

bool is_duplicate(const VmEntry& vm, MonotonicTime now) {
  const int64_t at = vm.duplicate_ns;
  return at != 0 && now - MonotonicTime(Duration(at)) < kDuplicateShown;
}

void answer_agent_keys(const ApiParts& parts, Call call) {
  const auto wanted = read_wanted(call.request);
  if (!wanted) return answer_error(call.responder, wanted.error());
  const auto agents = parts.enrolment.agents();
  if (!agents) return answer_error(call.responder, agents.error());
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("agents").begin_array();
  size_t count = 0;
  std::string last, next;
  for (const AgentRecord& agent : *agents) {
    if (!is_wanted(*wanted, agent) || !call.principal.scope.sees(agent.vm.ns)) continue;
    if (count++ == wanted->limit) {
      next = last;
      break;
    }
    write_agent(out, parts, agent);
    last = fmt::format("{:016x}", agent.agent_id);
  }
  out.end_array().key("next");
  next.empty() ? out.null() : out.value(std::string_view(next));
  out.end_object();
  answer_json(call.responder, std::move(text));
}

void answer_change_agent(const ApiParts& parts, Call call) {
  const auto agent = find_agent(parts, call);
  if (!agent) return answer_error(call.responder, agent.error());
  const std::string& what = call.path.get("change");
  const auto changed = what == "rotate" ? parts.enrolment.rotate(*agent) : parts.enrolment.revoke(*agent);
  if (!changed) return answer_error(call.responder, changed.error());
  note_change(parts, call, "agent " + what, shown(changed->before), shown(changed->after));
  parts.agents_changed();
  std::string text;
  JsonWriter out(text);
  write_agent(out, parts, changed->after);
  answer_json(call.responder, std::move(text));
}

}  // namespace dragonfly
