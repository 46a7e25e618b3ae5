// Load, uptime, logged-in users and processes: proc/loadavg, proc/uptime, utmp and the entries of proc.
//
// Units      seconds; numbers.
// Ownership  values.
// Threading  one object, one thread.
// Errors     fields that cannot be known stay absent.
// Limits     none.
#pragma once

#include <dirent.h>

#include <optional>
#include <string_view>

#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {

struct LoadAverage {
  double one = 0;
  double five = 0;
  double fifteen = 0;
  uint64_t running = 0;
};
std::optional<LoadAverage> parse_loadavg(std::string_view text);
std::optional<double> parse_uptime(std::string_view text);

// Bytes of one record in a utmp of that size: the C library's record has 384, or 400 where its times have 64 bits.
size_t utmp_record_bytes(size_t file_bytes);
// The process of a user's session; nullopt where the record is something else. 0 = the record does not say.
std::optional<uint32_t> parse_session(std::string_view record);

class LoadProbe {
 public:
  LoadProbe() = default;
  ~LoadProbe();
  LoadProbe(const LoadProbe&) = delete;
  LoadProbe& operator=(const LoadProbe&) = delete;
  void collect(Root& root, Row& row);

 private:
  void count_users(Root& root, Row& row);
  void count_processes(Root& root, Row& row);
  std::optional<uint64_t> links() const;
  uint64_t list_processes();

  SourceFile loadavg_{"proc/loadavg", SourceFile::Records::kOne};
  SourceFile uptime_{"proc/uptime", SourceFile::Records::kOne};
  SourceFile utmp_{"run/utmp"};
  SourceFile old_utmp_{"var/run/utmp"};
  DIR* processes_ = nullptr;
  // Listing proc costs as much as all other sources together. Its number of links is that of its own directories and
  // of all processes, where we are in the first namespace of them; so most ticks only ask for it.
  static constexpr uint32_t kListEvery = 32;
  bool links_tell_ = false;
  std::optional<uint64_t> own_links_;
  uint32_t since_listed_ = 0;
};

}  // namespace dragonfly::linux_probe
