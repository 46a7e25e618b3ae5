#include "base/rt/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace dragonfly {
namespace {

TEST(WorkerPool, RunsTasksAndRefusesBeyondItsQueue) {
  std::promise<void> started, release;
  WorkerPool pool("test", 1, 1);
  ASSERT_TRUE(pool.post([&] {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  std::promise<void> second;
  EXPECT_TRUE(pool.post([&] { second.set_value(); }));
  EXPECT_FALSE(pool.post([] {}));
  release.set_value();
  second.get_future().wait();
}

TEST(WorkerPool, AStoppedPoolRefusesAndHoldsNothing) {
  WorkerPool pool("test", 1, 8);
  std::promise<void> started;
  std::atomic<bool> ended{false};
  const auto held = std::make_shared<int>(1);
  ASSERT_TRUE(pool.post([&] {
    started.set_value();
    while (held.use_count() < 3) std::this_thread::yield();
    ended = true;
  }));
  started.get_future().wait();
  ASSERT_TRUE(pool.post([held] {}));
  ASSERT_TRUE(pool.post([held] {}));
  pool.stop();
  EXPECT_TRUE(ended) << "what ran has ended";
  EXPECT_FALSE(pool.post([] {}));
  EXPECT_EQ(held.use_count(), 1) << "what waited is gone";
  pool.stop();
}

}  // namespace
}  // namespace dragonfly
