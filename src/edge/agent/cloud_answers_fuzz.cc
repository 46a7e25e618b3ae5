#include <cstdint>
#include <cstdlib>

#include "base/core/names.h"
#include "edge/agent/cloud_answers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)http_body(input);
  for (const auto& place : {place_at_aws(input), place_at_azure(input), place_at_gcp(input, input, input),
                            place_at_alibaba(input), place_at_openstack(input)}) {
    if (!place) continue;
    for (const std::string& text : {place->region, place->zone, place->instance_id, place->instance_type}) {
      if (text.size() > kNameBytesMax) std::abort();
    }
  }
  (void)plain_text(input);
  return 0;
}
