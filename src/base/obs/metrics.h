// The process's own metrics, in the Prometheus text format (version 0.0.4).
//
// Units      in the metric's name (_seconds, _bytes, _total).
// Ownership  the Registry borrows: every object that counts owns its counters (a *_stats.h beside it) and registers
//            a writer; the registration must be dropped before the object dies (Registration does it).
// Threading  Counter and Gauge: any thread, relaxed atomics. Registry: any thread.
// Errors     none.
// Limits     Histogram: the bounds given to it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dragonfly {

class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Seconds in powers of two from 0.1 ms to 26 s, and infinity.
class Histogram {
 public:
  static constexpr size_t kBuckets = 19;
  static double bound_s(size_t bucket) { return 0.0001 * static_cast<double>(uint64_t{1} << bucket); }
  void observe(double value_s, uint64_t times = 1);
  uint64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }  // [0, kBuckets]
  double sum_s() const { return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1e9; }

 private:
  std::array<std::atomic<uint64_t>, kBuckets + 1> counts_{};
  std::atomic<uint64_t> sum_ns_{0};
};

// What a writer writes with: families with their HELP and TYPE, then samples. A family is one block of the text, also
// where several writers add to it.
class MetricsText {
 public:
  explicit MetricsText(std::string& out) : out_(out) {}
  // Opens a family once; a second time with the same name only selects it: what samples follow join its block, with
  // labels of their own. Type: counter, gauge, histogram.
  void family(std::string_view name, std::string_view type, std::string_view help);
  // `labels` like cause="late"; values must be escaped already where they are not constants (escape_label).
  void sample(double value, std::string_view labels = {}, std::string_view suffix = {});
  void sample(uint64_t value, std::string_view labels = {}, std::string_view suffix = {});
  void counter(std::string_view name, std::string_view help, const Counter& counter) {
    family(name, "counter", help);
    sample(counter.value());
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    sample(value);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& histogram);

 private:
  struct Family {
    std::string name;
    size_t end;  // Of its block, in out_.
  };
  void append(std::string_view line);

  std::string& out_;
  std::vector<Family> families_;  // In the order of their blocks.
  size_t current_ = 0;
};

std::string escape_label(std::string_view text);

class MetricsRegistry {
 public:
  using Writer = std::function<void(MetricsText&)>;
  class [[nodiscard]] Registration {
   public:
    Registration() = default;
    Registration(MetricsRegistry* registry, uint64_t id) : registry_(registry), id_(id) {}
    Registration(Registration&& other) noexcept : registry_(other.registry_), id_(other.id_) {
      other.registry_ = nullptr;
    }
    Registration& operator=(Registration&& other) noexcept {
      std::swap(registry_, other.registry_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Registration() {
      if (registry_ != nullptr) registry_->remove(id_);
    }

   private:
    MetricsRegistry* registry_ = nullptr;
    uint64_t id_ = 0;
  };
  Registration add(Writer writer);
  std::string render() const;

 private:
  void remove(uint64_t id);
  mutable std::mutex mutex_;
  std::vector<std::pair<uint64_t, Writer>> writers_;
  uint64_t next_id_ = 1;
};

// The process's own: CPU, memory, descriptors, start time; names as in the Prometheus client libraries.
void write_process_metrics(MetricsText& text);

}  // namespace dragonfly
