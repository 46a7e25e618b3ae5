#include "surface/api/vm_filter.h"

#include <algorithm>

#include "surface/api/params.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

constexpr std::string_view kTagPrefix = "tag.";

struct Filter {
  std::vector<std::string> ns, mcis, vm, csp, region;
  NamedValues tags;  // All must hold.

  bool asks_labels() const { return !csp.empty() || !region.empty() || !tags.empty(); }
};

Result<Filter> read_filter(const HttpRequest& request) {
  Filter out;
  const std::pair<std::string_view, std::vector<std::string>*> lists[] = {
      {"ns", &out.ns}, {"mcis", &out.mcis}, {"vm", &out.vm}, {"csp", &out.csp}, {"region", &out.region}};
  for (const auto& [name, list] : lists) {
    auto items = list_parameter(request, name);
    if (!items) return fail(std::move(items).error());
    *list = std::move(*items);
  }
  for (const auto& [name, value] : request.query) {
    if (name.starts_with(kTagPrefix)) out.tags.emplace_back(name.substr(kTagPrefix.size()), value);
  }
  return out;
}

bool wanted(const std::vector<std::string>& list, std::string_view text) {
  return list.empty() || std::find(list.begin(), list.end(), text) != list.end();
}

bool wanted(const Filter& filter, const Dictionary& labels) {
  return wanted(filter.csp, labels.label("cspType")) && wanted(filter.region, labels.label("region")) &&
         std::all_of(filter.tags.begin(), filter.tags.end(),
                     [&](const auto& tag) { return labels.label(tag.first) == tag.second; });
}

}  // namespace

Result<std::vector<SelectedVm>> select_vms(Directory& directory, const HttpRequest& request, WithLabels with_labels) {
  const auto filter = read_filter(request);
  if (!filter) return fail(filter.error());
  const std::vector<VmEntry*> all = directory.vms();
  std::vector<SelectedVm> out;
  out.reserve(filter->vm.empty() ? all.size() : filter->vm.size());
  for (VmEntry* vm : all) {
    const VmIdentity& identity = vm->identity;
    if (!wanted(filter->ns, identity.ns) || !wanted(filter->mcis, identity.mcis) || !wanted(filter->vm, identity.vm)) {
      continue;
    }
    std::shared_ptr<const Dictionary> labels;
    if (filter->asks_labels() || with_labels == WithLabels::kYes) labels = labels_of(directory, *vm);
    if (!filter->asks_labels() || wanted(*filter, *labels)) out.push_back({vm, std::move(labels)});
  }
  return out;
}

}  // namespace dragonfly
