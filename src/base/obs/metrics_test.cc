#include "base/obs/metrics.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

TEST(Metrics, RendersFamiliesOnceAndDropsThoseThatLeft) {
  MetricsRegistry registry;
  Counter counter;
  counter.add(3);
  {
    const auto writer = [&](MetricsText& text) { text.counter("x_total", "What x is.", counter); };
    const auto first = registry.add(writer);
    const auto second = registry.add(writer);
    EXPECT_EQ(registry.render(), "# HELP x_total What x is.\n# TYPE x_total counter\nx_total 3\nx_total 3\n");
  }
  EXPECT_EQ(registry.render(), "");
}

TEST(Metrics, HistogramBucketsAreCumulative) {
  Histogram histogram;
  histogram.observe(0.00005);
  histogram.observe(0.0003, 2);
  histogram.observe(100);
  std::string out;
  MetricsText(out).histogram("h_seconds", "h", histogram);
  EXPECT_NE(out.find("h_seconds_bucket{le=\"0.0001\"} 1\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_bucket{le=\"0.0004\"} 3\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_seconds_count 4\n"), std::string::npos) << out;
}

TEST(Metrics, LabelValuesAreEscaped) { EXPECT_EQ(escape_label("a\"b\\c\n"), "a\\\"b\\\\c\\n"); }

}  // namespace
}  // namespace dragonfly
