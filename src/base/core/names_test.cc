#include "base/core/names.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Names, AllowsUtf8AndRefusesTheRest) {
  EXPECT_TRUE(check_name("vm", "vm-1").has_value());
  EXPECT_TRUE(check_name("vm", "가상머신").has_value());
  EXPECT_TRUE(check_name("vm", std::string(256, 'a')).has_value());
  const auto f = [](std::string_view name, std::string_view want) {
    const auto result = check_name("vm", name);
    ASSERT_FALSE(result.has_value());
    EXPECT_NE(result.error().message.find(want), std::string::npos) << result.error().message;
  };
  f("", "vm has 0 bytes");
  f(std::string(257, 'a'), "allowed are 1 to 256");
  f("a\nb", "control character");
  f("\xc3", "UTF-8");
  f("\xed\xa0\x80", "UTF-8");
}

}  // namespace
}  // namespace dragonfly
