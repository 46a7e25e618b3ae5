// For tests: a route's pattern with its names replaced.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace dragonfly {

// "/a/{b}/{c:x|y}": each brace becomes what `replace(name, words)` says; words is "x|y", or empty.
template <class F>
std::string fill_pattern(std::string_view pattern, F replace) {
  std::string out;
  while (!pattern.empty()) {
    const size_t open = std::min(pattern.find('{'), pattern.size());
    out += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    const std::string_view inside = pattern.substr(1, pattern.find('}') - 1);
    const size_t colon = std::min(inside.find(':'), inside.size());
    out += replace(inside.substr(0, colon), inside.substr(std::min(colon + 1, inside.size())));
    pattern.remove_prefix(inside.size() + 2);
  }
  return out;
}

}  // namespace dragonfly
