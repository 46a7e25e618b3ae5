#include "model/frame/key_file.h"

#include <algorithm>
#include <array>

#include "base/core/names.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr std::string_view kVersionWord = "dragonfly-agent-key-1";
constexpr std::string_view kEnrolmentWord = "dragonfly-agent-enrolment-1";
constexpr std::array<std::string_view, 7> kColumns = {"version", "agent id", "key epoch", "agent key",
                                                      "ns",      "mcis",     "vm"};
constexpr std::array<std::string_view, 8> kEnrolmentColumns = {"version", "agent id", "udp",      "url",
                                                               "machine", "firmware", "instance", "authorities"};
constexpr size_t kAddressBytesMax = 300;

// A line cut into its columns, and what is said of a wrong one.
template <size_t N>
class Line {
 public:
  Line(const std::array<std::string_view, N>& names, size_t number) : names_(names), number_(number) {}
  Result<> split(std::string_view text) {
    for (size_t column = 0; column < N; ++column) {
      const size_t tab = text.find('\t');
      const bool is_last = column + 1 == N;
      if (is_last && tab != std::string_view::npos) return wrong(column, fmt::format("more than {} columns", N));
      if (!is_last && tab == std::string_view::npos)
        return wrong(column + 1, fmt::format("is missing; {} columns, tab-separated", N));
      cells[column] = text.substr(0, tab);
      text.remove_prefix(is_last ? text.size() : tab + 1);
    }
    return {};
  }
  tl::unexpected<Error> wrong(size_t column, std::string_view allowed) const {
    return fail(ErrorCode::kInvalidArgument, "key file line {}, column {} ({}): {}", number_, column + 1,
                names_[column], allowed);
  }
  std::array<std::string_view, N> cells;

 private:
  const std::array<std::string_view, N>& names_;
  const size_t number_;
};

Result<AgentKey> parse_line(std::string_view text, size_t number) {
  Line line(kColumns, number);
  DF_TRY(line.split(text));
  const auto& cell = line.cells;
  AgentKey out;
  if (cell[0] != kVersionWord) return line.wrong(0, "allowed is dragonfly-agent-key-1");
  const auto agent_id = parse_number<uint64_t>(cell[1], 16);
  if (cell[1].size() != 16 || !agent_id) return line.wrong(1, "16 hexadecimal digits");
  out.agent_id = *agent_id;
  const auto epoch = parse_number<uint8_t>(cell[2]);
  if (!epoch) return line.wrong(2, "a number from 0 to 255");
  out.epoch = *epoch;
  Bytes key = from_hex(cell[3]);
  if (key.size() != out.key.size()) return line.wrong(3, "64 hexadecimal digits");  // Never what is there: a secret.
  std::copy(key.begin(), key.end(), out.key.begin());
  wipe(key);
  for (size_t column = 4; column < cell.size(); ++column) {
    if (auto named = check_name(kColumns[column], cell[column]); !named)
      return line.wrong(column, named.error().message);
  }
  out.ns = cell[4];
  out.mcis = cell[5];
  out.vm = cell[6];
  return out;
}

// "-", or hexadecimal certificates with a comma between.
Result<std::vector<Bytes>> parse_authorities(std::string_view text, const Line<8>& line) {
  std::vector<Bytes> out;
  if (text == "-") return out;
  while (true) {
    const std::string_view one = text.substr(0, text.find(','));
    Bytes certificate = from_hex(one);
    if (certificate.empty() || certificate.size() > kAuthorityBytesMax || out.size() == kEnrolmentAuthoritiesMax) {
      return line.wrong(7, fmt::format("1 to {} certificates in hexadecimal digits", kEnrolmentAuthoritiesMax));
    }
    out.push_back(std::move(certificate));
    if (one.size() == text.size()) return out;
    text.remove_prefix(one.size() + 1);
  }
}

// The second line of a key.
Result<AgentEnrolment> parse_enrolment(std::string_view text, size_t number, const AgentKey* key) {
  Line line(kEnrolmentColumns, number);
  DF_TRY(line.split(text));
  const auto& cell = line.cells;
  const auto agent_id = parse_number<uint64_t>(cell[1], 16);
  if (key == nullptr || !agent_id || *agent_id != key->agent_id || key->enrolment) {
    return line.wrong(1, "the agent of the line before, once");
  }
  AgentEnrolment out;
  for (const size_t column : {2, 3}) {
    const bool good = check_name("", cell[column]) && cell[column].size() <= kAddressBytesMax;
    if (!good) return line.wrong(column, "an address of at most 300 bytes");
  }
  out.udp = cell[2];
  out.url = cell[3];
  size_t column = 4;
  for (std::string* mark : {&out.machine.machine, &out.machine.firmware, &out.machine.instance}) {
    const auto parsed = parse_machine_mark(cell[column]);
    if (!parsed) return line.wrong(column, "16 hexadecimal digits, or -");
    *mark = *parsed;
    ++column;
  }
  auto authorities = parse_authorities(cell[7], line);
  if (!authorities) return fail(authorities.error());
  out.authorities = std::move(*authorities);
  return out;
}

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }

std::string format_enrolment(uint64_t agent_id, const AgentEnrolment& enrolment) {
  std::string authorities;
  for (const Bytes& one : enrolment.authorities) authorities += (authorities.empty() ? "" : ",") + to_hex(one);
  return fmt::format("{}\t{:016x}\t{}\t{}\t{}\t{}\t{}\t{}\n", kEnrolmentWord, agent_id, enrolment.udp, enrolment.url,
                     or_dash(enrolment.machine.machine), or_dash(enrolment.machine.firmware),
                     or_dash(enrolment.machine.instance), or_dash(authorities));
}

}  // namespace

std::string format_agent_key(const AgentKey& key) {
  std::string out = fmt::format("{}\t{:016x}\t{}\t{}\t{}\t{}\t{}\n", kVersionWord, key.agent_id, key.epoch,
                                to_hex(key.key), key.ns, key.mcis, key.vm);
  if (key.enrolment) out += format_enrolment(key.agent_id, *key.enrolment);
  return out;
}

Result<std::vector<AgentKey>> parse_key_file(std::string_view text) {
  std::vector<AgentKey> out;
  for (size_t line = 1; !text.empty(); ++line) {
    const std::string_view row = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(row.size() + 1, text.size()));
    if (row.empty() || row.front() == '#') continue;
    if (row.starts_with(kEnrolmentWord)) {
      auto enrolment = parse_enrolment(row, line, out.empty() ? nullptr : &out.back());
      if (!enrolment) return fail(std::move(enrolment).error());
      out.back().enrolment = std::move(*enrolment);
      continue;
    }
    auto key = parse_line(row, line);
    if (!key) return fail(std::move(key).error());
    out.push_back(std::move(*key));
  }
  return out;
}

}  // namespace dragonfly
