#include "base/net/machine_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace dragonfly {
namespace {

using testing::Contains;
using testing::Not;
using testing::StartsWith;

TEST(MachineNames, NamesTheHostAndLoopback) {
  const MachineNames machine = this_machine();
  char host[256] = "";
  ASSERT_EQ(gethostname(host, sizeof host - 1), 0);
  EXPECT_THAT(machine.names, Contains("localhost"));
  EXPECT_THAT(machine.names, Contains(host));
  EXPECT_THAT(machine.addresses, Contains("127.0.0.1"));
  EXPECT_THAT(machine.addresses, Contains("::1"));
  EXPECT_THAT(machine.addresses, Not(Contains(StartsWith("fe80:"))));
}

}  // namespace
}  // namespace dragonfly
