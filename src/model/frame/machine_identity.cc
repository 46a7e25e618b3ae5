#include "model/frame/machine_identity.h"

#include <algorithm>
#include <utility>

#include "base/crypto/crypto.h"

namespace dragonfly {
namespace {
constexpr size_t kMarkBytes = 8;
constexpr std::string_view kUnknown = "-";
}  // namespace

std::string machine_mark(std::string_view kind, std::string_view text) {
  if (text.empty()) return {};
  std::string all = "dragonfly machine 1";
  all.append(1, '\0').append(kind).append(1, '\0').append(text);
  const Digest256 digest = sha256(as_bytes(all));
  return to_hex(ByteView(digest).first(kMarkBytes));
}

std::optional<std::string> parse_machine_mark(std::string_view text) {
  if (text == kUnknown) return std::string();
  const bool good = text.size() == 2 * kMarkBytes && std::all_of(text.begin(), text.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
  return good ? std::optional(std::string(text)) : std::nullopt;
}

MachineDifference compare(const MachineIdentity& a, const MachineIdentity& b) {
  MachineDifference out;
  for (const auto& [one, other] :
       {std::pair(&a.machine, &b.machine), {&a.firmware, &b.firmware}, {&a.instance, &b.instance}}) {
    if (one->empty() || other->empty()) continue;
    ++out.known;
    out.differ += *one == *other ? 0 : 1;
  }
  return out;
}

bool is_same_machine(const MachineIdentity& a, const MachineIdentity& b) {
  const MachineDifference difference = compare(a, b);
  return difference.known > 0 && difference.differ == 0;
}

}  // namespace dragonfly
