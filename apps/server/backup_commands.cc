// `cb-dragonfly backup` and `restore`.
#include <boost/json.hpp>
#include <future>

#include "base/rt/clock.h"
#include "data_commands.h"
#include "data_directory.h"
#include "local_server.h"
#include "progress.h"
#include "store/backup/backup.h"

namespace dragonfly {
namespace {

constexpr Duration kAskInterval = 200ms;

Result<> must_be_free(const Path& target) {
  std::error_code error;
  if (std::filesystem::exists(target, error) && !std::filesystem::is_empty(target, error))
    return fail(ErrorCode::kAlreadyExists, "--to {}: it is there already and not empty; name another", target.string());
  return {};
}

// No server uses the data.
Result<> back_up_offline(const Path& data, const Path& target) {
  const Path part = target.string() + ".part";
  std::error_code error;
  std::filesystem::remove_all(part, error);
  DF_TRY(system_files().make_directories(part));
  const auto copy = [&]() -> Result<> {
    Progress copying("copying  ");
    DF_TRY(copy_data_directory(data, part, [&](uint64_t done, uint64_t total) { copying.show(done, total); }));
    Progress finishing("verifying");
    const auto made = finish_backup(system_files(), part, target, SystemClock().wall(), DF_VERSION,
                                    [&](uint64_t done, uint64_t total) { finishing.show(done, total); });
    if (!made) return fail(made.error());
    return {};
  };
  auto done = copy();
  if (!done) std::filesystem::remove_all(part, error);
  return done;
}

Result<boost::json::object> parse_status(const Result<std::string>& answer) {
  if (!answer) return fail(answer.error());
  boost::json::error_code error;
  auto value = boost::json::parse(*answer, error);
  if (error || !value.is_object()) return fail(ErrorCode::kCorruption, "the server's answer is not understood");
  return std::move(value.as_object());
}

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

uint64_t number_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<uint64_t>() : 0;
}

// The server makes it below a directory of its own; from there it is moved.
Result<> back_up_online(const Path& data, const Path& target) {
  auto server = LocalServer::find(data);
  if (!server) return fail(server.error());
  auto status = parse_status(server->post("/api/v1/backup", ""));
  if (!status) return fail(status.error());
  const std::string name = text_of(*status, "name");
  {
    Progress progress("backup   ");
    while (status && text_of(*status, "state") == "running" && text_of(*status, "name") == name) {
      std::promise<void> pause;
      (void)pause.get_future().wait_for(kAskInterval);
      status = parse_status(server->get("/api/v1/backup"));
      if (status) progress.show(number_of(*status, "bytes_done"), number_of(*status, "bytes_total"));
    }
  }
  if (!status) return fail(status.error());
  if (text_of(*status, "state") != "done" || text_of(*status, "name") != name)
    return fail(ErrorCode::kIo, "the server could not make the backup: {}", text_of(*status, "message"));
  Progress moving("moving   ");
  return move_backup(system_files(), Path(text_of(*status, "directory")) / name, target,
                     [&](uint64_t done, uint64_t total) { moving.show(done, total); });
}

}  // namespace

int run_backup(const ServerOptions& options) {
  const Path data = std::filesystem::absolute(options.settings.data_dir);
  const Path target = std::filesystem::absolute(options.data_command->to);
  const auto back_up = [&]() -> Result<> {
    DF_TRY(must_be_free(target));
    const auto lock = lock_data(data);
    if (lock) return back_up_offline(data, target);
    if (lock.error().code != ErrorCode::kUnavailable) return fail(lock.error());
    return back_up_online(data, target);
  };
  if (const auto done = back_up(); !done) return report_failure("backup", done.error());
  const auto manifest = read_manifest(system_files(), target);
  if (!manifest) return report_failure("backup", manifest.error());
  fmt::print("backup of {} in {}: {} files, {} bytes\n", data.string(), target.string(), manifest->files.size(),
             manifest->bytes());
  return 0;
}

int run_restore(const ServerOptions& options) {
  const Path data = std::filesystem::absolute(options.settings.data_dir);
  const Path from = std::filesystem::absolute(options.data_command->from);
  Progress progress("restore  ");
  const auto manifest =
      restore_backup(system_files(), from, data, [&](uint64_t done, uint64_t total) { progress.show(done, total); });
  if (!manifest) return report_failure("restore", manifest.error());
  fmt::print("{} restored: {} files, {} bytes as of {}\n", data.string(), manifest->files.size(), manifest->bytes(),
             format_rfc3339(manifest->created));
  return 0;
}

}  // namespace dragonfly
