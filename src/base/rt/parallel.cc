#include "base/rt/parallel.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace dragonfly {
namespace {

// Lives as long as the last helper, which may start when all is done.
struct Work {
  const std::function<void(size_t)>* f;  // Not touched once every index was taken.
  size_t count;
  std::mutex mutex;
  std::condition_variable all_done;
  size_t next = 0;
  size_t done = 0;

  void run() {
    std::unique_lock lock(mutex);
    while (next < count) {
      const size_t index = next++;
      lock.unlock();
      (*f)(index);
      lock.lock();
      if (++done == count) all_done.notify_all();
    }
  }
};

}  // namespace

void parallel_for(Executor* executor, size_t threads, size_t count, const std::function<void(size_t)>& f) {
  const auto work = std::make_shared<Work>();
  work->f = &f;
  work->count = count;
  const size_t helpers =
      executor == nullptr || threads == 0 ? 0 : std::min(threads, count) - std::min<size_t>(count, 1);
  for (size_t i = 0; i < helpers; ++i) {
    if (!executor->post([work] { work->run(); })) break;
  }
  work->run();
  std::unique_lock lock(work->mutex);
  work->all_done.wait(lock, [&] { return work->done == work->count; });
}

}  // namespace dragonfly
