#include "online_backup.h"

#include <algorithm>

#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;

bool is_name_byte(char c, bool first) {
  const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return word || (!first && (c == '.' || c == '_' || c == '-'));
}

Result<> check_backup_name(std::string_view name) {
  bool good = !name.empty() && name.size() <= kBackupNameBytesMax && is_part_of_backup(name);
  for (size_t i = 0; i < name.size(); ++i) good = good && is_name_byte(name[i], i == 0);
  if (good) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      "parameter 'name': '{}' is not a name of a backup; allowed are 1 to {} letters, digits, '.', '_' and '-', "
      "the first a letter or digit, not ending in .part or .tmp",
      name.substr(0, 100), kBackupNameBytesMax);
}

// "20260131T071000Z"
std::string name_of_time(Timestamp now) {
  std::string out = format_rfc3339(from_unix_ms(unix_ms(now) / 1000 * 1000));
  std::erase_if(out, [](char c) { return c == '-' || c == ':'; });
  return out;
}

// Everything below `from` that is a file. One that leaves meanwhile is not missed.
Result<> copy_tree(const Path& from, const Path& to, const std::stop_token& stop) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    if (stop.stop_requested()) return fail(ErrorCode::kUnavailable, "the server stops");
    if (!at->is_regular_file() || !is_part_of_backup(at->path().filename().string())) continue;
    const auto copied = copy_backup_file(at->path(), to / at->path().lexically_relative(from), false);
    if (!copied && copied.error().code != ErrorCode::kNotFound) return fail(copied.error());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(ErrorCode::kIo, "cannot list {}: {}", from.string(), error.message());
  return {};
}

}  // namespace

Result<BackupStatus> OnlineBackup::start(std::string name) {
  if (name.empty()) name = name_of_time(parts_.clock.wall());
  DF_TRY(check_backup_name(name));
  const auto all = names();
  if (!all) return fail(all.error());
  const std::lock_guard lock(mutex_);
  if (status_.state == BackupStatus::State::kRunning)
    return fail(ErrorCode::kConflict, "backup '{}' is being made; one at a time", status_.name);
  if (std::ranges::find(*all, name) != all->end())
    return fail(ErrorCode::kAlreadyExists, "parameter 'name': a backup '{}' is there already", name);
  if (all->size() >= kBackupsMax)
    return fail(ErrorCode::kConflict, "{} backups lie in {}, which is the limit; move some away", kBackupsMax,
                parts_.directory.string());
  status_ = {BackupStatus::State::kRunning, name, parts_.directory.string(), 0, 0, {}};
  thread_ = std::jthread([this, name](const std::stop_token& stop) {
    name_this_thread("backup");
    const auto made = make(stop, name);
    const std::lock_guard done(mutex_);
    status_.state = made ? BackupStatus::State::kDone : BackupStatus::State::kFailed;
    if (made) {
      made_.add();
      last_made_s_.set(unix_ms(parts_.clock.wall()) / 1000);
      log_info("backup", "'{}' is made, {} bytes", name, status_.bytes_total);
    } else {
      failed_.add();
      status_.message = made.error().message;
      log_error("backup", "'{}' failed: {}", name, made.error().message);
    }
  });
  return status_;
}

BackupStatus OnlineBackup::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

Result<std::vector<std::string>> OnlineBackup::names() const {
  auto all = system_files().list(parts_.directory);
  if (!all && all.error().code == ErrorCode::kNotFound) return std::vector<std::string>{};
  if (!all) return all;
  std::erase_if(*all, [this](const std::string& name) {
    std::error_code error;
    return !check_backup_name(name) || !fs::exists(parts_.directory / name / kManifestName, error);
  });
  return all;
}

Result<> OnlineBackup::make(const std::stop_token& stop, const std::string& name) {
  const Path part = parts_.directory / (name + ".part");
  std::error_code error;
  DF_TRY(system_files().make_directories(parts_.directory));
  fs::remove_all(part, error);  // Of one that was killed.
  DF_TRY(system_files().make_directories(part));
  auto done = copy(stop, part);
  if (done) {
    const auto finished = finish_backup(system_files(), part, parts_.directory / name, parts_.clock.wall(), DF_VERSION,
                                        [&](uint64_t bytes, uint64_t total) {
                                          const std::lock_guard lock(mutex_);
                                          status_.bytes_done = bytes;
                                          status_.bytes_total = total;
                                        });
    if (!finished) done = fail(finished.error());
  }
  if (!done) fs::remove_all(part, error);
  return done;
}

Result<> OnlineBackup::copy(const std::stop_token& stop, const Path& part) {
  const auto held = parts_.checkpointer.hold();
  DF_TRY(parts_.store.copy_to(part / "store"));
  DF_TRY(copy_tree(parts_.data / "log", part / "log", stop));
  const auto names = system_files().list(parts_.data);
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    std::error_code error;
    const Path from = parts_.data / name;
    if (name == "store" || name == "log" || !is_part_of_backup(name) || fs::equivalent(from, parts_.directory, error))
      continue;
    // What was set aside as damaged is for people to look at, here.
    if (name.starts_with("store.damaged")) continue;
    if (fs::is_directory(from, error)) {
      DF_TRY(copy_tree(from, part / name, stop));
    } else {
      DF_TRY(copy_backup_file(from, part / name, false));
    }
  }
  return {};
}

void OnlineBackup::write_metrics(MetricsText& text) const {
  text.counter("dragonfly_backups_made_total", "Backups made.", made_);
  text.counter("dragonfly_backups_failed_total", "Backups that failed.", failed_);
  text.gauge("dragonfly_backup_last_made_timestamp_seconds",
             "When the newest backup was made; 0: none since the start.", static_cast<double>(last_made_s_.value()));
}

}  // namespace dragonfly
