// Line load: sends a data set as Influx line protocol over HTTP, flat out.
//
// Each connection has its share of the VMs and sends their ticks in the order of time; the next post goes when the one
// before is answered. What the server refuses for now (429, 503, 507) goes again after a moment.
//
// Units      see dataset.h.
// Ownership  borrows the data set.
// Threading  one thread a connection, ended when it returns.
// Errors     what the server said, where it refused lines for good; kUnavailable where it went away.
// Limits     kLinesPerPost lines a post.
#pragma once

#include "base/net/endpoint.h"
#include "bench/dataset/dataset.h"
#include "bench/store/load_report.h"

namespace dragonfly::bench {

struct LineLoadOptions {
  static constexpr uint64_t kLinesPerPost = 5000;
  Endpoint server;
  std::string target = "/write?db=cbmon&precision=ms";
  uint64_t connections = 2;
};

Result<LoadReport> load_lines(const Dataset& data, const LineLoadOptions& options);

}  // namespace dragonfly::bench
