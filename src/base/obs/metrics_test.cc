#include "base/obs/metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace dragonfly {
namespace {

// What is wrong with a text of metrics by the rules of the Prometheus format: each family one block that begins with
// HELP and TYPE, each sample once and of the family above it.
std::string trouble_of(const std::string& text) {
  std::set<std::string> families, samples;
  std::string family, type;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, what, name;
    words >> hash >> what >> name;
    if (hash == "#" && what == "HELP") {
      if (!families.insert(name).second) return name + " comes twice";
      family = name;
      type.clear();
    } else if (hash == "#" && what == "TYPE") {
      if (name != family || !type.empty()) return "TYPE of " + name + " is not behind its HELP";
      words >> type;
      if (type != "counter" && type != "gauge" && type != "histogram") return "no type: " + line;
    } else {
      const std::string sample = line.substr(0, line.rfind(' '));
      const std::string base = sample.substr(0, sample.find('{'));
      const bool own =
          base == family ||
          (type == "histogram" && (base == family + "_bucket" || base == family + "_sum" || base == family + "_count"));
      if (type.empty() || !own) return "a sample outside its family: " + line;
      if (!samples.insert(sample).second) return "a sample twice: " + line;
    }
  }
  return text.empty() || text.ends_with('\n') ? "" : "no end of the last line";
}

TEST(Metrics, TheCheckOfThisTestFindsWhatIsWrong) {
  const auto f = [](const std::string& text) { EXPECT_NE(trouble_of(text), "") << text; };
  f("a 1\n");
  f("# HELP a A.\na 1\n");
  f("# TYPE a counter\na 1\n");
  f("# HELP a A.\n# TYPE a sum\na 1\n");
  f("# HELP a A.\n# TYPE a counter\nb 1\n");
  f("# HELP a A.\n# TYPE a counter\na 1\na 1\n");
  f("# HELP a A.\n# TYPE a counter\na_sum 1\n");
  f("# HELP a A.\n# TYPE a counter\na 1\n# HELP b B.\n# TYPE b counter\nb 1\na{x=\"y\"} 1\n");
  f("# HELP a A.\n# TYPE a counter\n# HELP a A.\n# TYPE a counter\n");
  f("# HELP a A.\n# TYPE a counter\na 1");
}

TEST(Metrics, AFamilyIsOneBlockWhoeverAddsToIt) {
  MetricsRegistry registry;
  Counter counter;
  counter.add(3);
  const auto first = registry.add([&](MetricsText& text) {
    text.family("x_total", "counter", "What x is.");
    text.sample(counter.value(), "cause=\"a\"");
    text.gauge("y", "What y is.", 1.5);
  });
  {
    Histogram histogram;
    const auto second = registry.add([&](MetricsText& text) {
      text.histogram("z_seconds", "What z is.", histogram);
      text.family("x_total", "counter", "What x is here.");
      text.sample(counter.value() + 1, "cause=\"b\"");
      text.sample(0.25, "cause=\"c\"");
      text.family("y", "gauge", "What y is.");
      text.sample(uint64_t{2}, "of=\"z\"");
    });
    const std::string text = registry.render();
    EXPECT_EQ(trouble_of(text), "") << text;
    EXPECT_TRUE(
        text.starts_with("# HELP x_total What x is.\n# TYPE x_total counter\n"
                         "x_total{cause=\"a\"} 3\nx_total{cause=\"b\"} 4\nx_total{cause=\"c\"} 0.25\n"
                         "# HELP y What y is.\n# TYPE y gauge\ny 1.5\ny{of=\"z\"} 2\n# HELP z_seconds "))
        << text;
  }
  EXPECT_EQ(registry.render(),
            "# HELP x_total What x is.\n# TYPE x_total counter\nx_total{cause=\"a\"} 3\n"
            "# HELP y What y is.\n# TYPE y gauge\ny 1.5\n");
}

TEST(Metrics, WithoutWritersThereIsNothing) {
  MetricsRegistry registry;
  {
    const auto gone = registry.add([](MetricsText& text) { text.gauge("y", "Y.", 1); });
  }
  EXPECT_EQ(registry.render(), "");
}

TEST(Metrics, TheProcessTellsOfItself) {
  std::string out;
  MetricsText text(out);
  write_process_metrics(text);
  EXPECT_EQ(trouble_of(out), "") << out;
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
  EXPECT_EQ(trouble_of(out), "") << out;
}

TEST(Metrics, LabelValuesAreEscaped) { EXPECT_EQ(escape_label("a\"b\\c\n"), "a\\\"b\\\\c\\n"); }

}  // namespace
}  // namespace dragonfly
