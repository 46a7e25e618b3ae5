#include "fleet/access/principal.h"

#include <algorithm>

namespace dragonfly {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kViewer: return "viewer";
    case Role::kOperator: return "operator";
    case Role::kAdmin: return "admin";
  }
  return "viewer";
}

std::optional<Role> find_role(std::string_view name) {
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

bool Scope::sees(std::string_view ns) const {
  return is_all() || std::binary_search(namespaces.begin(), namespaces.end(), ns);
}

}  // namespace dragonfly
