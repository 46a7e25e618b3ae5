// Whatever stands in the history of the policy, with checksums that are right or as they come: what is taken from it is
// written and read as the same.
#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "base/core/checked_line.h"
#include "base/core/crc32c.h"
#include "base/core/result.h"
#include "fleet/policy/policy_history.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string lines(text);
  for (const std::string_view line : lines_of(text)) lines += fmt::format("\n{}\t{:08x}", line, crc32c(as_bytes(line)));
  auto versions = parse_policy_history(lines);
  DF_ASSERT(versions.size() <= kPolicyHistoryMax);
  for (PolicyVersion& version : versions) {
    // Nobody has no name there: "-".
    const auto again = parse_policy_history(format_policy_history({version}));
    DF_ASSERT(again.size() == 1 && again[0].number == version.number);
    DF_ASSERT(parse_policy_history(format_policy_history(again)) == again);
  }
  return 0;
}
