#include "base/obs/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace dragonfly {

void Histogram::observe(double value_s, uint64_t times) {
  size_t bucket = 0;
  while (bucket < kBuckets && value_s > bound_s(bucket)) ++bucket;
  counts_[bucket].fetch_add(times, std::memory_order_relaxed);
  const double ns = std::max(0.0, value_s) * 1e9 * static_cast<double>(times);
  sum_ns_.fetch_add(static_cast<uint64_t>(ns), std::memory_order_relaxed);
}

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  current_ = name;
  const std::string header = fmt::format("# HELP {} ", name);
  if (out_.find(header) != std::string::npos) return;
  fmt::format_to(std::back_inserter(out_), "{}{}\n# TYPE {} {}\n", header, help, name, type);
}

void MetricsText::sample(double value, std::string_view labels, std::string_view suffix) {
  fmt::format_to(std::back_inserter(out_), "{}{}{}{}{} {}\n", current_, suffix, labels.empty() ? "" : "{", labels,
                 labels.empty() ? "" : "}", value);
}

void MetricsText::sample(uint64_t value, std::string_view labels, std::string_view suffix) {
  fmt::format_to(std::back_inserter(out_), "{}{}{}{}{} {}\n", current_, suffix, labels.empty() ? "" : "{", labels,
                 labels.empty() ? "" : "}", value);
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
