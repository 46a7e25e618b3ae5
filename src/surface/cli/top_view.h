// What `cbmon top` shows, and what its keys do; no terminal, no server.
//
// Units      s for the interval; columns and lines of the terminal.
// Ownership  owns its rows.
// Threading  one thread.
// Errors     none: what is absent is shown as "–". Texts of the server cannot steer the terminal.
// Limits     kTopVmsMax VMs can be reached by scrolling.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/catalogue/catalogue.h"
#include "surface/cli/terminal.h"

namespace dragonfly {

inline constexpr size_t kTopVmsMax = 1000;  // The server's page.

struct TopVm {
  std::string ns, mcis, vm, state;
  std::optional<double> cpu, memory, disk;      // Percent.
  std::optional<double> value;                  // Of the metric that it is sorted by.
  std::vector<std::optional<double>> course{};  // Of the same, oldest first.
};

// Which VMs are wanted: those from the highest (or lowest) on, down to `last`.
struct TopQuestion {
  const Metric* metric = nullptr;
  bool descending = true;
  size_t first = 0, last = 0;
  bool operator==(const TopQuestion&) const = default;
};

struct TopAnswer {
  TopQuestion question;
  std::vector<TopVm> vms;  // From the first of the order on.
  size_t total = 0, alive = 0, late = 0, silent = 0;
  std::string time;     // "12:31:05"
  std::string problem;  // Why there is nothing new; empty: there is.
  int code = 0;         // Exit code that goes with the problem.
};

class TopView {
 public:
  enum class Act : unsigned char { kNothing, kAsk, kQuit };

  TopView(std::string server, const Metric& metric, Duration interval, bool colours)
      : server_(std::move(server)), metric_(&metric), interval_(interval), colours_(colours) {}
  void resize(Terminal::Size size);
  // One that failed leaves what is shown, beside its problem.
  void take(TopAnswer answer);
  Act press(const KeyPress& key);
  TopQuestion question() const;
  // At most as many lines as the terminal has, each no wider.
  std::vector<std::string> lines() const;

 private:
  size_t rows() const;  // Lines for VMs.
  void keep_selection_shown();
  bool choose(std::string_view metric);
  void next_metric(int step);
  std::string head() const;
  std::string titles() const;
  std::string line_of(const TopVm& vm) const;
  std::string painted(const std::string& line, std::string_view colour) const;

  const std::string server_;
  const Metric* metric_;
  const Duration interval_;
  const bool colours_;
  Terminal::Size size_{};
  bool descending_ = true;
  size_t first_ = 0, selected_ = 0;
  TopAnswer shown_{};
  std::string problem_;
};

}  // namespace dragonfly
