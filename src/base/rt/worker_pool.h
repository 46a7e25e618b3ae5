// WorkerPool: an Executor with a fixed number of threads and a bounded queue.
//
// Units      sizes in tasks.
// Ownership  owns its threads; the destructor is stop().
// Threading  any thread may post, also to a stopped pool; stop(): the owner's, not one of the pool.
// Errors     as Executor.
// Limits     `queue_max` waiting tasks.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/rt/executor.h"

namespace dragonfly {

// Shown by ps -L and gdb; cut to the kernel's 15 characters.
void name_this_thread(const std::string& name);

class WorkerPool final : public Executor {
 public:
  WorkerPool(const std::string& name, size_t threads, size_t queue_max);
  ~WorkerPool() override;
  [[nodiscard]] bool post(Task task) override;
  // Waits for the running tasks, drops the queued ones; from now on post() returns false. Again is harmless.
  void stop();

 private:
  void run(std::stop_token stop);
  const size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  // Last: joined before the queue dies.
};

}  // namespace dragonfly
