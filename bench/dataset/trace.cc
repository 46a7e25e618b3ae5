#include "bench/dataset/trace.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>

namespace dragonfly::bench {
namespace {

using Raw = std::map<std::string, uint64_t, std::less<>>;

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) return out;
    const size_t end = std::min(line.find(' '), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

Result<int64_t> number(std::string_view word, size_t line) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (error == std::errc{} && end == word.data() + word.size()) return out;
  return fail(ErrorCode::kCorruption, "trace line {}: '{}' is not a whole number", line, word);
}

void set_growth(TraceStep& step, const Raw& before, const Raw& now) {
  const auto grown = [&](std::string_view name) { return now.find(name)->second - before.find(name)->second; };
  step.user_ticks = grown("ticks_user") + grown("ticks_nice");
  step.system_ticks = grown("ticks_system");
  step.iowait_ticks = grown("ticks_iowait");
  step.softirq_ticks = grown("ticks_softirq");
  step.all_ticks = step.user_ticks + step.system_ticks + step.iowait_ticks + step.softirq_ticks + grown("ticks_idle") +
                   grown("ticks_irq") + grown("ticks_steal");
  step.uptime_hundredths = grown("uptime_cs");
  step.reads = grown("reads");
  step.kib_read = grown("sectors_read") / 2;
  step.read_ms = grown("read_ms");
  step.writes = grown("writes");
  step.kib_written = grown("sectors_written") / 2;
  step.write_ms = grown("write_ms");
  step.packets_in = grown("rx_packets");
  step.packets_out = grown("tx_packets");
}

void set_gauges(TraceStep& step, const Raw& now) {
  const auto is = [&](std::string_view name) { return now.find(name)->second; };
  step.load_1m = is("load1");
  step.load_5m = is("load5");
  step.load_15m = is("load15");
  step.running = is("running");
  step.processes = is("processes");
  step.buffer_pages = is("Buffers_kib") / 4;
  step.cached_pages = (is("Cached_kib") + is("SReclaimable_kib")) / 4;
  step.used_pages = (is("MemTotal_kib") - is("MemFree_kib")) / 4 - step.buffer_pages - step.cached_pages;
  step.file_system_blocks = is("fs_used") / 4096;
}

void keep_lowest(TraceStep& lowest, const TraceStep& step) {
  for (const auto member : {&TraceStep::processes, &TraceStep::used_pages, &TraceStep::buffer_pages,
                            &TraceStep::cached_pages, &TraceStep::file_system_blocks})
    lowest.*member = std::min(lowest.*member, step.*member);
}

constexpr std::string_view kColumns[] = {
    "ticks_user",    "ticks_nice",       "ticks_system", "ticks_idle",   "ticks_iowait", "ticks_irq",
    "ticks_softirq", "ticks_steal",      "cpus",         "uptime_cs",    "load1",        "load5",
    "load15",        "running",          "processes",    "MemTotal_kib", "MemFree_kib",  "Buffers_kib",
    "Cached_kib",    "SReclaimable_kib", "fs_used",      "reads",        "sectors_read", "read_ms",
    "writes",        "sectors_written",  "write_ms",     "rx_packets",   "tx_packets"};

}  // namespace

Result<Trace> Trace::parse(std::string_view text) {
  Trace out;
  std::vector<std::string> names;
  Raw row;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto line = words(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line_number == 1) {
      names.assign(line.begin(), line.end());
      for (const auto& name : names) row[name] = 0;
      for (const auto column : kColumns)
        if (!row.contains(column)) return fail(ErrorCode::kCorruption, "trace line 1: no column '{}'", column);
      continue;
    }
    if (line.size() != names.size())
      return fail(ErrorCode::kCorruption, "trace line {}: {} columns; {} are named", line_number, line.size(),
                  names.size());
    const Raw before = row;
    for (size_t i = 0; i < line.size(); ++i) {
      const auto change = number(line[i], line_number);
      if (!change) return fail(change.error());
      row[names[i]] += static_cast<uint64_t>(*change);
    }
    if (line_number == 2) continue;  // Where the counters stood at the start.
    if (out.steps.size() >= kStepsMax) return fail(ErrorCode::kCorruption, "trace: more than {} steps", kStepsMax);
    TraceStep& step = out.steps.emplace_back();
    set_growth(step, before, row);
    set_gauges(step, row);
  }
  if (out.steps.empty()) return fail(ErrorCode::kCorruption, "trace: no step in it");
  out.lowest = out.steps.front();
  for (const TraceStep& step : out.steps) keep_lowest(out.lowest, step);
  out.cpus = std::max<uint64_t>(1, row["cpus"]);
  out.memory_pages = std::max<uint64_t>(1, row["MemTotal_kib"] / 4);
  return out;
}

Result<Trace> Trace::read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::kNotFound, "trace '{}' cannot be opened", file);
  std::ostringstream text;
  text << in.rdbuf();
  return parse(text.str());
}

Result<Trace> shipped_trace() { return Trace::read(DF_TRACE_FILE); }

}  // namespace dragonfly::bench
