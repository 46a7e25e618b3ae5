// A line of columns between tabs that ends in a checksum: what the server's own lists are written in, so that people can
// read them and a cut or damaged line costs only itself.
//
//   line := column (TAB column)* TAB checksum LF        checksum: CRC-32C of all before its tab, 8 hexadecimal digits
//
// Units      none.
// Ownership  parsed columns lie in the text.
// Threading  pure.
// Errors     nullopt: cut, damaged, or with control characters, which are never written.
// Limits     none; control characters in a column are written as spaces.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dragonfly {

// With its line feed.
std::string format_checked_line(std::span<const std::string_view> columns);
// Without its line feed. At least one column, which may be empty.
std::optional<std::vector<std::string_view>> parse_checked_line(std::string_view line);

// The lines of `text`, without their line feeds; the last one may lack it.
std::vector<std::string_view> lines_of(std::string_view text);

}  // namespace dragonfly
