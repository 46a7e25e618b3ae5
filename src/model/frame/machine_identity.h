// MachineIdentity: by what a machine is told from its clone. Only marks of what the machine says of itself leave it: from
// none of them does its machine-id follow.
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     parse_machine_mark: nullopt.
// Limits     a mark is 16 hexadecimal digits, or empty where the machine does not say it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dragonfly {

struct MachineIdentity {
  std::string machine;   // Of /etc/machine-id.
  std::string firmware;  // Of the DMI product UUID.
  std::string instance;  // Of the cloud's instance id.
  bool operator==(const MachineIdentity&) const = default;
};

// The mark of `text` as one of "machine", "firmware", "instance"; empty where `text` is.
std::string machine_mark(std::string_view kind, std::string_view text);
// What a file or an answer holds: a mark, or "-" for none.
std::optional<std::string> parse_machine_mark(std::string_view text);

// How many of the marks that both know differ, and how many both know.
struct MachineDifference {
  int differ = 0;
  int known = 0;
  // Two of three: one alone changes when an image is repaired, a disk moved, an instance resized.
  bool is_other_machine() const { return differ >= 2; }
};
MachineDifference compare(const MachineIdentity& a, const MachineIdentity& b);
// At least one mark is known to both, and none differs.
bool is_same_machine(const MachineIdentity& a, const MachineIdentity& b);

}  // namespace dragonfly
