// Cancellation: whoever asked says that the answer is not wanted any more.
//
// Units      none.
// Ownership  copies share one flag; it lives as long as any copy.
// Threading  any thread. Work looks at cancelled() between its pieces; nothing is interrupted.
// Errors     none.
// Limits     none.
#pragma once

#include <atomic>
#include <memory>

namespace dragonfly {

class Cancellation {
 public:
  // One that nobody can cancel.
  Cancellation() = default;
  static Cancellation make() {
    Cancellation out;
    out.cancelled_ = std::make_shared<std::atomic<bool>>(false);
    return out;
  }

  // For good. Does nothing to one that nobody can cancel.
  void cancel() const {
    if (cancelled_ != nullptr) cancelled_->store(true, std::memory_order_relaxed);
  }
  bool can_cancel() const { return cancelled_ != nullptr; }
  bool cancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;
};

}  // namespace dragonfly
