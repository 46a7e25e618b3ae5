// Principal: who asks, what they may do, and what they see.
//
// Units      none.
// Ownership  values.
// Threading  values.
// Errors     none.
// Limits     none.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dragonfly {

// Each may do what those before it may.
enum class Role : uint8_t {
  kViewer,    // Reads.
  kOperator,  // Writes rows, changes policy.
  kAdmin,     // Tokens, audit log, backups.
};
std::string_view to_string(Role role);
std::optional<Role> find_role(std::string_view name);

struct Scope {
  std::vector<std::string> namespaces;  // Empty: all. Sorted.
  bool is_all() const { return namespaces.empty(); }
  bool sees(std::string_view ns) const;
  auto operator<=>(const Scope&) const = default;
};

struct Principal {
  std::string name;      // Of the token; for people.
  std::string token_id;  // Empty: nobody was asked who they are.
  Role role = Role::kViewer;
  Scope scope;
};

}  // namespace dragonfly
