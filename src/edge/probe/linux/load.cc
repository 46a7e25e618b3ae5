#include "edge/probe/linux/load.h"

#include <sys/stat.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "edge/probe/fields.h"
#include "edge/probe/linux/text.h"

namespace dragonfly::linux_probe {
namespace {

constexpr int16_t kUserProcess = 7;
// Offsets within a record; the same in both layouts.
constexpr size_t kPidAt = 4;
constexpr size_t kUserAt = 44;
constexpr size_t kRecordBytesMin = kUserAt + 32;

constexpr size_t kRecordBytes32 = 384;
constexpr size_t kRecordBytes64 = 400;

// From the kernel's ABI: the number of the namespace that all others descend from.
constexpr std::string_view kFirstPidNamespace = "pid:[4026531836]";
constexpr uint64_t kLinksMovedMax = 2;

}  // namespace

std::optional<LoadAverage> parse_loadavg(std::string_view text) {
  std::string_view line = take_line(text);
  const auto one = parse_decimal(take_word(line));
  const auto five = parse_decimal(take_word(line));
  const auto fifteen = parse_decimal(take_word(line));
  const std::string_view tasks = take_word(line);
  const auto running = parse_u64(tasks.substr(0, tasks.find('/')));
  if (!one || !five || !fifteen || !running) return std::nullopt;
  return LoadAverage{*one, *five, *fifteen, *running};
}

std::optional<double> parse_uptime(std::string_view text) {
  std::string_view line = take_line(text);
  return parse_decimal(take_word(line));
}

size_t utmp_record_bytes(size_t file_bytes) {
  const size_t own = sizeof(struct utmp) == kRecordBytes64 ? kRecordBytes64 : kRecordBytes32;
  const size_t other = own == kRecordBytes32 ? kRecordBytes64 : kRecordBytes32;
  return file_bytes % own != 0 && file_bytes % other == 0 ? other : own;
}

std::optional<uint32_t> parse_session(std::string_view record) {
  if (record.size() < kRecordBytesMin) return std::nullopt;
  int16_t type = 0;
  int32_t pid = 0;
  std::memcpy(&type, record.data(), sizeof type);
  std::memcpy(&pid, record.data() + kPidAt, sizeof pid);
  if (type != kUserProcess || record[kUserAt] == '\0') return std::nullopt;
  return pid > 0 ? static_cast<uint32_t>(pid) : 0;
}

LoadProbe::~LoadProbe() {
  if (processes_ != nullptr) ::closedir(processes_);
}

void LoadProbe::count_users(Root& root, Row& row) {
  // var/run is often a link with an absolute target, which would lead out of a root that is not "/".
  auto text = root.read_optional(utmp_);
  if (!text) text = root.read(old_utmp_);
  if (!text) return;
  uint64_t users = 0;
  const size_t step = utmp_record_bytes(text->size());
  for (size_t at = 0; at + step <= text->size(); at += step) {
    const auto pid = parse_session(text->substr(at, step));
    if (!pid) continue;
    // A session that did not end in order leaves its record behind.
    char path[32];
    std::snprintf(path, sizeof path, "proc/%u", *pid);
    if (*pid == 0 || root.exists(path)) ++users;
  }
  set(row, cpu_field::kUserNum, users);
}

void LoadProbe::count_processes(Root& root, Row& row) {
  if (processes_ == nullptr) {
    const int fd = root.open_directory("proc");
    if (fd >= 0) processes_ = ::fdopendir(fd);
    if (processes_ == nullptr) {
      if (fd >= 0) ::close(fd);
      ++root.stats.missing;
      return;
    }
    links_tell_ = root.link_name("proc/self/ns/pid") == kFirstPidNamespace;
  }
  const std::optional<uint64_t> before = links();
  if (links_tell_ && own_links_ && before && *before > *own_links_ && ++since_listed_ < kListEvery) {
    set(row, cpu_field::kProcNum, *before - *own_links_);
    return;
  }
  since_listed_ = 0;
  const uint64_t processes = list_processes();
  // Where proc is mounted, at least this process is there.
  if (processes > 0) set(row, cpu_field::kProcNum, processes);
  if (!links_tell_ || !before || before != links()) return;
  const uint64_t own = *before > processes ? *before - processes : 0;
  // A module adds a directory now and then; where it is more, links are something else here.
  const uint64_t moved = own_links_ ? std::max(own, *own_links_) - std::min(own, *own_links_) : 0;
  links_tell_ = own > 0 && moved <= kLinksMovedMax;
  own_links_ = own;
}

std::optional<uint64_t> LoadProbe::links() const {
  struct stat info {};
  if (::fstat(::dirfd(processes_), &info) != 0) return std::nullopt;
  return info.st_nlink;
}

uint64_t LoadProbe::list_processes() {
  ::rewinddir(processes_);
  uint64_t out = 0;
  while (const dirent* entry = ::readdir(processes_)) {
    if (is_digit(entry->d_name[0]) && parse_u64(entry->d_name)) ++out;
  }
  return out;
}

void LoadProbe::collect(Root& root, Row& row) {
  if (const auto text = root.read(loadavg_)) {
    if (const auto load = parse_loadavg(*text)) {
      set(row, cpu_field::kLoad1, load->one);
      set(row, cpu_field::kLoad5, load->five);
      set(row, cpu_field::kLoad15, load->fifteen);
      set(row, cpu_field::kProcRun, load->running);
    } else {
      ++root.stats.malformed;
    }
  }
  if (const auto text = root.read(uptime_)) {
    if (const auto uptime = parse_uptime(*text)) {
      set(row, cpu_field::kUptime, *uptime);
    } else {
      ++root.stats.malformed;
    }
  }
  count_users(root, row);
  count_processes(root, row);
}

}  // namespace dragonfly::linux_probe
