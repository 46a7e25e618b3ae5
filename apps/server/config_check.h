// `cb-dragonfly config check`.
#pragma once

#include "options.h"

namespace dragonfly {

// What a start would say of the configuration, without one; returns the exit code.
int check_config(const ServerOptions& options);

}  // namespace dragonfly
