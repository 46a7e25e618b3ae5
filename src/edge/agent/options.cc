#include "edge/agent/options.h"

#include <charconv>

#include "base/core/names.h"
#include "base/net/endpoint.h"
#include "edge/agent/row_spool.h"

namespace dragonfly {
namespace {

using Setter = Result<> (*)(AgentOptions&, std::string_view name, std::string_view value);

Result<> set_server(AgentOptions& options, std::string_view name, std::string_view value) {
  const size_t colon = value.rfind(':');
  unsigned port = 0;
  const std::string_view digits = colon == std::string_view::npos ? "" : value.substr(colon + 1);
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (colon == 0 || digits.empty() || ec != std::errc() || end != digits.data() + digits.size() || port == 0 ||
      port > 65535 || value.size() > 300) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: '{}' is not a server; write ADDRESS:PORT like 192.0.2.1:8094, [2001:db8::1]:8094 or "
                "collector.example:8094",
                name, value.substr(0, 64));
  }
  options.server = value;
  return {};
}

Result<> set_interval(AgentOptions& options, std::string_view name, std::string_view value) {
  const auto interval = parse_duration(value);
  if (!interval) return fail(interval.error().code, "{}: {}", name, interval.error().message);
  if (*interval < kIntervalMin || *interval > kIntervalMax || *interval % 1ms != Duration(0)) {
    return fail(ErrorCode::kInvalidArgument, "{}: '{}' is out of range; allowed are 100ms to 1h in whole ms", name,
                value.substr(0, 64));
  }
  options.interval = *interval;
  return {};
}

Result<> set_spool_bytes(AgentOptions& options, std::string_view name, std::string_view value) {
  uint64_t number = 0;
  const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), number);
  const std::string_view unit = value.substr(static_cast<size_t>(end - value.data()));
  constexpr std::string_view kUnits = "KMGT";
  const size_t at = unit.size() == 1 ? kUnits.find(unit[0]) : std::string_view::npos;
  const unsigned shift = unit.empty() ? 0 : static_cast<unsigned>(10 * (at + 1));
  const bool known = ec == std::errc() && (unit.empty() || at != std::string_view::npos);
  if (!known || number > kSpoolBytesMax >> shift || (number << shift) < kSpoolBytesMin) {
    return fail(ErrorCode::kInvalidArgument, "{}: '{}' is not a size of a spool; allowed are 1M to 1T, like 64M", name,
                value.substr(0, 64));
  }
  options.spool_bytes_max = number << shift;
  return {};
}

Result<> set_spool_age(AgentOptions& options, std::string_view name, std::string_view value) {
  const auto age = parse_duration(value);
  if (!age) return fail(age.error().code, "{}: {}", name, age.error().message);
  if (*age < 1min || *age > 8760h) {
    return fail(ErrorCode::kInvalidArgument, "{}: '{}' is out of range; allowed are 1m to 8760h", name,
                value.substr(0, 64));
  }
  options.spool_age_max = *age;
  return {};
}

Result<> set_metadata(AgentOptions& options, std::string_view name, std::string_view value) {
  if (value != "auto" && value != "none" && !Endpoint::parse(value)) {
    return fail(ErrorCode::kInvalidArgument, "{}: '{}' is not allowed; write auto, none or ADDRESS:PORT", name,
                value.substr(0, 64));
  }
  options.metadata = value;
  return {};
}

Result<> set_log_level(AgentOptions& options, std::string_view name, std::string_view value) {
  if (value == "debug")
    options.log_level = LogLevel::kDebug;
  else if (value == "info")
    options.log_level = LogLevel::kInfo;
  else if (value == "warning")
    options.log_level = LogLevel::kWarning;
  else if (value == "error")
    options.log_level = LogLevel::kError;
  else
    return fail(ErrorCode::kInvalidArgument, "{}: '{}' is not a level; allowed are debug, info, warning and error",
                name, value.substr(0, 64));
  return {};
}

template <auto Member>
Result<> set_name(AgentOptions& options, std::string_view name, std::string_view value) {
  DF_TRY(check_name(name, value));
  options.*Member = std::string(value);
  return {};
}

template <auto Member>
Result<> set_path(AgentOptions& options, std::string_view name, std::string_view value) {
  if (value.empty()) return fail(ErrorCode::kInvalidArgument, "{} is empty; a path is needed", name);
  options.*Member = std::string(value);
  return {};
}

template <bool AgentOptions::*Member>
Result<> set_flag(AgentOptions& options, std::string_view, std::string_view) {
  options.*Member = true;
  return {};
}

struct Parameter {
  std::string_view name;
  std::string_view value;  // Placeholder; empty: takes none.
  Setter set;
  std::string_view help;
};

constexpr std::string_view kConfig = "--config";

constexpr Parameter kParameters[] = {
    {kConfig, "FILE", nullptr,
     "lines \"name: value\" with the names below (without dashes); the command line goes above it"},
    {"--server", "ADDR:PORT", set_server, "where frames go (where the key says; 127.0.0.1:8094)"},
    {"--ns", "NS", set_name<&AgentOptions::ns>, "namespace (default; with --key: the key's)"},
    {"--mcis", "ID", set_name<&AgentOptions::mcis>, "MCIS (default; with --key: the key's)"},
    {"--vm", "ID", set_name<&AgentOptions::vm>, "this VM (the machine's name; with --key: the key's)"},
    {"--csp", "NAME", set_name<&AgentOptions::csp>, "cloud service provider, e.g. aws (asked of the cloud)"},
    {"--region", "NAME", set_name<&AgentOptions::region>, "region of the provider (asked of the cloud)"},
    {"--metadata", "WHERE", set_metadata,
     "where the cloud is asked for provider, region, zone, instance: auto (its own address, in a VM), none, ADDR:PORT"},
    {"--interval", "TIME", set_interval,
     "between two samples, 100ms to 1h (2s). The server's agent_interval goes above the configuration file; what is "
     "given "
     "on the command line stays"},
    {"--key", "FILE", set_path<&AgentOptions::key_file>,
     "key file made by `cb-agent enroll` or `cb-dragonfly agent-key new`; without one, frames are plain and go to a "
     "loopback address only"},
    {"--spool-dir", "DIR", set_path<&AgentOptions::spool_dir>,
     "where rows wait for the server across restarts (/var/lib/cb-agent where that is there); none: in memory only"},
    {"--spool-max", "SIZE", set_spool_bytes, "of the spool, 1M to 1T; beyond it the oldest rows go (64M)"},
    {"--spool-age", "TIME", set_spool_age, "after which waiting rows go, 1m to 8760h (24h)"},
    {"--root", "DIR", set_path<&AgentOptions::root>, "where proc, sys and etc are read (/)"},
    {"--log-level", "LEVEL", set_log_level, "debug, info, warning or error (info)"},
    {"--once", "", set_flag<&AgentOptions::once>, "print one sample of everything as JSON and exit"},
    {"--version", "", set_flag<&AgentOptions::version>, "print the version and exit"},
    {"--help", "", set_flag<&AgentOptions::help>, "print this and exit"},
};

const Parameter* find(std::string_view name) {
  if (name == "-h") name = "--help";
  for (const Parameter& parameter : kParameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

struct Setting {
  const Parameter* parameter;
  std::string_view value;
};

Result<std::vector<Setting>> split(std::span<const char* const> arguments) {
  std::vector<Setting> out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const Parameter* parameter = find(name);
    if (parameter == nullptr) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not an option; cb-agent --help lists them", name.substr(0, 64));
    }
    if (parameter->value.empty()) {
      if (equals != std::string_view::npos) return fail(ErrorCode::kInvalidArgument, "{} takes no value", name);
      out.push_back({parameter, {}});
    } else if (equals != std::string_view::npos) {
      out.push_back({parameter, argument.substr(equals + 1)});
    } else if (i + 1 < arguments.size()) {
      out.push_back({parameter, arguments[++i]});
    } else {
      return fail(ErrorCode::kInvalidArgument, "{} needs a value: {} {}", name, name, parameter->value);
    }
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::string_view unquote(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.front() == text.back();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

Result<> apply_line(std::string_view line, AgentOptions& options) {
  const size_t comment = line.starts_with('#') ? 0 : line.find(" #");
  line = trim(line.substr(0, comment));
  if (line.empty()) return {};
  const size_t mark = line.find_first_of(":=");
  if (mark == std::string_view::npos) return fail(ErrorCode::kInvalidArgument, "write name: value");
  const std::string_view key = trim(line.substr(0, mark));
  const std::string name = fmt::format("--{}", key);
  const Parameter* parameter = find(name);
  if (parameter == nullptr || parameter->value.empty() || parameter->name == kConfig) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not a setting; cb-agent --help lists them", key.substr(0, 64));
  }
  return parameter->set(options, key, unquote(trim(line.substr(mark + 1))));
}

}  // namespace

Result<> apply_agent_config(std::string_view text, AgentOptions& options) {
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const auto applied = apply_line(text.substr(0, end), options);
    if (!applied) return fail(applied.error().code, "line {}: {}", number, applied.error().message);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return {};
}

Result<AgentOptions> read_agent_options(std::span<const char* const> arguments, FileSystem& files) {
  AgentOptions out;
  const auto settings = split(arguments);
  if (!settings) return fail(settings.error());
  for (const Setting& setting : *settings) {
    if (setting.parameter->name != kConfig) continue;
    const auto text = files.read_file(Path(setting.value), kAgentConfigBytesMax);
    if (!text) return fail(text.error().code, "{}: {}", kConfig, text.error().message);
    const auto applied = apply_agent_config(as_text(*text), out);
    if (!applied) return fail(applied.error().code, "{} {}: {}", kConfig, setting.value, applied.error().message);
  }
  for (const Setting& setting : *settings) {
    if (setting.parameter->set == nullptr) continue;
    DF_TRY(setting.parameter->set(out, setting.parameter->name, setting.value));
    out.pinned.push_back(setting.parameter->name);
  }
  return out;
}

Result<SettingOutcome> apply_pushed_setting(AgentOptions& options, std::string_view key, std::string_view value) {
  if (key != kPushedInterval) return SettingOutcome::kUnknown;
  AgentOptions with = options;
  DF_TRY(set_interval(with, key, value));
  if (options.is_pinned("--interval")) return SettingOutcome::kPinned;
  options.interval = with.interval;
  return SettingOutcome::kApplied;
}

std::string agent_help() {
  std::string out =
      "cb-agent: samples this machine's CPU, memory, disks and network and sends them to a cb-dragonfly server.\n\n"
      "usage: cb-agent [OPTION]…          sample and send\n"
      "       cb-agent enroll …           get this machine's key in exchange for a token; enroll --help tells more\n"
      "       cb-agent status [OPTION]…   how the agent with this --spool-dir is: last ack, rows that wait, errors\n\n";
  for (const Parameter& parameter : kParameters) {
    const std::string left =
        parameter.value.empty() ? std::string(parameter.name) : fmt::format("{} {}", parameter.name, parameter.value);
    out += fmt::format("  {:<20} {}\n", left, parameter.help);
  }
  return out;
}

}  // namespace dragonfly
