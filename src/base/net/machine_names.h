// What this machine is called: its host names, and the addresses of its interfaces.
//
// Units      none.
// Ownership  values.
// Threading  any thread; may wait for a name service.
// Errors     none: what cannot be found out is left out.
// Limits     100 of each.
#pragma once

#include <string>
#include <vector>

namespace dragonfly {

struct MachineNames {
  std::vector<std::string> names;      // "vm-1", "vm-1.example"; always "localhost".
  std::vector<std::string> addresses;  // Digits, without link-local ones; always those of loopback.
};
MachineNames this_machine();

}  // namespace dragonfly
