// PushedSettings: what the server told this agent to do, applied to its options and kept over restarts
// (docs/formats/settings.md).
//
// A setting that the command line gives stays as it is there ("pinned"); one that is not allowed changes nothing and is
// not kept. What this release does not know is kept, so that a later one finds it.
//
// Units      as options.h.
// Ownership  borrows the file system, which outlives it.
// Threading  one thread.
// Errors     load() and take() tell trouble with the file in the log: the settings are in force all the same.
// Limits     kAckItemsMax settings; a file has at most kSettingsFileBytesMax bytes.
#pragma once

#include <string>

#include "base/core/bytes.h"
#include "base/fs/file.h"
#include "edge/agent/options.h"
#include "model/frame/frame.h"

namespace dragonfly {

inline constexpr size_t kSettingsFileBytesMax = 8 * 1024;

// The file: "DFST" · u32 version = 1 · AgentSettings · u32 CRC32C of all before.
void encode_settings_file(const AgentSettings& settings, Bytes& out);
// kCorruption, kUnsupported.
Result<AgentSettings> decode_settings_file(ByteView bytes);

class PushedSettings {
 public:
  // `path`: where they are kept; empty: nowhere.
  PushedSettings(FileSystem& files, Path path) : files_(files), path_(std::move(path)) {}

  // What was told before this start, into `options`.
  void load(AgentOptions& options);
  // What is told now, into `options`; returns what the server shall know.
  ReportBody take(const AgentSettings& told, AgentOptions& options);

  // The server's word on a setting; empty where it gave none that is allowed.
  std::string_view value(std::string_view key) const;
  // What was refused last, for people; empty: nothing since the last settings that were allowed as a whole.
  const std::string& refused() const { return refused_; }
  uint64_t version() const { return kept_.version; }

 private:
  SettingOutcome apply(const std::string& key, const std::string& value, AgentOptions& options);
  void keep(const std::string& key, const std::string& value);
  void save();

  FileSystem& files_;
  const Path path_;
  AgentSettings kept_;
  ReportBody reported_;
  std::string refused_;
};

}  // namespace dragonfly
