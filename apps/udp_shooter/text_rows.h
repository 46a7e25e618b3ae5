// Rows of a virtual VM in the words of clients that are there already: telegraf's JSON and Influx lines. Fields have the
// catalogue's names.
//
// Units      as the catalogue's; times in ms.
// Ownership  appends to what it is given.
// Threading  pure.
// Errors     none.
// Limits     none of its own: one tick of a VM has about 2 KiB.
#pragma once

#include <string>

#include "values.h"
#include "virtual_agent.h"

namespace dragonfly {

// One object a group, one after the other.
void append_telegraf(const AgentKey& vm, const VmPlace& place, const TickRows& rows, std::string& out);
// One line a group; for precision=ms.
void append_lines(const AgentKey& vm, const VmPlace& place, const TickRows& rows, std::string& out);

}  // namespace dragonfly
