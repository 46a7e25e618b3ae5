// parallel_for: the same work on several things, on this thread and on an executor's.
//
// Units      none.
// Ownership  `f` is borrowed for the call.
// Threading  f runs on several threads at once; blocks until every call has ended. Not on a thread of the same executor
//            where f waits for others of its tasks.
// Errors     none of its own. An executor that takes nothing leaves all to this thread.
// Limits     `threads` calls run at once, this thread's included.
#pragma once

#include <cstddef>
#include <functional>

#include "base/rt/executor.h"

namespace dragonfly {

// f(0) … f(count - 1), each once, begun in this order. `executor` may be null.
void parallel_for(Executor* executor, size_t threads, size_t count, const std::function<void(size_t)>& f);

}  // namespace dragonfly
