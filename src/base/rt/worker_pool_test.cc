#include "base/rt/worker_pool.h"

#include <gtest/gtest.h>

#include <future>

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

}  // namespace
}  // namespace dragonfly
