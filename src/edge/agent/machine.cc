#include "edge/agent/machine.h"

#include <algorithm>

namespace dragonfly {
namespace {

// The first of the files that says something, in lower case.
std::string read_first(FileSystem& files, const std::string& root, std::initializer_list<const char*> names) {
  for (const char* const name : names) {
    const auto bytes = files.read_file(Path(root) / name, kMachineFileBytesMax);
    if (!bytes) continue;
    std::string text(as_text(*bytes));
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    // "uninitialized" of systemd's first boot, and the placeholders of boards whose maker filled nothing in.
    const bool says_nothing = text.size() < 16 ||
                              std::ranges::all_of(text, [](char c) { return c == '0' || c == '-'; }) ||
                              std::ranges::all_of(text, [](char c) { return c == 'f' || c == '-'; });
    if (!says_nothing) return text;
  }
  return {};
}

}  // namespace

MachineIdentity read_machine(FileSystem& files, const std::string& root, std::string_view instance_id) {
  return {
      machine_mark("machine", read_first(files, root, {"etc/machine-id", "var/lib/dbus/machine-id"})),
      machine_mark("firmware", read_first(files, root, {"sys/class/dmi/id/product_uuid", "run/cb-agent/product_uuid"})),
      machine_mark("instance", instance_id)};
}

}  // namespace dragonfly
