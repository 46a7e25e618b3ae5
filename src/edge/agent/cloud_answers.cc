#include "edge/agent/cloud_answers.h"

#include <algorithm>
#include <cctype>

#include "base/core/names.h"

namespace dragonfly {
namespace {

constexpr std::string_view kAzureTag = "7783-7084-3265-9085-8269-3286-77";  // From Azure's documentation.
constexpr std::string_view kVirtualVendors[] = {
    "Amazon EC2", "Microsoft Corporation", "Google", "Alibaba Cloud", "QEMU", "Xen", "Red Hat",
    "RDO",        "OpenStack Foundation",  "KVM"};
constexpr std::string_view kVirtualProducts[] = {
    "OpenStack", "CloudStack", "KVM", "HVM domU", "Virtual Machine", "Google Compute Engine", "Cloud"};
// Zones of NHN Cloud are named kr-pub-a, kr2-pub-a, jp-pub-a …; those of KT Cloud DX-M1, DX-Central …
constexpr std::string_view kZoneOfNhn = "-pub-";
constexpr std::string_view kZoneOfKt = "DX-";

std::string named(std::string text) { return check_name("metadata", text) ? std::move(text) : std::string(); }

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) ++at;
  return at;
}

// The text whose opening quote is at `at`, unescaped; `at` moves behind its closing quote, or to the end.
std::optional<std::string> take_quoted(std::string_view json, size_t& at) {
  std::string out;
  bool plain = true;
  for (++at; at < json.size(); ++at) {
    if (json[at] == '"') {
      ++at;
      return plain ? std::optional(std::move(out)) : std::nullopt;
    }
    if (json[at] == '\\') {
      if (++at == json.size()) break;
      plain &= json[at] == '"' || json[at] == '\\' || json[at] == '/';
    }
    out.push_back(json[at]);
  }
  return std::nullopt;
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool any_in(std::string_view text, const auto& names) {
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view name) { return text.find(name) != text.npos; });
}

}  // namespace

std::optional<std::string_view> http_body(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.") || answer.size() < 13 || answer.substr(8, 5) != " 200 ") return std::nullopt;
  const size_t end = answer.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  return answer.substr(end + 4);
}

std::string json_text(std::string_view json, std::string_view key) {
  int depth = 0;
  for (size_t at = 0; at < json.size();) {
    if (json[at] != '"') {
      depth += json[at] == '{' || json[at] == '[' ? 1 : json[at] == '}' || json[at] == ']' ? -1 : 0;
      ++at;
      continue;
    }
    const auto name = take_quoted(json, at);
    const size_t colon = skip_blanks(json, at);
    if (depth != 1 || name != key || colon >= json.size() || json[colon] != ':') continue;
    at = skip_blanks(json, colon + 1);
    if (at < json.size() && json[at] == '"') return named(take_quoted(json, at).value_or(""));
    size_t end = at;
    while (end < json.size() && std::isdigit(static_cast<unsigned char>(json[end])) != 0) ++end;
    return named(std::string(json.substr(at, end - at)));
  }
  return {};
}

std::string plain_text(std::string_view body) {
  while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) body.remove_suffix(1);
  return named(std::string(body.substr(0, kNameBytesMax + 1)));
}

std::optional<CloudPlace> place_at_aws(std::string_view document) {
  CloudPlace out{"aws", json_text(document, "region"), json_text(document, "availabilityZone"),
                 json_text(document, "instanceId"), json_text(document, "instanceType")};
  return out.region.empty() || out.instance_id.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<CloudPlace> place_at_azure(std::string_view compute) {
  CloudPlace out{"azure", json_text(compute, "location"), json_text(compute, "zone"), json_text(compute, "vmId"),
                 json_text(compute, "vmSize")};
  return out.region.empty() || out.instance_id.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<CloudPlace> place_at_gcp(std::string_view zone_path, std::string_view id, std::string_view machine_type) {
  const std::string zone = last_part(plain_text(zone_path));
  const size_t dash = zone.rfind('-');
  if (dash == std::string::npos) return std::nullopt;
  return CloudPlace{"gcp", zone.substr(0, dash), zone, plain_text(id), last_part(plain_text(machine_type))};
}

std::optional<CloudPlace> place_at_alibaba(std::string_view document) {
  CloudPlace out{"alibaba", json_text(document, "region-id"), json_text(document, "zone-id"),
                 json_text(document, "instance-id"), json_text(document, "instance-type")};
  return out.region.empty() || out.instance_id.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<CloudPlace> place_at_openstack(std::string_view meta_data) {
  CloudPlace out{"openstack", {}, json_text(meta_data, "availability_zone"), json_text(meta_data, "uuid"), {}};
  if (out.instance_id.empty()) return std::nullopt;
  if (out.zone.starts_with(kZoneOfKt)) {
    out.csp = "kt";
  } else if (const size_t at = out.zone.find(kZoneOfNhn); at != std::string::npos) {
    out.csp = "nhn";
    out.region = out.zone.substr(0, at);
  }
  return out;
}

bool may_be_in_a_cloud(std::string_view sys_vendor, std::string_view product_name, std::string_view chassis_asset_tag) {
  // A desktop of Microsoft's is no cloud: there the tag decides.
  if (sys_vendor == "Microsoft Corporation") return chassis_asset_tag == kAzureTag;
  return any_in(sys_vendor, kVirtualVendors) || any_in(product_name, kVirtualProducts) ||
         sys_vendor.find("Cloud") != std::string_view::npos;
}

}  // namespace dragonfly
