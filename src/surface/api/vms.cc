// GET /api/v1/vms, /ns and /mcis: who reports, how they are, their latest values.
#include <algorithm>
#include <map>
#include <memory>
#include <span>

#include "base/core/bytes.h"
#include "base/core/number.h"
#include "surface/api/api.h"
#include "surface/api/latest.h"
#include "surface/api/params.h"
#include "surface/api/pieces.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"
#include "surface/api/vm_filter.h"

namespace dragonfly {
namespace {

constexpr size_t kPageUsual = 100;

struct Order {
  const Metric* metric = nullptr;  // Null: by identity.
  bool descending = false;
};

Result<Order> read_order(const HttpRequest& request) {
  std::string text = text_parameter(request, "sort");
  Order out;
  if (text.empty() || text == "name") return out;
  out.descending = text.starts_with('-');
  if (out.descending) text.erase(0, 1);
  out.metric = find_metric(text);
  if (out.metric != nullptr) return out;
  return fail(
      ErrorCode::kInvalidArgument,
      "parameter 'sort' is '{}'; allowed are name and the names of /api/v1/metrics, with - before for descending",
      text.substr(0, 100));
}

Result<> keep_states(const ApiParts& parts, const HttpRequest& request, std::vector<SelectedVm>& vms) {
  const auto states = list_parameter(request, "state");
  if (!states) return fail(states.error());
  for (const std::string& state : *states) {
    if (state == "alive" || state == "late" || state == "silent") continue;
    return fail(ErrorCode::kInvalidArgument, "parameter 'state' is '{}'; allowed are alive, late, silent",
                state.substr(0, 100));
  }
  if (states->empty()) return {};
  const auto policy = parts.policy();
  const MonotonicTime now = parts.clock.monotonic();
  std::erase_if(vms, [&](const SelectedVm& vm) {
    return std::find(states->begin(), states->end(), to_string(state_of(*vm.entry, *policy, now))) == states->end();
  });
  return {};
}

// VMs without a value come last, in whichever direction.
Result<> sort_by_value(const ApiParts& parts, const Order& order, std::vector<SelectedVm>& vms) {
  if (order.metric == nullptr) return {};
  const auto values = latest_values(parts, vms, order.metric->group);
  if (!values) return fail(values.error());
  const auto of_vm = [&](const SelectedVm& vm) -> std::optional<double> {
    const auto found = values->find(vm.entry->id);
    return found == values->end() ? std::nullopt : value_of(found->second, *order.metric);
  };
  std::stable_sort(vms.begin(), vms.end(), [&](const SelectedVm& a, const SelectedVm& b) {
    const auto left = of_vm(a);
    const auto right = of_vm(b);
    if (!left || !right) return left.has_value() && !right.has_value();
    return order.descending ? *left > *right : *left < *right;
  });
  return {};
}

// A cursor is what the page before ended with: "n" and the VM's identity in hexadecimal, so that VMs that join between
// two pages neither hide nor repeat one; "o" and an offset where the order is that of values.
std::string cursor_after(const Order& order, const SelectedVm& last, size_t offset) {
  if (order.metric != nullptr) return "o" + std::to_string(offset);
  const VmIdentity& id = last.entry->identity;
  return "n" + to_hex(as_bytes(id.ns + '\0' + id.mcis + '\0' + id.vm));
}

Result<size_t> offset_of(const HttpRequest& request, const Order& order, const std::vector<SelectedVm>& vms) {
  const std::string cursor = text_parameter(request, "cursor");
  if (cursor.empty()) return size_t{0};
  if (order.metric != nullptr && cursor.front() == 'o') {
    if (const auto offset = parse_number<size_t>(std::string_view(cursor).substr(1)))
      return std::min(*offset, vms.size());
  }
  const Bytes bytes = from_hex(std::string_view(cursor).substr(1));
  const std::string_view text = as_text(bytes);
  const size_t first = text.find('\0');
  const size_t second = first == std::string_view::npos ? first : text.find('\0', first + 1);
  if (order.metric != nullptr || cursor.front() != 'n' || second == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "parameter 'cursor' is not one that this server gave for this order");
  }
  const VmIdentity after{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)),
                         std::string(text.substr(second + 1))};
  const auto at = std::upper_bound(vms.begin(), vms.end(), after,
                                   [](const VmIdentity& id, const SelectedVm& vm) { return id < vm.entry->identity; });
  return static_cast<size_t>(at - vms.begin());
}

using Latest = std::map<GroupId, std::map<VmId, FieldValues>>;

void write_vm(JsonWriter& json, const ApiParts& parts, const SelectedVm& vm, const PolicySet& policy,
              const Latest* latest) {
  const VmIdentity& id = vm.entry->identity;
  const auto labels = vm.labels ? vm.labels : labels_of(parts.directory, *vm.entry);
  json.begin_object().field("ns", std::string_view(id.ns)).field("mcis", std::string_view(id.mcis));
  json.field("vm", std::string_view(id.vm)).field("csp", labels->label("cspType"));
  json.field("region", labels->label("region")).field("os", labels->label("osType"));
  json.field("state", to_string(state_of(*vm.entry, policy, parts.clock.monotonic()))).key("last_seen");
  const auto seen = last_seen(*vm.entry, parts.clock);
  seen ? json.value(std::string_view(format_rfc3339(*seen))) : json.null();
  if (latest != nullptr) {
    json.key("latest").begin_object();
    for (const auto& [group, values] : *latest) {
      const auto found = values.find(vm.entry->id);
      if (found == values.end()) continue;
      for (const Metric& metric : metrics_of(group)) {
        if (const auto value = value_of(found->second, metric)) json.field(metric.name, *value);
      }
    }
    json.end_object();
  }
  json.end_object();
}

struct Page {
  std::vector<SelectedVm> vms;
  std::string next;
};

Result<Page> read_page(const ApiParts& parts, const HttpRequest& request) {
  DF_TRY(only_parameters(request, "ns mcis vm csp region state sort limit cursor latest", "tag."));
  const auto order = read_order(request);
  if (!order) return fail(order.error());
  const auto limit = count_parameter(request, "limit", kPageUsual, kVmsPageMax);
  if (!limit) return fail(limit.error());
  auto vms = select_vms(parts.directory, request, WithLabels::kNo);
  if (!vms) return fail(vms.error());
  DF_TRY(keep_states(parts, request, *vms));
  DF_TRY(sort_by_value(parts, *order, *vms));
  const auto offset = offset_of(request, *order, *vms);
  if (!offset) return fail(offset.error());
  const size_t end = std::min(*offset + *limit, vms->size());
  Page page;
  if (end < vms->size()) page.next = cursor_after(*order, (*vms)[end - 1], end);
  vms->resize(end);
  vms->erase(vms->begin(), vms->begin() + static_cast<std::ptrdiff_t>(*offset));
  page.vms = std::move(*vms);
  return page;
}

void write_next(JsonWriter& json, const std::string& next) {
  json.key("next");
  next.empty() ? json.null() : json.value(std::string_view(next));
}

// Some hundred VMs at a time, with their latest values of then.
class VmsBody final : public JsonBody {
 public:
  VmsBody(const ApiParts& parts, Page page, bool with_latest)
      : parts_(parts), page_(std::move(page)), with_latest_(with_latest), policy_(parts.policy()) {}

 private:
  static constexpr size_t kVmsAtOnce = 500;

  Result<bool> write_part(JsonWriter& json) override {
    const std::span<const SelectedVm> left = std::span(page_.vms).subspan(at_);
    const std::span<const SelectedVm> vms = left.first(std::min(left.size(), kVmsAtOnce));
    Latest latest;
    for (const GroupId group : kCatalogueGroups) {
      if (!with_latest_ || vms.empty()) break;
      auto values = latest_values(parts_, vms, group);
      if (!values) return fail(std::move(values).error());
      latest[group] = std::move(*values);
    }
    if (at_ == 0) json.begin_object().key("vms").begin_array();
    for (const SelectedVm& vm : vms) write_vm(json, parts_, vm, *policy_, with_latest_ ? &latest : nullptr);
    at_ += vms.size();
    if (at_ < page_.vms.size()) return true;
    json.end_array();
    write_next(json, page_.next);
    json.end_object();
    return false;
  }

  const ApiParts& parts_;
  const Page page_;
  const bool with_latest_;
  const std::shared_ptr<const PolicySet> policy_;
  size_t at_ = 0;
};

struct Counts {
  size_t vms = 0;
  size_t by_state[3] = {};
  std::vector<std::string_view> mcis;
};

}  // namespace

void answer_vms(const ApiParts& parts, Call call) {
  auto page = read_page(parts, call.request);
  if (!page) return answer_error(call.responder, page.error());
  const auto with_latest = word_parameter(call.request, "latest", "true|false", "true");
  if (!with_latest) return answer_error(call.responder, with_latest.error());
  answer_in_pieces(call.responder, std::make_unique<VmsBody>(parts, std::move(*page), *with_latest == "true"));
}

void answer_groups(const ApiParts& parts, Call call) {
  const bool by_ns = call.path.get("level") == "ns";
  if (const auto known = only_parameters(call.request, "ns mcis limit cursor"); !known) {
    return answer_error(call.responder, known.error());
  }
  const auto vms = select_vms(parts.directory, call.request, WithLabels::kNo);
  if (!vms) return answer_error(call.responder, vms.error());
  const auto limit = count_parameter(call.request, "limit", kPageUsual, kGroupsPageMax);
  if (!limit) return answer_error(call.responder, limit.error());
  const auto policy = parts.policy();
  std::map<std::pair<std::string_view, std::string_view>, Counts> groups;
  for (const SelectedVm& vm : *vms) {
    const VmIdentity& id = vm.entry->identity;
    Counts& counts = groups[{id.ns, by_ns ? std::string_view{} : std::string_view(id.mcis)}];
    ++counts.vms;
    ++counts.by_state[static_cast<size_t>(state_of(*vm.entry, *policy, parts.clock.monotonic()))];
    if (counts.mcis.empty() || counts.mcis.back() != id.mcis) counts.mcis.push_back(id.mcis);
  }
  const std::string cursor = text_parameter(call.request, "cursor");
  const Bytes bytes = from_hex(cursor);
  const std::string_view after = as_text(bytes);
  const size_t zero = after.find('\0');
  if (!cursor.empty() && zero == std::string_view::npos) {
    return answer_error(call.responder,
                        {ErrorCode::kInvalidArgument, "parameter 'cursor' is not one that this server gave"});
  }
  auto at = cursor.empty() ? groups.begin() : groups.upper_bound({after.substr(0, zero), after.substr(zero + 1)});
  std::string out;
  std::string next;
  JsonWriter json(out);
  json.begin_object().key(call.path.get("level")).begin_array();
  for (size_t i = 0; at != groups.end() && i < *limit; ++i, ++at) {
    const auto& [key, counts] = *at;
    json.begin_object().field("ns", key.first);
    by_ns ? json.field("mcis", static_cast<uint64_t>(counts.mcis.size())) : json.field("mcis", key.second);
    json.field("vms", static_cast<uint64_t>(counts.vms));
    for (const VmState state : {VmState::kAlive, VmState::kLate, VmState::kSilent}) {
      json.field(to_string(state), static_cast<uint64_t>(counts.by_state[static_cast<size_t>(state)]));
    }
    json.end_object();
    next = to_hex(as_bytes(std::string(key.first) + '\0' + std::string(key.second)));
  }
  json.end_array();
  write_next(json, at == groups.end() ? std::string() : next);
  json.end_object();
  answer_json(call.responder, std::move(out));
}

}  // namespace dragonfly
