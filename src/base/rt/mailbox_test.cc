#include "base/rt/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace dragonfly {
namespace {

TEST(Mailbox, RefusesWhenFullAndKeepsTheMessage) {
  Mailbox<std::string> box(1);
  EXPECT_TRUE(box.push("a"));
  std::string second = "b";
  EXPECT_FALSE(box.push(std::move(second)));
  EXPECT_EQ(second, "b");
  std::vector<std::string> out;
  box.drain(out);
  EXPECT_EQ(out, std::vector<std::string>{"a"});
  EXPECT_TRUE(box.push(std::move(second)));
  box.close();
  EXPECT_FALSE(box.push("c"));
}

TEST(Mailbox, DeliversEveryMessageOfManyThreadsOnce) {
  Mailbox<int> box(100'000);
  constexpr int kEach = 10'000;
  std::vector<std::jthread> senders;
  for (int t = 0; t < 3; ++t) {
    senders.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) ASSERT_TRUE(box.push(int{1}));
    });
  }
  int got = 0;
  std::vector<int> out;
  while (got < 3 * kEach) {
    pollfd wait{box.wakeup().descriptor(), POLLIN, 0};
    ASSERT_EQ(poll(&wait, 1, 10'000), 1) << "woken too seldom; got " << got;
    box.drain(out);
    got += static_cast<int>(out.size());
  }
  EXPECT_EQ(got, 3 * kEach);
}

}  // namespace
}  // namespace dragonfly
