#include "store/log/log_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace dragonfly {
namespace {

constexpr uint64_t kSegmentReadMax = uint64_t{1} << 30;

// `next`: where the segment behind this one begins.
void check_segment(ByteView file, LogPosition base, std::optional<LogPosition> next, LogCheck& out) {
  const std::string name = segment_name(base);
  const SegmentHeader header = check_segment_header(file, base);
  if (header == SegmentHeader::kForeign) {
    out.damage.push_back(name + ": of a later version, not read");
    return;
  }
  if (header == SegmentHeader::kDamaged)
    out.damage.push_back(name + ": its header is damaged; its records can be read all the same");
  ByteView content = file.subspan(std::min(kSegmentHeaderBytes, file.size()));
  const uint64_t span = next ? offset_of(*next) - offset_of(base) : content.size();
  content = content.first(std::min<uint64_t>(content.size(), span));
  const auto summary = read_segment(content, base, !next, [](const LogRecordReader::Record&, LogPosition) {});
  out.records += summary.records;
  out.torn_bytes += summary.torn_bytes;
  if (summary.damaged_bytes > 0)
    out.damage.push_back(fmt::format("{}: {} bytes are damaged and lost", name, summary.damaged_bytes));
  if (content.size() < span)
    out.damage.push_back(fmt::format("{}: {} bytes are missing at its end", name, span - content.size()));
}

}  // namespace

Result<LogCheck> check_log(FileSystem& files, const Path& directory, LogPosition from) {
  LogCheck out;
  const auto names = files.list(directory);
  if (!names && names.error().code == ErrorCode::kNotFound) return out;
  if (!names) return fail(names.error());
  std::vector<LogPosition> bases;
  for (const std::string& name : *names)  // Sorted by name, which is by position.
    if (const auto base = parse_segment_name(name)) bases.push_back(*base);
  if (!bases.empty() && bases.front() > from)
    out.damage.push_back(fmt::format("{}: {} bytes before it are missing; the store needs the log from {} on",
                                     segment_name(bases.front()), offset_of(bases.front()) - offset_of(from),
                                     offset_of(from)));
  for (size_t i = 0; i < bases.size(); ++i) {
    const auto next = i + 1 < bases.size() ? std::optional(bases[i + 1]) : std::nullopt;
    ++out.segments;
    const auto file = files.read_file(directory / segment_name(bases[i]), kSegmentReadMax);
    if (file) out.bytes += file->size();
    if (next && *next <= from) continue;  // Nobody needs it any more.
    if (!file) {
      out.damage.push_back("not read: " + file.error().message);
    } else {
      check_segment(*file, bases[i], next, out);
    }
  }
  return out;
}

}  // namespace dragonfly
