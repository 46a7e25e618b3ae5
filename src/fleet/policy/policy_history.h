// The file of the policy's earlier versions (docs/formats/policy_history.md).
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     a line that is cut, damaged or none is left out.
// Limits     kPolicyHistoryMax versions, the newest.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/time.h"

namespace dragonfly {

inline constexpr size_t kPolicyHistoryMax = 100;

// Of a change.
struct PolicyAuthor {
  std::string who;  // For people.
  Timestamp time{};
  bool operator==(const PolicyAuthor&) const = default;
};

// The policy as it was from `author.time` on: all changes that were in force.
struct PolicyVersion {
  uint64_t number = 0;
  PolicyAuthor author;
  std::map<std::string, std::string, std::less<>> changed;  // Value as text by the key's name, last part.
  bool operator==(const PolicyVersion&) const = default;
};

// Both oldest first.
std::vector<PolicyVersion> parse_policy_history(std::string_view text);
std::string format_policy_history(const std::vector<PolicyVersion>& versions);

}  // namespace dragonfly
