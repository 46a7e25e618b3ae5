// The command line of udp-shooter.
//
// Units      none.
// Ownership  values; keys are secrets.
// Threading  one thread.
// Errors     read_options ends the process: 0 after --help, 2 after a message that names the option and what is allowed.
// Limits     kAgentsMax.
#pragma once

#include <string>
#include <vector>

#include "shooter.h"

namespace dragonfly {

inline constexpr uint64_t kAgentsMax = 1'000'000;

struct CommandLine {
  ShooterOptions shooter;
  std::vector<AgentKey> keys;  // In the order of their numbers.
  std::string report;          // A file; empty = standard output.
};

CommandLine read_options(int argc, char** argv);

// `count` agents without keys, named prefix + number from 1: the id is the first 64 bits of SHA-256(ns \0 mcis \0 vm).
std::vector<AgentKey> plain_agents(const std::string& ns, const std::string& mcis, const std::string& prefix,
                                   uint64_t count);

}  // namespace dragonfly
