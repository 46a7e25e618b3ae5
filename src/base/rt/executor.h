// Executor: runs tasks somewhere else.
//
// Units      none.
// Ownership  a task is moved in and destroyed after it ran, or when the executor stops without running it.
// Threading  post(): any thread. Tasks run on the executor's own threads.
// Errors     post() returns false when the queue is full or the executor stops; the task was not taken.
// Limits     see the implementation.
#pragma once

#include <functional>

namespace dragonfly {

class Executor {
 public:
  using Task = std::function<void()>;
  virtual ~Executor() = default;
  [[nodiscard]] virtual bool post(Task task) = 0;
};

}  // namespace dragonfly
