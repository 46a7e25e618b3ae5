#include "base/core/checked_line.h"

#include <algorithm>

#include "base/core/bytes.h"
#include "base/core/crc32c.h"
#include "base/core/number.h"
#include "base/core/result.h"

namespace dragonfly {
namespace {

constexpr size_t kChecksumDigits = 8;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (size_t end; (end = text.find(separator)) != std::string_view::npos; text.remove_prefix(end + 1))
    out.push_back(text.substr(0, end));
  out.push_back(text);
  return out;
}

}  // namespace

std::string format_checked_line(std::span<const std::string_view> columns) {
  std::string line;
  for (const std::string_view text : columns) {
    std::string column(text);
    std::replace_if(column.begin(), column.end(), is_control, ' ');
    line += column;
    line += '\t';
  }
  if (!line.empty()) line.pop_back();
  return fmt::format("{}\t{:08x}\n", line, crc32c(as_bytes(line)));
}

std::optional<std::vector<std::string_view>> parse_checked_line(std::string_view line) {
  const size_t last_tab = line.rfind('\t');
  if (last_tab == std::string_view::npos || line.size() - last_tab - 1 != kChecksumDigits) return std::nullopt;
  const auto checksum = parse_number<uint32_t>(line.substr(last_tab + 1), 16);
  line = line.substr(0, last_tab);
  if (checksum != crc32c(as_bytes(line))) return std::nullopt;
  // Never written, so that what is read has one spelling.
  if (std::any_of(line.begin(), line.end(), [](char c) { return is_control(c) && c != '\t'; })) return std::nullopt;
  return split(line, '\t');
}

std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.empty()) return {};
  if (text.ends_with('\n')) text.remove_suffix(1);
  return split(text, '\n');
}

}  // namespace dragonfly
