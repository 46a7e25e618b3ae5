#include "data_directory.h"

namespace dragonfly {

Result<DirectoryLock> lock_data(const Path& data) {
  std::error_code error;
  if (!std::filesystem::is_directory(data, error))
    return fail(ErrorCode::kNotFound, "there is no data directory {}; --data-dir names it", data.string());
  auto lock = DirectoryLock::acquire(data);
  if (lock || lock.error().code != ErrorCode::kUnavailable) return lock;
  const auto http = listening_http(data);
  return fail(ErrorCode::kUnavailable, "{}{}", lock.error().message,
              http ? fmt::format(", a server that listens at {}", *http) : std::string());
}

std::optional<std::string> listening_http(const Path& data) {
  const auto file = system_files().read_file(data / kListeningName, 4096);
  if (!file) return std::nullopt;
  const std::string_view text = as_text(*file);
  constexpr std::string_view kKey = " http=";
  const size_t at = text.find(kKey);
  if (at == text.npos) return std::nullopt;
  const std::string_view rest = text.substr(at + kKey.size());
  return std::string(rest.substr(0, rest.find_first_of(" \n")));
}

bool listens_with_tls(const Path& data) {
  const auto file = system_files().read_file(data / kListeningName, 4096);
  return file && as_text(*file).find("\ntls:") != std::string_view::npos;
}

}  // namespace dragonfly
