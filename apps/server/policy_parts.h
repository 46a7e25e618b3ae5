// What parts of the server are given of policy and settings.
//
// Units      as in the parts' options.
// Ownership  values.
// Threading  pure.
// Errors     none.
// Limits     none.
#pragma once

#include "fleet/policy/policy.h"
#include "fleet/policy/server_keys.h"
#include "ingest/receiver/shard.h"
#include "model/frame/frame.h"
#include "store/tsdb/chunk_db.h"

namespace dragonfly {

RetentionTimes retention_of(const Policy& policy);
// Of all heads together, bytes.
size_t head_memory(const ServerSettings& settings);
// What agents are told: docs/formats/settings.md.
AgentSettings settings_of(const Policy& policy);
// Where those of namespaces differ from the server's.
Shard::NamespaceSettings namespace_settings_of(const PolicySet& policies);

}  // namespace dragonfly
