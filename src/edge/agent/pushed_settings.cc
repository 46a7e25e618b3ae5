#include "edge/agent/pushed_settings.h"

#include <algorithm>

#include "base/core/crc32c.h"
#include "edge/agent/identity.h"

namespace dragonfly {
namespace {

constexpr std::string_view kModule = "agent";
constexpr uint32_t kMagic = 'D' | 'F' << 8 | 'S' << 16 | 'T' << 24;
constexpr uint32_t kVersion = 1;

}  // namespace

void encode_settings_file(const AgentSettings& settings, Bytes& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.u32(kMagic);
  writer.u32(kVersion);
  settings.encode(writer);
  writer.u32(crc32c(ByteView(out).subspan(start)));
}

Result<AgentSettings> decode_settings_file(ByteView bytes) {
  if (bytes.size() < 12) return fail(ErrorCode::kCorruption, "settings: {} bytes are too few", bytes.size());
  const ByteView body = bytes.first(bytes.size() - 4);
  ByteReader end(bytes.subspan(body.size()));
  if (end.u32() != crc32c(body)) return fail(ErrorCode::kCorruption, "settings: the checksum is wrong");
  ByteReader in(body);
  if (in.u32() != kMagic) return fail(ErrorCode::kCorruption, "settings: it does not begin with DFST");
  if (const uint32_t version = in.u32(); version != kVersion)
    return fail(ErrorCode::kUnsupported, "settings: version {}; known is {}", version, kVersion);
  auto settings = AgentSettings::decode(in);
  if (settings && !in.done()) return fail(ErrorCode::kCorruption, "settings: too long");
  return settings;
}

void PushedSettings::load(AgentOptions& options) {
  if (path_.empty()) return;
  const auto bytes = files_.read_file(path_, kSettingsFileBytesMax);
  if (!bytes) {
    if (bytes.error().code != ErrorCode::kNotFound)
      log_warning(kModule, "settings of before are left out: {}", bytes.error().message);
    return;
  }
  auto settings = decode_settings_file(*bytes);
  if (!settings)
    return log_warning(kModule, "settings of before are left out: {}: {}", path_.native(), settings.error().message);
  kept_ = std::move(*settings);
  for (const auto& [key, value] : kept_.values) (void)apply(key, value, options);
}

SettingOutcome PushedSettings::apply(const std::string& key, const std::string& value, AgentOptions& options) {
  const auto outcome = apply_pushed_setting(options, key, value);
  if (outcome) return *outcome;
  refused_ = outcome.error().message;
  log_warning(kModule, "the server told a setting that is not allowed, and {} stays as it is: {}", key, refused_);
  return SettingOutcome::kRefused;
}

ReportBody PushedSettings::take(const AgentSettings& told, AgentOptions& options) {
  // Again, because the report was lost.
  if (told.version == reported_.settings_version && told.version == kept_.version) return reported_;
  refused_.clear();
  const AgentSettings before = kept_;
  ReportBody report{told.version, 0, {}};
  for (const auto& [key, value] : told.values) {
    const SettingOutcome outcome = apply(key, value, options);
    if (outcome != SettingOutcome::kRefused) keep(key, value);
    report.outcomes.emplace_back(key, outcome);
  }
  report.interval_ms = whole_ms(options.interval);
  kept_.version = told.version;
  reported_ = report;
  if (kept_ != before) save();
  return report;
}

void PushedSettings::keep(const std::string& key, const std::string& value) {
  const auto at = std::ranges::find(kept_.values, key, &std::pair<std::string, std::string>::first);
  if (at != kept_.values.end()) {
    at->second = value;
  } else if (kept_.values.size() < kAckItemsMax) {
    kept_.values.emplace_back(key, value);
  }
}

void PushedSettings::save() {
  if (path_.empty()) return;
  Bytes bytes;
  encode_settings_file(kept_, bytes);
  if (const auto written = files_.replace_file(path_, bytes); !written)
    log_warning(kModule, "the server's settings are in force but not kept over a restart: {}", written.error().message);
}

std::string_view PushedSettings::value(std::string_view key) const {
  const auto at = std::ranges::find(kept_.values, key, &std::pair<std::string, std::string>::first);
  return at == kept_.values.end() ? std::string_view{} : at->second;
}

}  // namespace dragonfly
