#include "edge/agent/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace dragonfly {
namespace {

class MachineTest : public testing::Test {
 protected:
  ~MachineTest() override { std::filesystem::remove_all(root_); }
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(system_files().make_directories((root_ / name).parent_path()).has_value());
    ASSERT_TRUE(system_files().replace_file(root_ / name, as_bytes(text)).has_value());
  }
  MachineIdentity read(std::string_view instance = {}) {
    return read_machine(system_files(), root_.string(), instance);
  }
  const Path root_ = std::filesystem::temp_directory_path() / ("dragonfly-machine-" + std::to_string(::getpid()));
};

TEST_F(MachineTest, NothingIsKnownOfAnEmptyRoot) { EXPECT_EQ(read(), MachineIdentity{}); }

TEST_F(MachineTest, ReadsWhatThereIs) {
  put("etc/machine-id", "0d5f8a4e0d5f8a4e0d5f8a4e0d5f8a4e\n");
  put("sys/class/dmi/id/product_uuid", "4C4C4544-0042-3510-8052-B4C04F4E4432\n");
  const MachineIdentity got = read("i-0123456789");
  EXPECT_EQ(got.machine, machine_mark("machine", "0d5f8a4e0d5f8a4e0d5f8a4e0d5f8a4e"));
  EXPECT_EQ(got.firmware, machine_mark("firmware", "4c4c4544-0042-3510-8052-b4c04f4e4432"));
  EXPECT_EQ(got.instance, machine_mark("instance", "i-0123456789"));
}

TEST_F(MachineTest, PlaceholdersSayNothing) {
  put("etc/machine-id", "uninitialized\n");
  put("var/lib/dbus/machine-id", "aaaabbbbccccdddd\n");
  put("sys/class/dmi/id/product_uuid", "00000000-0000-0000-0000-000000000000\n");
  put("run/cb-agent/product_uuid", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n");
  EXPECT_EQ(read().machine, machine_mark("machine", "aaaabbbbccccdddd"));
  EXPECT_EQ(read().firmware, "");
}

TEST_F(MachineTest, WhatOnlyRootReadsIsLeftByWhoStartsTheAgent) {
  put("run/cb-agent/product_uuid", "4c4c4544-0042-3510-8052-b4c04f4e4432\n");
  EXPECT_NE(read().firmware, "");
}

}  // namespace
}  // namespace dragonfly
