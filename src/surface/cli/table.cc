#include "surface/cli/table.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/core/assert.h"
#include "base/core/names.h"

namespace dragonfly {
namespace {

struct Range {
  uint32_t first;
  uint32_t last;
};
// Of the Unicode data: what terminals show in two columns, and what they show in none.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
                           {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
                           {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                           {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
constexpr Range kNone[] = {{0x0300, 0x036f}, {0x0483, 0x0489},  {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
                           {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},  {0x1160, 0x11ff}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                           {0x200b, 0x200d}, {0x20d0, 0x20ff},  {0x302a, 0x302d}, {0x3099, 0x309a}, {0xfe00, 0xfe0f},
                           {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
// Controls, ends of lines, and changes of the direction in which text runs.
constexpr Range kSteering[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},
                               {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}};

template <size_t n>
bool contains(const Range (&ranges)[n], uint32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges), [&](Range r) { return r.first <= c && c <= r.last; });
}

struct Character {
  std::string_view shown = "?";  // In place of what is not printable.
  size_t width = 1;
};

// Takes the first character off `text`, which is not empty; of what is not well-formed, one byte.
Character take_character(std::string_view& text) {
  const size_t length = utf8_length(text);
  const std::string_view bytes = text.substr(0, std::max<size_t>(length, 1));
  text.remove_prefix(bytes.size());
  if (length == 0) return {};
  static constexpr uint8_t kFirstMask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t code = static_cast<uint8_t>(bytes[0]) & kFirstMask[length];
  for (const char c : bytes.substr(1)) code = code << 6 | (static_cast<uint8_t>(c) & 0x3f);
  if (contains(kSteering, code)) return {};
  return {bytes, contains(kNone, code) ? size_t{0} : contains(kWide, code) ? size_t{2} : size_t{1}};
}

bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && ec == std::errc() && end == text.data() + text.size();
}

std::string csv_cell(std::string_view text) {
  std::string cell(text);
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos && !is_number(text)) {
    cell.insert(0, 1, '\'');
  }
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string out = "\"";
  for (const char c : cell) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) out += take_character(text).shown;
  return out;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) width += take_character(text).width;
  return width;
}

std::string cut_to_width(std::string_view text, size_t width) {
  if (display_width(text) <= width) return printable(text);
  if (width == 0) return {};
  std::string out;
  size_t used = 0;
  while (true) {  // Ends, for the text is wider than `width`.
    const Character c = take_character(text);
    if (used + c.width > width - 1) return out + "…";
    used += c.width;
    out += c.shown;
  }
}

void Table::add(std::vector<std::string> cells) {
  DF_ASSERT(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(const TableStyle& style) const {
  constexpr size_t kGap = 2;
  constexpr size_t kWidthMin = 4;
  std::vector<size_t> widths;
  size_t total = (columns_.size() - 1) * kGap;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
    total += width;
  }
  for (size_t i = columns_.size(); i-- > 0 && style.width > 0 && total > style.width;) {
    const size_t spare = widths[i] > kWidthMin ? std::min(widths[i] - kWidthMin, total - style.width) : 0;
    widths[i] -= spare;
    total -= spare;
  }
  std::string out;
  const auto line = [&](auto&& cell_of, bool bold) {
    std::string text;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cut_to_width(cell_of(i), widths[i]);
      const std::string padding(widths[i] - std::min(widths[i], display_width(cell)), ' ');
      if (i > 0) text.append(kGap, ' ');
      text += columns_[i].align == Align::kRight ? padding + cell : cell + padding;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += bold ? "\x1b[1m" + text + "\x1b[0m\n" : text + '\n';
  };
  line([&](size_t i) { return columns_[i].title; }, style.colours);
  for (const auto& row : rows_) line([&](size_t i) { return row[i]; }, false);
  return out;
}

std::string Table::csv() const {
  std::string out;
  for (size_t i = 0; i < columns_.size(); ++i) {
    std::string title = columns_[i].title;
    for (char& c : title) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    out.append(i > 0 ? "," : "").append(csv_cell(title));
  }
  out += "\r\n";
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) out.append(i > 0 ? "," : "").append(csv_cell(row[i]));
    out += "\r\n";
  }
  return out;
}

}  // namespace dragonfly
