// dataset: tells what a set is made of: how many samples, how many of its series never change, how many samples equal
// the one before.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/dataset/dataset.h"

namespace dragonfly::bench {
namespace {

struct FieldShares {
  uint64_t constant = 0;  // Series.
  uint64_t equal = 0;     // Samples, each with the one before; likewise `compared`.
  uint64_t compared = 0;
};

void add_series(const Column& column, FieldShares& shares) {
  uint64_t equal = 0;
  for (size_t i = 1; i < column.bits.size(); ++i) equal += column.bits[i] == column.bits[i - 1] ? 1 : 0;
  shares.equal += equal;
  shares.compared += column.bits.size() - 1;
  if (equal == column.bits.size() - 1) ++shares.constant;
}

double percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void tell(const Dataset& data, uint64_t vms) {
  FieldShares all;
  fmt::print("{:<18} {:>9} {:>9}\n", "field", "constant", "equal");
  for (const GroupId group : kCatalogueGroups) {
    std::vector<FieldShares> shares(metrics_of(group).size());
    for (uint64_t vm = 0; vm < vms; ++vm) {
      const ColumnSet columns = data.columns(vm, group, 0, data.spec().ticks);
      for (size_t field = 0; field < shares.size(); ++field) add_series(columns.columns[field], shares[field]);
    }
    for (size_t field = 0; field < shares.size(); ++field) {
      const FieldShares& of = shares[field];
      fmt::print("{:<18} {:>7.1f} % {:>7.1f} %\n", metrics_of(group)[field].name, percent(of.constant, vms),
                 percent(of.equal, of.compared));
      all.constant += of.constant;
      all.equal += of.equal;
      all.compared += of.compared;
    }
  }
  fmt::print("{:<18} {:>7.1f} % {:>7.1f} %   ({} of {} VMs looked at)\n", "all",
             percent(all.constant, vms * catalogue().size()), percent(all.equal, all.compared), vms, data.spec().vms);
}

int run(int argc, char** argv) {
  CLI::App app("Tells what a data set for benchmarks is made of.", "dataset");
  std::string set = "S";
  uint64_t scale = 1, vms = 200, seed = 1;
  bool full = false;
  app.add_option("--set", set, "S, M or H (default: S)")->check(CLI::IsMember({"S", "M", "H"}));
  app.add_option("--scale", scale, "So many times smaller (default: 1)")->check(CLI::Range(1, 10'000));
  app.add_option("--vms", vms, "How many VMs are looked at (default: 200)")->check(CLI::Range(1, 1'000'000));
  app.add_option("--seed", seed, "Another set of the same kind (default: 1)");
  app.add_flag("--full-doubles", full, "Percentages as they come out of the division, not rounded to two decimals");
  CLI11_PARSE(app, argc, argv);
  const auto trace = shipped_trace();
  if (!trace) {
    fmt::print(stderr, "dataset: {}\n", trace.error().message);
    return 1;
  }
  auto spec = DatasetSpec::named(set.front(), from_unix_ms(1'800'000'000'000), scale);
  spec->seed = seed;
  spec->full_doubles = full;
  const Dataset data(*trace, *spec);
  fmt::print("set {}: {} VMs x {} ticks of {}: {} rows, {} samples, {} series; trace of {} steps\n", set, spec->vms,
             spec->ticks, format_duration(spec->interval), spec->rows(), spec->samples(),
             spec->vms * catalogue().size(), trace->steps.size());
  tell(data, std::min(vms, spec->vms));
  return 0;
}

}  // namespace
}  // namespace dragonfly::bench

int main(int argc, char** argv) { return dragonfly::bench::run(argc, argv); }
