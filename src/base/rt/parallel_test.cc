#include "base/rt/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <vector>

#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

TEST(ParallelFor, EachIndexOnce) {
  WorkerPool pool("helper", 3, 100);
  const auto f = [&](Executor* executor, size_t threads, size_t count) {
    std::vector<std::atomic<int>> calls(count);
    parallel_for(executor, threads, count, [&](size_t i) { ++calls[i]; });
    return std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; });
  };
  for (const size_t count : {0, 1, 2, 1000}) {
    for (const size_t threads : {0, 1, 4, 100}) {
      EXPECT_TRUE(f(&pool, threads, count)) << threads << " " << count;
      EXPECT_TRUE(f(nullptr, threads, count)) << threads << " " << count;
    }
  }
}

TEST(ParallelFor, AtOnce) {
  WorkerPool pool("helper", 2, 100);
  std::barrier all(3);  // Passed only where three calls run at once.
  parallel_for(&pool, 3, 3, [&](size_t) { all.arrive_and_wait(); });
}

TEST(ParallelFor, AnExecutorThatTakesNothingLeavesAllToTheCaller) {
  WorkerPool pool("helper", 1, 1);
  pool.stop();
  size_t calls = 0;
  parallel_for(&pool, 8, 5, [&](size_t) { ++calls; });
  EXPECT_EQ(calls, 5u);
}

}  // namespace
}  // namespace dragonfly
