// Agents as older clients know them: installation, and metadata of every agent that was ever seen.

#include "base/core/names.h"
#include "base/core/number.h"
#include "surface/api/api.h"
#include "surface/api/body.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"
#include "surface/api/vm_filter.h"

namespace dragonfly {
namespace {

// Older and newer names of the same thing; the first is told in messages.
constexpr std::string_view kInstallKeys[][3] = {{"ns_id"},
                                                {"mcis_id", "mci_id", "infra_id"},
                                                {"vm_id", "node_id"},
                                                {"public_ip"},
                                                {"user_name"},
                                                {"ssh_key"},
                                                {"cspType", "csp_type"},
                                                {"port"},
                                                {"service_type"}};
constexpr size_t kNeededForInstall = 6;    // The first so many must be there;
constexpr size_t kNeededForUninstall = 6;  // for the reverse, too: it goes the same way.

std::string_view value_of_key(const NamedValues& body, size_t key) {
  for (const auto& [name, value] : body) {
    if (!name.empty() && std::ranges::find(kInstallKeys[key], name) != std::end(kInstallKeys[key])) return value;
  }
  return {};
}

Result<> check_port(std::string_view text) {
  if (text.empty()) return {};
  if (parse_number<uint16_t>(text).value_or(0) > 0) return {};
  return fail(ErrorCode::kInvalidArgument, "key 'port' is '{}'; allowed are 1 to 65535 (22 where it is missing)",
              text.substr(0, 100));
}

Result<> check_installation(const HttpRequest& request, size_t needed) {
  DF_TRY(only_parameters(request, "async"));
  if (const auto async = word_parameter(request, "async", "true|false", "false"); !async) return fail(async.error());
  const auto body = flat_body(request);
  if (!body) return fail(body.error());
  for (size_t key = 0; key < needed; ++key) {
    if (value_of_key(*body, key).empty())
      return fail(ErrorCode::kInvalidArgument,
                  "key '{}' is missing; needed are ns_id, mcis_id (mci_id, infra_id), vm_id (node_id), public_ip, "
                  "user_name, ssh_key",
                  kInstallKeys[key][0]);
  }
  for (const size_t key : {0, 1, 2, 4}) DF_TRY(check_name(kInstallKeys[key][0], value_of_key(*body, key)));
  if (host_name(value_of_key(*body, 3)).empty())
    return fail(ErrorCode::kInvalidArgument, "key 'public_ip' is '{}'; it takes an address or a host name",
                value_of_key(*body, 3).substr(0, 100));
  return check_port(value_of_key(*body, 7));
}

struct Metadata {
  const VmEntry* vm;
  std::string csp;
  bool healthy;
};

std::string_view health_of(const Metadata& agent) { return agent.healthy ? "healthy" : "unhealthy"; }

constexpr std::string_view kServiceType = "mcis";

std::string key_of(const Metadata& agent) {
  const VmIdentity& id = agent.vm->identity;
  return fmt::format("/monitoring/agents/{}_{}_{}_{}_{}", id.ns, kServiceType, id.mcis, id.vm, agent.csp);
}

Metadata metadata_of(const ApiParts& parts, const VmEntry& vm) {
  const auto labels = labels_of(parts.directory, vm);
  const bool silent = state_of(vm, *parts.policy(), parts.clock.monotonic()) == VmState::kSilent;
  return {&vm, std::string(labels->label("cspType")), !silent};
}

void write_metadata(JsonWriter& json, const Metadata& agent) {
  const VmIdentity& id = agent.vm->identity;
  json.begin_object().field("service_type", kServiceType).field("ns_id", std::string_view(id.ns));
  json.field("mcis_id", std::string_view(id.mcis)).field("vm_id", std::string_view(id.vm));
  json.field("csp_type", std::string_view(agent.csp)).field("cspType", std::string_view(agent.csp));
  json.field("agent_type", "push").field("agent_state", "enable").field("agent_health", health_of(agent));
  json.field("agent_unhealthy_resp_cnt", uint64_t{0}).field("public_ip", "").end_object();
}

// Where a parameter has two names, whichever is there.
std::string either(const HttpRequest& request, std::string_view name, std::string_view other) {
  std::string text = text_parameter(request, name);
  return text.empty() ? text_parameter(request, other) : text;
}

struct Wanted {
  std::string ns, group, vm, csp;
};

Result<Wanted> read_wanted(const HttpRequest& request) {
  DF_TRY(only_parameters(request,
                         "ns ns_id service_type service_id mcis_id mci_id infra_id vm_id node_id csp_type cspType"));
  Wanted out{either(request, "ns", "ns_id"), either(request, "service_id", "mcis_id"),
             either(request, "vm_id", "node_id"), either(request, "csp_type", "cspType")};
  if (out.group.empty()) out.group = either(request, "mci_id", "infra_id");
  return out;
}

}  // namespace

void answer_install_agent(const ApiParts&, Call call) {
  const bool installs = call.request.method == "POST" && !call.request.path.back().starts_with("un");
  const auto checked = check_installation(call.request, installs ? kNeededForInstall : kNeededForUninstall);
  if (!checked) return answer_error(call.responder, checked.error());
  call.responder.answer(error_response(
      501, fmt::format("the request is good, but this version does not {} agents over SSH; make a key with "
                       "`cb-dragonfly agent-key new` and start cb-agent on the machine",
                       installs ? "install" : "remove")));
}

void answer_agents_metadata(const ApiParts& parts, Call call) {
  const auto wanted = read_wanted(call.request);
  if (!wanted) return answer_error(call.responder, wanted.error());
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const VmEntry* vm : parts.directory.vms()) {
    if (!wanted->ns.empty() && vm->identity.ns != wanted->ns) continue;
    if (!wanted->group.empty() && vm->identity.mcis != wanted->group) continue;
    if (!wanted->vm.empty() && vm->identity.vm != wanted->vm) continue;
    const Metadata agent = metadata_of(parts, *vm);
    if (!wanted->csp.empty() && agent.csp != wanted->csp) continue;
    json.key(key_of(agent));
    write_metadata(json, agent);
  }
  json.end_object();
  answer_json(call.responder, std::move(out));
}

void answer_agent_metadata(const ApiParts& parts, Call call) {
  const auto wanted = read_wanted(call.request);
  if (!wanted) return answer_error(call.responder, wanted.error());
  for (const auto& [name, text] :
       {std::pair{"ns", &wanted->ns}, {"service_id", &wanted->group}, {"vm_id", &wanted->vm}}) {
    if (const auto good = check_name(name, *text); !good) return answer_error(call.responder, good.error());
  }
  const VmEntry* vm = parts.directory.find_vm(VmIdentity{wanted->ns, wanted->group, wanted->vm});
  if (vm == nullptr) {
    return answer_error(call.responder,
                        {ErrorCode::kNotFound, fmt::format("agent of vm '{}' in '{}' of namespace '{}' is not known",
                                                           wanted->vm, wanted->group, wanted->ns)});
  }
  if (call.request.method != "GET") {
    return call.responder.answer(error_response(
        501, "metadata of agents follow from what they send; this version does not change or forget them by request"));
  }
  std::string out;
  JsonWriter json(out);
  write_metadata(json, metadata_of(parts, *vm));
  answer_json(call.responder, std::move(out));
}

}  // namespace dragonfly
