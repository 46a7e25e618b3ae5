// store_load: sends a data set to a store, flat out, and reports what it took as one line of JSON.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/fs/file.h"
#include "bench/store/line_load.h"
#include "bench/store/native_load.h"

namespace dragonfly::bench {
namespace {

constexpr uint64_t kKeyFileBytesMax = uint64_t{1} << 30;

struct CommandLine {
  std::string set = "S", http, target = "/write?db=cbmon&precision=ms", udp, keys;
  uint64_t scale = 1, seed = 1, connections = 2, ticks_per_frame = 1, in_flight = 6000;
  int64_t end_ms = 0;
  bool full_doubles = false;
};

CommandLine read_command_line(int argc, char** argv) {
  CommandLine out;
  CLI::App app("Sends a data set to a store, flat out, and reports what it took as one line of JSON.", "store_load");
  app.add_option("--set", out.set, "S, M or H (default: S)")->check(CLI::IsMember({"S", "M", "H"}));
  app.add_option("--scale", out.scale, "So many times smaller (default: 1)")->check(CLI::Range(1, 10'000));
  app.add_option("--seed", out.seed, "Another set of the same kind (default: 1)");
  app.add_option("--end-ms", out.end_ms, "When the set ends, Unix ms")->required();
  app.add_flag("--full-doubles", out.full_doubles, "Percentages are not rounded to two decimals");
  auto* http = app.add_option("--http", out.http, "Influx line protocol to this address")->type_name("ADDR:PORT");
  app.add_option("--target", out.target, "Path and query of the posts")->needs(http);
  app.add_option("--connections", out.connections, "Of --http (default: 2)")->check(CLI::Range(1, 64));
  auto* udp = app.add_option("--udp", out.udp, "Sealed frames to this address")->type_name("ADDR:PORT")->excludes(http);
  app.add_option("--keys", out.keys, "Keys of the set's VMs, as `cb-dragonfly agent-key new` makes them")->needs(udp);
  app.add_option("--ticks-per-frame", out.ticks_per_frame, "0: as many as fit (default: 1)")->needs(udp);
  app.add_option("--in-flight", out.in_flight, "Frames that wait for an ack (default: 6000)")->needs(udp);
  try {
    app.parse(argc, argv);
    if (out.http.empty() == out.udp.empty()) throw CLI::RequiredError("one of --http and --udp");
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return out;
}

Result<LoadReport> load(const CommandLine& options) {
  const auto trace = shipped_trace();
  if (!trace) return fail(trace.error());
  auto spec = DatasetSpec::named(options.set.front(), from_unix_ms(options.end_ms), options.scale);
  spec->seed = options.seed;
  spec->full_doubles = options.full_doubles;
  const Dataset data(*trace, *spec);
  const auto server = Endpoint::resolve(options.udp.empty() ? options.http : options.udp);
  if (!server) return fail(server.error());
  if (options.udp.empty()) {
    LineLoadOptions lines;
    lines.server = *server;
    lines.target = options.target;
    lines.connections = options.connections;
    return load_lines(data, lines);
  }
  const auto content = system_files().read_file(options.keys, kKeyFileBytesMax);
  if (!content) return fail(content.error());
  auto keys = parse_key_file(as_text(*content));
  if (!keys) return fail(keys.error());
  NativeLoadOptions native;
  native.server = *server;
  native.ticks_per_frame = options.ticks_per_frame;
  native.in_flight_max = options.in_flight;
  return load_native(data, std::move(*keys), native);
}

int run(int argc, char** argv) {
  const auto report = load(read_command_line(argc, argv));
  if (!report) {
    fmt::print(stderr, "store_load: {}\n", report.error().message);
    return 1;
  }
  fmt::print("{}", report->to_json());
  return 0;
}

}  // namespace
}  // namespace dragonfly::bench

int main(int argc, char** argv) { return dragonfly::bench::run(argc, argv); }
