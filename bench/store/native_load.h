// Native load: sends a data set in sealed frames, one agent a VM, as fast as the server acknowledges.
//
// Units      see dataset.h.
// Ownership  borrows the data set.
// Threading  one thread.
// Errors     kInvalidArgument where the keys are not those of the set's VMs; kUnavailable where nothing is acknowledged
//            for kSilenceMax.
// Limits     in_flight_max frames wait for an ack.
#pragma once

#include "base/net/endpoint.h"
#include "bench/dataset/dataset.h"
#include "bench/store/load_report.h"
#include "model/frame/key_file.h"

namespace dragonfly::bench {

struct NativeLoadOptions {
  static constexpr Duration kSilenceMax = 60s;
  Endpoint server;
  uint64_t ticks_per_frame = 1;  // 0 = as many as fit, as after an outage.
  uint64_t in_flight_max = 6000;
};

Result<LoadReport> load_native(const Dataset& data, std::vector<AgentKey> keys, const NativeLoadOptions& options);

}  // namespace dragonfly::bench
