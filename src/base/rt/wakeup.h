// Wakeup: an eventfd that makes a thread return from poll().
//
// Units      none.
// Ownership  owns its descriptor.
// Threading  signal(): any thread; clear() and descriptor(): the thread that polls.
// Errors     ends the process where the kernel has no descriptor left at construction.
// Limits     signals merge: any number before a clear() count as one.
#pragma once

namespace dragonfly {

class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  void signal();
  void clear();
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace dragonfly
