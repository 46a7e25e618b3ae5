// Metadata of every agent that was ever seen, as older clients know them.
#include <algorithm>
#include <memory>

#include "base/core/names.h"
#include "surface/api/api.h"
#include "surface/api/body.h"
#include "surface/api/params.h"
#include "surface/api/pieces.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

// A frame is expected at least so often; three of them missed are the 30 s after which an agent is unhealthy.
constexpr Duration kAnswerEvery = 10s;

struct Metadata {
  const VmEntry* vm = nullptr;
  AgentNote note;
  std::string csp;
  bool healthy = false;
  int64_t missed = 0;  // Answers in a row.
};

Metadata metadata_of(const ApiParts& parts, const VmEntry& vm) {
  const auto labels = labels_of(parts.directory, vm);
  const MonotonicTime now = parts.clock.monotonic();
  Metadata out{&vm, parts.notes.of(vm.identity), std::string(labels->label("cspType")), false, 0};
  out.healthy = state_of(vm, *parts.policy(), now) != VmState::kSilent;
  if (const auto seen = last_seen(vm, parts.clock))
    out.missed = std::max<int64_t>((parts.clock.wall() - *seen) / kAnswerEvery, out.healthy ? 0 : 3);
  return out;
}

// Until it has a row that is newer.
bool is_forgotten(const Metadata& agent) {
  return agent.note.forgotten &&
         agent.vm->last_row_ns.load(std::memory_order_relaxed) <= unix_ns(*agent.note.forgotten);
}

std::string key_of(const Metadata& agent) {
  const VmIdentity& id = agent.vm->identity;
  return fmt::format("/monitoring/agents/{}_{}_{}_{}_{}", id.ns, agent.note.service_type, id.mcis, id.vm, agent.csp);
}

std::string_view state_name(const AgentNote& note) { return note.enabled ? "enable" : "disable"; }

void write_metadata(JsonWriter& json, const Metadata& agent) {
  const VmIdentity& id = agent.vm->identity;
  json.begin_object().field("service_type", std::string_view(agent.note.service_type));
  json.field("ns_id", std::string_view(id.ns)).field("mcis_id", std::string_view(id.mcis));
  json.field("vm_id", std::string_view(id.vm)).field("csp_type", std::string_view(agent.csp));
  json.field("cspType", std::string_view(agent.csp)).field("agent_type", "push");
  json.field("agent_state", state_name(agent.note)).field("agent_health", agent.healthy ? "healthy" : "unhealthy");
  json.field("agent_unhealthy_resp_cnt", agent.missed).field("public_ip", std::string_view(agent.note.public_ip));
  json.end_object();
}

std::string rendered(const Metadata& agent) {
  std::string out;
  JsonWriter json(out);
  write_metadata(json, agent);
  return out;
}

// Names of the same thing; the first is told in messages.
constexpr std::string_view kNamespace[] = {"ns", "ns_id"};
constexpr std::string_view kGroup[] = {"service_id", "mcis_id", "mci_id", "infra_id"};
constexpr std::string_view kVm[] = {"vm_id", "node_id"};
constexpr std::string_view kCsp[] = {"csp_type", "cspType"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string any_of(const HttpRequest& request, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (std::string text = text_parameter(request, name); !text.empty()) return text;
  }
  return {};
}

struct Wanted {
  std::string ns, group, vm, csp, service_type;
};

Result<Wanted> read_wanted(const HttpRequest& request) {
  DF_TRY(only_parameters(request,
                         "ns ns_id service_type service_id mcis_id mci_id infra_id vm_id node_id csp_type cspType"));
  return Wanted{any_of(request, kNamespace), any_of(request, kGroup), any_of(request, kVm), any_of(request, kCsp),
                text_parameter(request, "service_type")};
}

// The names of a multi-cloud service are one; an agent that got none of them has it, too.
bool has_service_type(const Metadata& agent, const std::string& asked) {
  static constexpr std::string_view kSame[] = {"mcis", "mci", "infra", "vm"};
  if (asked.empty() || agent.note.service_type == asked) return true;
  return is_one_of(kSame, asked) && is_one_of(kSame, agent.note.service_type);
}

bool is_wanted(const Metadata& agent, const Wanted& wanted) {
  return (wanted.csp.empty() || agent.csp == wanted.csp) && has_service_type(agent, wanted.service_type);
}

// An object of all agents that are wanted, some hundred at a time.
class MetadataBody final : public JsonBody {
 public:
  MetadataBody(const ApiParts& parts, Wanted wanted) : parts_(parts), wanted_(std::move(wanted)) {
    for (const VmEntry* vm : parts.directory.vms()) {
      if (!wanted_.ns.empty() && vm->identity.ns != wanted_.ns) continue;
      if (!wanted_.group.empty() && vm->identity.mcis != wanted_.group) continue;
      if (!wanted_.vm.empty() && vm->identity.vm != wanted_.vm) continue;
      vms_.push_back(vm);
    }
  }

 private:
  static constexpr size_t kAtOnce = 500;

  Result<bool> write_part(JsonWriter& json) override {
    if (at_ == 0) json.begin_object();
    for (const size_t end = std::min(vms_.size(), at_ + kAtOnce); at_ < end; ++at_) {
      const Metadata agent = metadata_of(parts_, *vms_[at_]);
      if (is_forgotten(agent) || !is_wanted(agent, wanted_)) continue;
      json.key(key_of(agent));
      write_metadata(json, agent);
    }
    if (at_ < vms_.size()) return true;
    json.end_object();
    return false;
  }

  const ApiParts& parts_;
  const Wanted wanted_;
  std::vector<const VmEntry*> vms_;
  size_t at_ = 0;
};

Result<Metadata> find_agent(const ApiParts& parts, const Wanted& wanted) {
  DF_TRY(check_name("ns", wanted.ns));
  DF_TRY(check_name("service_id", wanted.group));
  DF_TRY(check_name("vm_id", wanted.vm));
  const VmEntry* vm = parts.directory.find_vm(VmIdentity{wanted.ns, wanted.group, wanted.vm});
  if (vm != nullptr) {
    Metadata agent = metadata_of(parts, *vm);
    if (!is_forgotten(agent) && is_wanted(agent, wanted)) return agent;
  }
  return fail(ErrorCode::kNotFound, "agent of vm '{}' in '{}' of namespace '{}' is not known", wanted.vm, wanted.group,
              wanted.ns);
}

Result<> set_state(AgentNote& note, const std::string& text) {
  if (text != "enable" && text != "disable")
    return fail(ErrorCode::kInvalidArgument, "key 'agent_state' is '{}'; allowed are enable, disable",
                text.substr(0, 100));
  note.enabled = text == "enable";
  return {};
}

Result<> check_type(const std::string& text) {
  if (text == "push") return {};
  if (text == "pull")
    return fail(ErrorCode::kUnsupported,
                "key 'agent_type' is 'pull'; this version collects by push only: agents send, the server does not ask");
  return fail(ErrorCode::kInvalidArgument, "key 'agent_type' is '{}'; allowed are push, pull", text.substr(0, 100));
}

Result<> set_address(AgentNote& note, const std::string& text) {
  if (!text.empty() && host_name(text).empty())
    return fail(ErrorCode::kInvalidArgument, "key 'public_ip' is '{}'; it takes an address or a host name, or nothing",
                text.substr(0, 100));
  note.public_ip = text;
  return {};
}

// What names the agent, in a body that is an answer sent back.
Result<> check_same(const std::string& key, const std::string& text, std::string_view is) {
  if (text == is) return {};
  return fail(ErrorCode::kInvalidArgument, "key '{}' is '{}'; it is '{}' and follows from what the agent sends", key,
              text.substr(0, 100), is);
}

Result<AgentNote> changed_note(const Metadata& agent, const NamedValues& body) {
  AgentNote note = agent.note;
  const VmIdentity& id = agent.vm->identity;
  for (const auto& [key, text] : body) {
    if (key == "agent_state") {
      DF_TRY(set_state(note, text));
    } else if (key == "agent_type") {
      DF_TRY(check_type(text));
    } else if (key == "public_ip") {
      DF_TRY(set_address(note, text));
    } else if (key == "service_type") {
      DF_TRY(check_name("service_type", text));
      note.service_type = text;
    } else if (is_one_of(kNamespace, key)) {
      DF_TRY(check_same(key, text, id.ns));
    } else if (is_one_of(kGroup, key)) {
      DF_TRY(check_same(key, text, id.mcis));
    } else if (is_one_of(kVm, key)) {
      DF_TRY(check_same(key, text, id.vm));
    } else if (is_one_of(kCsp, key)) {
      DF_TRY(check_same(key, text, agent.csp));
    } else if (key != "agent_health" && key != "agent_unhealthy_resp_cnt") {  // As it was when it was read.
      return fail(ErrorCode::kInvalidArgument,
                  "key '{}' is not known; agent_state, agent_type, public_ip and service_type can be changed",
                  key.substr(0, 64));
    }
  }
  return note;
}

// Where the query does not name the agent, the body does.
void name_by_body(Wanted& wanted, const NamedValues& body) {
  for (const auto& [key, text] : body) {
    if (wanted.ns.empty() && is_one_of(kNamespace, key)) wanted.ns = text;
    if (wanted.group.empty() && is_one_of(kGroup, key)) wanted.group = text;
    if (wanted.vm.empty() && is_one_of(kVm, key)) wanted.vm = text;
  }
}

}  // namespace

void answer_agents_metadata(const ApiParts& parts, Call call) {
  const auto wanted = read_wanted(call.request);
  if (!wanted) return answer_error(call.responder, wanted.error());
  answer_in_pieces(call.responder, std::make_unique<MetadataBody>(parts, *wanted));
}

void answer_agent_metadata(const ApiParts& parts, Call call) {
  const auto wanted = read_wanted(call.request);
  if (!wanted) return answer_error(call.responder, wanted.error());
  const auto agent = find_agent(parts, *wanted);
  if (!agent) return answer_error(call.responder, agent.error());
  answer_json(call.responder, rendered(*agent));
}

void answer_change_agent_metadata(const ApiParts& parts, Call call) {
  auto wanted = read_wanted(call.request);
  if (!wanted) return answer_error(call.responder, wanted.error());
  const auto body = flat_body(call.request);
  if (!body) return answer_error(call.responder, body.error());
  name_by_body(*wanted, *body);
  wanted->service_type.clear();  // May be what is changed.
  const auto agent = find_agent(parts, *wanted);
  if (!agent) return answer_error(call.responder, agent.error());
  const auto note = changed_note(*agent, *body);
  if (!note) return answer_error(call.responder, note.error());
  if (const auto kept = parts.notes.set(agent->vm->identity, *note); !kept)
    return answer_error(call.responder, kept.error());
  const std::string after = rendered(metadata_of(parts, *agent->vm));
  note_change(parts, call, "agent metadata change", rendered(*agent), after);
  answer_json(call.responder, after);
}

void answer_forget_agent_metadata(const ApiParts& parts, Call call) {
  const auto wanted = read_wanted(call.request);
  if (!wanted) return answer_error(call.responder, wanted.error());
  const auto agent = find_agent(parts, *wanted);
  if (!agent) return answer_error(call.responder, agent.error());
  AgentNote note;
  note.forgotten = std::chrono::ceil<std::chrono::milliseconds>(from_unix_ns(agent->vm->last_row_ns.load()));
  if (const auto kept = parts.notes.set(agent->vm->identity, note); !kept)
    return answer_error(call.responder, kept.error());
  note_change(parts, call, "agent metadata forget", rendered(*agent), {});
  std::string out;
  JsonWriter(out)
      .begin_object()
      .field("message", agent->healthy ? "the agent's metadata are forgotten; it still sends, and is listed again "
                                         "with its next row"
                                       : "the agent's metadata are forgotten; its rows stay, and it is listed "
                                         "again when it sends")
      .end_object();
  answer_json(call.responder, std::move(out));
}

}  // namespace dragonfly
