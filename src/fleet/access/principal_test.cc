#include "fleet/access/principal.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Principal, RolesAreFoundByTheirNames) {
  EXPECT_EQ(find_role("viewer"), Role::kViewer);
  EXPECT_EQ(find_role("operator"), Role::kOperator);
  EXPECT_EQ(find_role("admin"), Role::kAdmin);
  EXPECT_EQ(find_role("Admin"), std::nullopt);
  EXPECT_EQ(find_role(""), std::nullopt);
  EXPECT_LT(Role::kViewer, Role::kOperator);
  EXPECT_LT(Role::kOperator, Role::kAdmin);
}

TEST(Principal, AScopeSeesItsNamespacesOnly) {
  const Scope all;
  EXPECT_TRUE(all.sees("anything"));
  const Scope some{{"a", "b"}};
  EXPECT_TRUE(some.sees("a"));
  EXPECT_TRUE(some.sees("b"));
  EXPECT_FALSE(some.sees(""));
  EXPECT_FALSE(some.sees("ab"));
}

}  // namespace
}  // namespace dragonfly
