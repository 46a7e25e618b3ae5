#include "base/obs/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {

void Histogram::observe(double value_s, uint64_t times) {
  size_t bucket = 0;
  while (bucket < kBuckets && value_s > bound_s(bucket)) ++bucket;
  counts_[bucket].fetch_add(times, std::memory_order_relaxed);
  const double ns = std::max(0.0, value_s) * 1e9 * static_cast<double>(times);
  sum_ns_.fetch_add(static_cast<uint64_t>(ns), std::memory_order_relaxed);
}

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  const auto known = std::ranges::find(families_, name, &Family::name);
  current_ = static_cast<size_t>(known - families_.begin());
  if (known != families_.end()) return;
  families_.push_back({std::string(name), out_.size()});
  append(fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type));
}

void MetricsText::append(std::string_view line) {
  DF_ASSERT(current_ < families_.size());
  out_.insert(families_[current_].end, line);
  for (size_t i = current_; i < families_.size(); ++i) families_[i].end += line.size();
}

void MetricsText::sample(double value, std::string_view labels, std::string_view suffix) {
  append(fmt::format("{}{}{}{}{} {}\n", families_[current_].name, suffix, labels.empty() ? "" : "{", labels,
                     labels.empty() ? "" : "}", value));
}

void MetricsText::sample(uint64_t value, std::string_view labels, std::string_view suffix) {
  append(fmt::format("{}{}{}{}{} {}\n", families_[current_].name, suffix, labels.empty() ? "" : "{", labels,
                     labels.empty() ? "" : "}", value));
}

void MetricsText::histogram(std::string_view name, std::string_view help, const Histogram& histogram) {
  family(name, "histogram", help);
  uint64_t total = 0;
  for (size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    total += histogram.count(bucket);
    sample(total, fmt::format("le=\"{:.4f}\"", Histogram::bound_s(bucket)), "_bucket");
  }
  total += histogram.count(Histogram::kBuckets);
  sample(total, "le=\"+Inf\"", "_bucket");
  sample(histogram.sum_s(), {}, "_sum");
  sample(total, {}, "_count");
}

std::string escape_label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

MetricsRegistry::Registration MetricsRegistry::add(Writer writer) {
  const std::lock_guard lock(mutex_);
  writers_.emplace_back(next_id_, std::move(writer));
  return Registration(this, next_id_++);
}

void MetricsRegistry::remove(uint64_t id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(writers_, [id](const auto& writer) { return writer.first == id; });
}

std::string MetricsRegistry::render() const {
  std::string out;
  MetricsText text(out);
  const std::lock_guard lock(mutex_);
  for (const auto& [id, writer] : writers_) writer(text);
  return out;
}

}  // namespace dragonfly
