// CloudAnswers: what clouds' metadata services say about where a machine is. Pure; cloud_lookup.h asks them.
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     nullopt, or a field that stays empty, where an answer does not say it.
// Limits     texts as names (base/core/names.h); longer or other ones count as not said. kCloudAnswerBytesMax an answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dragonfly {

inline constexpr size_t kCloudAnswerBytesMax = 64 * 1024;

struct CloudPlace {
  std::string csp;
  std::string region;
  std::string zone;
  std::string instance_id;
  std::string instance_type;
};

// The body of an HTTP answer that says 200.
std::optional<std::string_view> http_body(std::string_view answer);
// The value of the member `key` of the outermost object (those inside may be the user's), where it is a text or a
// number; empty where there is none. Escapes other than \" \\ \/ make it one that is not said.
std::string json_text(std::string_view json, std::string_view key);
// A body that is one name on one line.
std::string plain_text(std::string_view body);

// nullopt where the body is not the named cloud's.
std::optional<CloudPlace> place_at_aws(std::string_view instance_identity_document);
std::optional<CloudPlace> place_at_azure(std::string_view compute);
// Each answered by itself: projects/123/zones/asia-northeast3-a, 4711, projects/123/machineTypes/e2-micro.
std::optional<CloudPlace> place_at_gcp(std::string_view zone, std::string_view id, std::string_view machine_type);
std::optional<CloudPlace> place_at_alibaba(std::string_view instance_identity_document);
// OpenStack's, and of the clouds that are built of it: KT and NHN are told by the names of their zones.
std::optional<CloudPlace> place_at_openstack(std::string_view meta_data);

// Whether the names that the firmware gives a machine are those of a virtual one, which is worth asking.
bool may_be_in_a_cloud(std::string_view sys_vendor, std::string_view product_name, std::string_view chassis_asset_tag);

}  // namespace dragonfly
