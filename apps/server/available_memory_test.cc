#include "available_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

namespace dragonfly {
namespace {

constexpr uint64_t kMachine = 8'000'000'000;

TEST(AvailableMemory, IsTheLeastOfMachineAndGroups) {
  const auto f = [](const std::map<std::string, std::string>& content, uint64_t expected) {
    const Path root = Path(testing::TempDir()) / fmt::format("memory-{}", ::getpid());
    std::filesystem::remove_all(root);
    for (const auto& [name, text] : content) {
      ASSERT_TRUE(system_files().make_directories((root / name).parent_path()).has_value());
      ASSERT_TRUE(system_files().replace_file(root / name, as_bytes(text)).has_value());
    }
    EXPECT_EQ(available_memory(system_files(), root, kMachine), expected) << content.size();
    std::filesystem::remove_all(root);
  };
  const std::string own = "proc/self/cgroup", v1 = "sys/fs/cgroup/memory/", v2 = "sys/fs/cgroup/";
  f({}, kMachine);
  f({{own, "0::/\n"}}, kMachine);
  f({{own, "0::/a/b\n"}, {v2 + "a/b/memory.max", "256000000\n"}}, 256'000'000);
  f({{own, "0::/a/b\n"}, {v2 + "a/b/memory.max", "max\n"}, {v2 + "a/memory.max", "512000000\n"}}, 512'000'000);
  f({{own, "0::/a/b\n"}, {v2 + "a/b/memory.max", "max\n"}}, kMachine);
  f({{own, "0::/elsewhere\n"}, {v2 + "memory.max", "300000000\n"}}, 300'000'000);
  f({{own, "5:cpu:/x\n4:memory:/x\n0::/\n"}, {v1 + "x/memory.limit_in_bytes", "64000000\n"}}, 64'000'000);
  f({{own, "4:memory:/\n"}, {v1 + "memory.limit_in_bytes", "9223372036854771712\n"}}, kMachine);
  f({{own, "5:cpu:/x\n"}, {v1 + "x/memory.limit_in_bytes", "64000000\n"}}, kMachine);
  f({{own, "nonsense\n4:memory\n::\n0::/a"}, {v2 + "a/memory.max", "lots\n"}}, kMachine);
}

TEST(AvailableMemory, OfThisProcess) { EXPECT_GT(available_memory(), 1u << 20); }

}  // namespace
}  // namespace dragonfly
