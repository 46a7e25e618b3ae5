#include "storage_figures.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;

uint64_t bytes_below(const Path& directory) {
  uint64_t out = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;  // A file may leave while it is looked at.
    const uint64_t bytes = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    out += gone ? 0 : bytes;
  }
  return out;
}

}  // namespace

void GrowthWindow::add(MonotonicTime at, uint64_t bytes, uint64_t rows) {
  if (samples_.size() == kSamplesMax) samples_.pop_front();
  samples_.push_back({at, bytes, rows});
}

bool GrowthWindow::is_long_enough() const {
  return !samples_.empty() && samples_.back().at - samples_.front().at >= kShortest;
}

std::optional<double> GrowthWindow::bytes_a_day() const {
  if (!is_long_enough()) return std::nullopt;
  const double grown = static_cast<double>(samples_.back().bytes) - static_cast<double>(samples_.front().bytes);
  return grown * 86400 / seconds(samples_.back().at - samples_.front().at);
}

std::optional<double> GrowthWindow::bytes_a_row() const {
  if (!is_long_enough() || samples_.back().rows <= samples_.front().rows) return std::nullopt;
  const double grown = static_cast<double>(samples_.back().bytes) - static_cast<double>(samples_.front().bytes);
  return grown / static_cast<double>(samples_.back().rows - samples_.front().rows);
}

void StorageFigures::look(uint64_t rows) {
  const MonotonicTime now = clock_.monotonic();
  if (looked_ && now - *looked_ < kInterval) return;
  looked_ = now;
  const uint64_t store = bytes_below(data_ / "store");
  const uint64_t log = bytes_below(data_ / "log");
  std::error_code error;
  const auto space = fs::space(data_, error);
  const std::lock_guard lock(mutex_);
  store_bytes_ = store;
  log_bytes_ = log;
  free_bytes_ = error ? 0 : space.available;
  growth_.add(now, store, rows);
}

std::optional<double> StorageFigures::days_to_full_locked() const {
  const auto growth = growth_.bytes_a_day();
  if (!growth || *growth <= 0) return std::nullopt;
  return static_cast<double>(free_bytes_) / *growth;
}

std::optional<double> StorageFigures::days_to_full() const {
  const std::lock_guard lock(mutex_);
  return days_to_full_locked();
}

std::string StorageFigures::warning() const {
  const auto days = days_to_full();
  if (!days || *days >= kDaysWarned) return {};
  return fmt::format("the disk of {} is full in {:.1f} days if the data go on growing as they did", data_.string(),
                     *days);
}

void StorageFigures::write_metrics(MetricsText& text) const {
  const std::lock_guard lock(mutex_);
  text.family("dragonfly_data_bytes", "gauge", "Bytes of the files of a part of the data directory.");
  text.sample(store_bytes_, "part=\"store\"");
  text.sample(log_bytes_, "part=\"log\"");
  text.gauge("dragonfly_disk_free_bytes", "Bytes that are free where the data lie.", static_cast<double>(free_bytes_));
  if (const auto bytes = growth_.bytes_a_row())
    text.gauge("dragonfly_store_bytes_per_row",
               "Bytes that the store grew by, a row, over the last day or since the start.", *bytes);
  if (const auto days = days_to_full_locked())
    text.gauge("dragonfly_disk_full_days",
               "Days until the disk is full at the growth of the last day or since the start.", *days);
}

}  // namespace dragonfly
