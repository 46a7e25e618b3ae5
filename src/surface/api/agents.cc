// Installation of agents, as older clients ask for it.
#include <algorithm>

#include "base/core/names.h"
#include "base/core/number.h"
#include "surface/api/api.h"
#include "surface/api/body.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

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

}  // namespace dragonfly
