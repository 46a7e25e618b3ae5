#include "ingest/dialect/point.h"

#include "base/core/names.h"

namespace dragonfly {

std::string excerpt(std::string_view text) {
  constexpr size_t kBytesMax = 200;
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t length = utf8_length(rest);
    const bool plain =
        length > 1 || (length == 1 && static_cast<unsigned char>(rest.front()) >= 0x20 && rest.front() != 0x7f);
    if (out.size() + (plain ? length : 1) > kBytesMax - 3) return out + "…";
    out.append(plain ? rest.substr(0, length) : std::string_view("?"));
    rest.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace dragonfly
