#include "model/frame/key_file.h"

#include <algorithm>
#include <array>

#include "base/core/names.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr std::string_view kVersionWord = "dragonfly-agent-key-1";
constexpr std::array<std::string_view, 7> kColumns = {"version", "agent id", "key epoch", "agent key",
                                                      "ns",      "mcis",     "vm"};

using Cells = std::array<std::string_view, kColumns.size()>;

auto wrong(size_t line, size_t column, std::string_view allowed) {
  return fail(ErrorCode::kInvalidArgument, "key file line {}, column {} ({}): {}", line, column + 1, kColumns[column],
              allowed);
}

Result<Cells> split(std::string_view text, size_t line) {
  Cells cells;
  for (size_t column = 0; column < cells.size(); ++column) {
    const size_t tab = text.find('\t');
    const bool is_last = column + 1 == cells.size();
    if (is_last && tab != std::string_view::npos) return wrong(line, column, "more than 7 columns");
    if (!is_last && tab == std::string_view::npos)
      return wrong(line, column + 1, "is missing; 7 columns, tab-separated");
    cells[column] = text.substr(0, tab);
    text.remove_prefix(is_last ? text.size() : tab + 1);
  }
  return cells;
}

Result<AgentKey> parse_line(std::string_view text, size_t line) {
  const auto cells = split(text, line);
  if (!cells) return fail(cells.error());
  const Cells& cell = *cells;
  AgentKey out;
  if (cell[0] != kVersionWord) return wrong(line, 0, "allowed is dragonfly-agent-key-1");
  const auto agent_id = parse_number<uint64_t>(cell[1], 16);
  if (cell[1].size() != 16 || !agent_id) return wrong(line, 1, "16 hexadecimal digits");
  out.agent_id = *agent_id;
  const auto epoch = parse_number<uint8_t>(cell[2]);
  if (!epoch) return wrong(line, 2, "a number from 0 to 255");
  out.epoch = *epoch;
  Bytes key = from_hex(cell[3]);
  if (key.size() != out.key.size()) return wrong(line, 3, "64 hexadecimal digits");  // Never what is there: a secret.
  std::copy(key.begin(), key.end(), out.key.begin());
  wipe(key);
  for (size_t column = 4; column < cell.size(); ++column) {
    if (auto named = check_name(kColumns[column], cell[column]); !named)
      return wrong(line, column, named.error().message);
  }
  out.ns = cell[4];
  out.mcis = cell[5];
  out.vm = cell[6];
  return out;
}

}  // namespace

std::string format_agent_key(const AgentKey& key) {
  return fmt::format("{}\t{:016x}\t{}\t{}\t{}\t{}\t{}\n", kVersionWord, key.agent_id, key.epoch, to_hex(key.key),
                     key.ns, key.mcis, key.vm);
}

Result<std::vector<AgentKey>> parse_key_file(std::string_view text) {
  std::vector<AgentKey> out;
  for (size_t line = 1; !text.empty(); ++line) {
    const std::string_view row = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(row.size() + 1, text.size()));
    if (row.empty() || row.front() == '#') continue;
    auto key = parse_line(row, line);
    if (!key) return fail(std::move(key).error());
    out.push_back(std::move(*key));
  }
  return out;
}

}  // namespace dragonfly
