#include "model/frame/machine_identity.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(MachineIdentity, AMarkIsOfItsKindAndTellsNothing) {
  const std::string mark = machine_mark("machine", "0d5f8a4e");
  EXPECT_EQ(mark.size(), 16u);
  EXPECT_EQ(parse_machine_mark(mark), mark);
  EXPECT_NE(mark, machine_mark("firmware", "0d5f8a4e"));
  EXPECT_NE(mark, machine_mark("machine", "0d5f8a4f"));
  EXPECT_EQ(machine_mark("machine", ""), "");
  EXPECT_EQ(parse_machine_mark("-"), "");
  for (const char* wrong : {"", "0123456789abcde", "0123456789abcdeg", "0123456789ABCDEF", "0123456789abcdef0"}) {
    EXPECT_FALSE(parse_machine_mark(wrong).has_value()) << wrong;
  }
}

TEST(MachineIdentity, TwoOfThreeMakeAnotherMachine) {
  const auto f = [](const MachineIdentity& a, const MachineIdentity& b, int differ, int known, bool other, bool same) {
    const MachineDifference got = compare(a, b);
    EXPECT_EQ(got.differ, differ);
    EXPECT_EQ(got.known, known);
    EXPECT_EQ(got.is_other_machine(), other);
    EXPECT_EQ(is_same_machine(a, b), same);
  };
  const MachineIdentity all{"m", "f", "i"};
  f(all, all, 0, 3, false, true);
  f(all, {"x", "f", "i"}, 1, 3, false, false);
  f(all, {"x", "f", "y"}, 2, 3, true, false);
  f(all, {"x", "z", "y"}, 3, 3, true, false);
  f(all, {"x", "", "i"}, 1, 2, false, false);
  f(all, {"x", "", "y"}, 2, 2, true, false);
  f(all, {"m", "", ""}, 0, 1, false, true);
  f(all, {"x", "", ""}, 1, 1, false, false);
  f(all, {}, 0, 0, false, false);
  f({}, {}, 0, 0, false, false);
}

}  // namespace
}  // namespace dragonfly
