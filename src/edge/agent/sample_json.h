// One sample of everything as JSON, for people and scripts (`cb-agent --once`).
//
// Units      the catalogue's; counters are running totals.
// Ownership  none.
// Threading  pure.
// Errors     what could not be read is null.
// Limits     none of its own.
#pragma once

#include <span>
#include <string>

#include "edge/agent/identity.h"
#include "model/row/row.h"

namespace dragonfly {

struct SampleHeading {
  Timestamp time{};
  std::string os_type;
  std::string os_name;
};

// Always names all 52 metrics, and each device that has a row. Ends with a newline.
std::string sample_json(const SampleHeading& heading, const AgentIdentity& identity, std::span<const Row> rows,
                        std::span<const std::string> devices);

}  // namespace dragonfly
