#include "store/backup/manifest.h"

#include <optional>

#include "base/core/crc32c.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr std::string_view kHead = "cb-dragonfly backup ";
constexpr std::string_view kVersion = "1";

// Cuts the text up to `end` off; nullopt where there is no `end`.
std::optional<std::string_view> take_until(std::string_view& text, char end) {
  const size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

// A relative path of plain names: nothing that is empty, "." or "..".
bool is_plain_path(std::string_view path) {
  if (path.empty() || path.size() > 4096) return false;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    for (const char c : name) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    }
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::optional<BackupFile> parse_file(std::string_view line) {
  const auto crc_text = take_until(line, ' ');
  const auto bytes_text = take_until(line, ' ');
  if (!crc_text || crc_text->size() != 8 || !bytes_text || !is_plain_path(line)) return std::nullopt;
  BackupFile file;
  const auto crc32c = parse_number<decltype(file.crc32c)>(*crc_text, 16);
  const auto bytes = parse_number<decltype(file.bytes)>(*bytes_text);
  if (!crc32c || !bytes) return std::nullopt;
  file.crc32c = *crc32c;
  file.bytes = *bytes;
  file.path = line;
  return file;
}

}  // namespace

uint64_t BackupManifest::bytes() const {
  uint64_t sum = 0;
  for (const BackupFile& file : files) sum += file.bytes;
  return sum;
}

std::string BackupManifest::encode() const {
  std::string out = fmt::format("{}{}\ncreated {}\nby {}\n", kHead, kVersion, format_rfc3339(created), version);
  for (const BackupFile& file : files) out += fmt::format("file {:08x} {} {}\n", file.crc32c, file.bytes, file.path);
  out += fmt::format("end {:08x}\n", crc32c(as_bytes(out)));
  return out;
}

Result<BackupManifest> BackupManifest::decode(std::string_view text) {
  if (text.size() > kManifestBytesMax)
    return fail(ErrorCode::kCorruption, "the manifest has more than {} bytes", kManifestBytesMax);
  const std::string_view whole = text;
  BackupManifest out;
  size_t number = 0;
  bool ended = false;
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::kCorruption, "line {} of the manifest: {}", number, what);
  };
  while (!text.empty()) {
    ++number;
    const auto begin = static_cast<size_t>(text.data() - whole.data());
    const auto line = take_until(text, '\n');
    if (!line) return wrong("it is cut");
    if (ended) return wrong("nothing follows the end");
    if (number == 1) {
      if (!line->starts_with(kHead)) return wrong("this is no backup");
      if (line->substr(kHead.size()) != kVersion)
        return fail(ErrorCode::kUnsupported, "the backup has format '{}'; this program reads {}",
                    line->substr(kHead.size(), 20), kVersion);
    } else if (number == 2 && line->starts_with("created ")) {
      const auto created = parse_rfc3339(line->substr(8));
      if (!created) return wrong("its time is none");
      out.created = *created;
    } else if (number == 3 && line->starts_with("by ")) {
      out.version = line->substr(3);
    } else if (number > 3 && line->starts_with("file ")) {
      auto file = parse_file(line->substr(5));
      if (!file) return wrong("a file is named by checksum, bytes and a relative path");
      if (!out.files.empty() && out.files.back().path >= file->path)
        return wrong("files are in the order of their paths, each once");
      if (out.files.size() == kManifestFilesMax) return wrong("too many files");
      out.files.push_back(std::move(*file));
    } else if (number > 3 && line->starts_with("end ")) {
      if (line->substr(4) != fmt::format("{:08x}", crc32c(as_bytes(whole.substr(0, begin)))))
        return wrong("its checksum does not match: the manifest is damaged");
      ended = true;
    } else {
      return wrong("it is not understood");
    }
  }
  if (!ended) return fail(ErrorCode::kCorruption, "the manifest is cut: it has no end");
  return out;
}

}  // namespace dragonfly
