// Table: rows of texts for a terminal (aligned by display width, cut to the terminal's) or as CSV.
//
// Units      columns of the terminal.
// Ownership  owns its cells.
// Threading  one object, one thread.
// Errors     none. Control characters of cells become '?', so that no server's text can steer the terminal.
// Limits     none; a cell is cut only where the table would be wider than the terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dragonfly {

// With '?' for what is not well-formed and for what would steer a terminal: control characters, changes of direction.
std::string printable(std::string_view text);
// Columns that a terminal needs for its printable form: 2 for wide characters, 0 for combining ones.
size_t display_width(std::string_view text);
// At most `width` columns of its printable form; ends with "…" where it was cut.
std::string cut_to_width(std::string_view text, size_t width);

struct TableStyle {
  size_t width = 0;  // Of the terminal; 0 = no end.
  bool colours = false;
};

class Table {
 public:
  enum class Align : unsigned char { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);
  // The last column is cut where the table is too wide, then those before it.
  std::string text(const TableStyle& style) const;
  // With a line of titles in lower case; RFC 4180. Texts that a spreadsheet would take for a formula get a "'".
  std::string csv() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace dragonfly
