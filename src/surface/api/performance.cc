// Performance of a VM, packets, processes and specs: the questions are known and checked, the answers are not there yet.
#include <algorithm>

#include "base/core/names.h"
#include "surface/api/api.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/selection.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

constexpr std::string_view kPerformance[] = {"InitDB", "ResetDB", "CpuM", "CpuS", "MemR", "MemW",
                                             "FioW",   "FioR",    "DBW",  "DBR",  "Rtt",  "Mrtt"};

void answer_not_yet(const Call& call, std::string_view what) {
  call.responder.answer(error_response(501, fmt::format("{} are not measured by this version", what)));
}

}  // namespace

void answer_performance(const ApiParts& parts, Call call) {
  const std::string& name = call.path.get("metric");
  if (std::ranges::find(kPerformance, name) == std::end(kPerformance)) {
    return answer_error(
        call.responder,
        {ErrorCode::kInvalidArgument,
         fmt::format("metric '{}' is not known; allowed are InitDB, ResetDB, CpuM, CpuS, MemR, MemW, FioW, "
                     "FioR, DBW, DBR, Rtt, Mrtt",
                     name.substr(0, 100))});
  }
  if (const auto vm = find_subject(parts.directory, call.path); !vm) return answer_error(call.responder, vm.error());
  answer_not_yet(call, "performance metrics");
}

void answer_packets(const ApiParts& parts, Call call) {
  const std::string& text = call.path.get("seconds");
  const bool good = !text.empty() && text.size() < 5 && text.find_first_not_of("0123456789") == std::string::npos &&
                    text.find_first_not_of('0') != std::string::npos;
  if (!good) {
    return answer_error(call.responder,
                        {ErrorCode::kInvalidArgument,
                         fmt::format("watchtime '{}' is not a number of seconds from 1 to 9999", text.substr(0, 100))});
  }
  if (const auto vm = find_subject(parts.directory, call.path); !vm) return answer_error(call.responder, vm.error());
  answer_not_yet(call, "network packets");
}

void answer_processes(const ApiParts& parts, Call call) {
  if (const auto vm = find_subject(parts.directory, call.path); !vm) return answer_error(call.responder, vm.error());
  answer_not_yet(call, "processes");
}

void answer_specs(const ApiParts& parts, Call call) {
  const std::string& ns = call.path.get("ns");
  const std::string& mcis = call.path.get("id");
  for (const auto& [name, text] : {std::pair{"ns", &ns}, {"mcis", &mcis}}) {
    if (const auto good = check_name(name, *text); !good) return answer_error(call.responder, good.error());
  }
  const auto vms = parts.directory.vms();
  const bool known =
      std::ranges::any_of(vms, [&](const VmEntry* vm) { return vm->identity.ns == ns && vm->identity.mcis == mcis; });
  if (!known) {
    return answer_error(call.responder, {ErrorCode::kNotFound, fmt::format("mcis '{}' of namespace '{}' is not known",
                                                                           mcis.substr(0, 100), ns.substr(0, 100))});
  }
  answer_not_yet(call, "specs of VMs");
}

}  // namespace dragonfly
