#include "base/config/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/core/assert.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr size_t kNodesMax = 10'000;
constexpr int kDepthMax = 16;
constexpr size_t kValueBytesMax = 64 * 1024;
constexpr size_t kErrorsShown = 10;
constexpr size_t kWarningsShown = 100;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::optional<int64_t> parse_bytes(std::string_view text) {
  int shift = 0;
  if (!text.empty()) {
    const char last = text.back();
    if (last == 'K' || last == 'k') shift = 10;
    if (last == 'M' || last == 'm') shift = 20;
    if (last == 'G' || last == 'g') shift = 30;
    if (shift != 0) text.remove_suffix(1);
  }
  const auto number = parse_number<int64_t>(text);
  if (!number || *number < 0 || *number > (INT64_MAX >> shift)) return std::nullopt;
  return *number << shift;
}

std::optional<Duration> parse_seconds(std::string_view text) {
  double number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (ec == std::errc() && end == text.data() + text.size() && std::isfinite(number) && std::abs(number) < 9e9) {
    return Duration(static_cast<int64_t>(std::llround(number * 1e9)));
  }
  const auto duration = parse_duration(text);
  return duration ? std::optional(*duration) : std::nullopt;
}

bool is_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view host = text.substr(0, colon);
  const auto port = parse_number<int64_t>(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return false;
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  return bracketed || host.find_first_of(":[] /") == std::string_view::npos;
}

std::string format_bytes(int64_t bytes) {
  if (bytes != 0 && bytes % (1 << 30) == 0) return fmt::format("{}G", bytes >> 30);
  if (bytes != 0 && bytes % (1 << 20) == 0) return fmt::format("{}M", bytes >> 20);
  if (bytes != 0 && bytes % (1 << 10) == 0) return fmt::format("{}K", bytes >> 10);
  return fmt::format("{}", bytes);
}

std::string format_seconds(Duration duration) {
  if (duration.count() % 1'000'000'000 == 0) return fmt::format("{}", duration.count() / 1'000'000'000);
  return fmt::format("{}", seconds(duration));
}

bool in_range(const ConfigKey& key, Duration duration) {
  // In ms, rounded towards zero for the upper bound only: max itself is allowed, max + 1 ns is not.
  return duration >= std::chrono::milliseconds(key.min) &&
         (key.max > INT64_MAX / 1'000'000 || duration <= std::chrono::milliseconds(key.max));
}

// Characters that are missing, too many, wrong, or two that are the wrong way round.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last, last, row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string allowed_values(const ConfigKey& key) {
  const auto shown_ms = [&](int64_t ms) { return format_in_unit(std::chrono::milliseconds(ms), key.unit); };
  switch (key.type) {
    case ConfigType::kBool: return "true or false";
    case ConfigType::kInteger:
      if (key.max == INT64_MAX) return fmt::format("a whole number from {}", key.min);
      return fmt::format("a whole number from {} to {}", key.min, key.max);
    case ConfigType::kSeconds:
      return fmt::format("seconds from {} to {}, or a duration like 500ms, 10s, 1m",
                         format_seconds(std::chrono::milliseconds(key.min)),
                         format_seconds(std::chrono::milliseconds(key.max)));
    case ConfigType::kDuration:
      return fmt::format("a duration from {} to {}, like 10m, 48h, 30d", shown_ms(key.min), shown_ms(key.max));
    case ConfigType::kBytes:
      if (key.max == INT64_MAX) return "a number of bytes, like 4096, 512K, 64M";
      return fmt::format("bytes from {} to {}, like 4096, 512K, 64M", format_bytes(key.min), format_bytes(key.max));
    case ConfigType::kEndpoint: return "ADDR:PORT, like 127.0.0.1:9090 or [::]:9090";
    case ConfigType::kWord: {
      std::string out = "one of ";
      for (const auto word : split(key.words, '|')) out.append(out.size() > 7 ? ", " : "").append(word);
      return out;
    }
    case ConfigType::kText: return "a text";
    case ConfigType::kList: return "a list, separated by commas";
  }
  return {};
}

std::string format_in_unit(Duration duration, std::string_view unit) {
  const Duration one = unit == "d"   ? Duration(24h)
                       : unit == "h" ? Duration(1h)
                       : unit == "m" ? Duration(1min)
                                     : Duration(1s);
  const bool known = unit == "d" || unit == "h" || unit == "m" || unit == "s";
  if (known && duration.count() % one.count() == 0) return fmt::format("{}{}", duration / one, unit);
  return format_duration(duration);
}

Result<Config::Value> Config::parse(const ConfigKey& key, std::string_view written) {
  Value value;
  const std::string_view text = trim(written);
  const auto refuse = [&] {
    return fail(ErrorCode::kInvalidArgument, "{} = '{}' is not allowed; it takes {}", key.name, text.substr(0, 64),
                allowed_values(key));
  };
  if (written.size() > kValueBytesMax) return refuse();
  switch (key.type) {
    case ConfigType::kBool: {
      const auto is = [&](std::string_view word) { return equal_without_case(text, word); };
      const bool yes = is("true") || is("yes") || is("on");
      if (!yes && !is("false") && !is("no") && !is("off")) return refuse();
      value.number = yes ? 1 : 0;
      break;
    }
    case ConfigType::kInteger:
    case ConfigType::kBytes: {
      const auto number = key.type == ConfigType::kInteger ? parse_number<int64_t>(text) : parse_bytes(text);
      if (!number || *number < key.min || *number > key.max) return refuse();
      value.number = *number;
      break;
    }
    case ConfigType::kSeconds:
    case ConfigType::kDuration: {
      const auto parsed = parse_duration(text);
      const auto duration = key.type == ConfigType::kSeconds ? parse_seconds(text)
                            : parsed                         ? std::optional(*parsed)
                                                             : std::nullopt;
      if (!duration || !in_range(key, *duration)) return refuse();
      value.number = duration->count();
      break;
    }
    case ConfigType::kEndpoint:
      if (!is_endpoint(text)) return refuse();
      value.text = text;
      break;
    case ConfigType::kWord:
      for (const auto word : split(key.words, '|')) {
        if (equal_without_case(text, word)) value.text = word;
      }
      if (value.text.empty()) return refuse();
      break;
    case ConfigType::kText: value.text = text; break;
    case ConfigType::kList:
      for (const auto part : split(text, ',')) {
        if (!trim(part).empty()) value.list.emplace_back(trim(part));
      }
      break;
  }
  return value;
}

// Gathers the layers; lives during Config::load only.
class ConfigLoader {
 public:
  ConfigLoader(Config& config, const ConfigInput& input) : config_(config), input_(input) {}

  Result<> run() {
    for (const ConfigKey& key : config_.keys_) {
      auto value = Config::parse(key, key.default_text);
      DF_ASSERT(value.has_value());  // The table's own default.
      config_.values_.push_back(std::move(*value));
    }
    if (!input_.file_text.empty()) read_file();
    for (const std::string& set : input_.sets) read_set(set);
    if (errors_.empty()) return {};
    std::string all;
    for (size_t i = 0; i < std::min(errors_.size(), kErrorsShown); ++i) all.append(i ? "; " : "").append(errors_[i]);
    if (errors_.size() > kErrorsShown) all += fmt::format("; and {} more", errors_.size() - kErrorsShown);
    return fail(ErrorCode::kInvalidArgument, "{}", all);
  }

 private:
  void read_file() {
    if (input_.file_text.size() > kConfigFileBytesMax) {
      errors_.push_back(fmt::format("{} has {} bytes; allowed are {}", input_.file_name, input_.file_text.size(),
                                    kConfigFileBytesMax));
      return;
    }
    try {
      const YAML::Node root = YAML::Load(std::string(input_.file_text));
      if (root.IsNull()) return;
      if (!root.IsMap()) {
        errors_.push_back(
            fmt::format("{} must hold keys and values, like 'server:' and '  http: 127.0.0.1:9090'", input_.file_name));
        return;
      }
      walk(root, "", 0);
    } catch (const YAML::Exception& problem) {
      const auto line = problem.mark.is_null() ? 0 : problem.mark.line + 1;
      errors_.push_back(fmt::format("{} is not YAML: line {}: {}", input_.file_name, line, problem.msg));
    } catch (const std::exception& problem) {
      errors_.push_back(fmt::format("{} cannot be read: {}", input_.file_name, problem.what()));
    }
  }

  void walk(const YAML::Node& map, const std::string& path, int depth) {
    for (const auto& item : map) {
      if (++nodes_ > kNodesMax) {
        if (nodes_ == kNodesMax + 1)
          errors_.push_back(fmt::format("{} has more than {} entries", input_.file_name, kNodesMax));
        return;
      }
      if (!item.first.IsScalar()) continue;
      const std::string name = path.empty() ? item.first.Scalar() : path + "." + item.first.Scalar();
      const auto index = find(name);
      if (index) {
        take(*index, item.second);
      } else if (is_section(name) && item.second.IsMap() && depth < kDepthMax) {
        walk(item.second, name, depth + 1);
      } else if (is_retired_section(name) && item.second.IsMap() && depth < kDepthMax) {
        walk(item.second, name, depth + 1);
      } else if (!item.second.IsNull() || !is_section(name)) {
        warn_unread(name, item.first.Mark(), item.second.IsMap());
      }
    }
  }

  // One of whose keys there is something to say.
  bool is_retired_section(std::string_view name) const {
    return std::ranges::any_of(input_.retired, [&](const RetiredKey& key) {
      return key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.';
    });
  }

  void warn_unread(const std::string& name, const YAML::Mark& mark, bool is_map) {
    const std::string where =
        fmt::format("{}:{}: '{}'", input_.file_name, mark.is_null() ? 0 : mark.line + 1, name.substr(0, 128));
    const auto fits = [&](const RetiredKey& key) {
      return name.starts_with(key.name) && (name.size() == key.name.size() || name[key.name.size()] == '.');
    };
    if (is_section(name)) return warn(where + " holds no keys and is ignored");
    // The longest name is the one that says most.
    const RetiredKey* retired = nullptr;
    for (const RetiredKey& key : input_.retired) {
      if (fits(key) && (retired == nullptr || key.name.size() > retired->name.size())) retired = &key;
    }
    if (retired != nullptr)
      return warn(fmt::format("{} is of an earlier version and is ignored: {}", where, retired->advice));
    warn(fmt::format("{} is not a key of this version and is ignored{}", where,
                     is_map ? section_suggestion(name) : suggestion(name)));
  }

  void take(size_t index, const YAML::Node& node) {
    const ConfigKey& key = config_.keys_[index];
    std::string written;
    if (node.IsScalar()) {
      written = node.Scalar();
    } else if (node.IsSequence() && key.type == ConfigType::kList) {
      for (const auto& part : node) {
        if (part.IsScalar()) written.append(written.empty() ? "" : ",").append(part.Scalar());
      }
    } else {
      errors_.push_back(fmt::format("{}: {} has {}; it takes {}", input_.file_name, key.name,
                                    node.IsNull() ? "no value" : "a nested value", allowed_values(key)));
      return;
    }
    if (config_.values_[index].source == Config::Source::kFile) {
      warn(fmt::format("{}: {} is given twice; the later one counts", input_.file_name, key.name));
    }
    assign(index, written, Config::Source::kFile, input_.file_name + ": ");
  }

  void read_set(const std::string& set) {
    const size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0) {
      errors_.push_back(fmt::format("--set '{}' must be key=value", set.substr(0, 64)));
      return;
    }
    const std::string_view name = trim(std::string_view(set).substr(0, equals));
    if (const auto index = find(name)) {
      assign(*index, std::string_view(set).substr(equals + 1), Config::Source::kCommandLine, "--set ");
    } else {
      errors_.push_back(fmt::format("--set {}: no such key{}", name.substr(0, 64), suggestion(name)));
    }
  }

  void assign(size_t index, std::string_view written, Config::Source source, const std::string& where) {
    auto value = Config::parse(config_.keys_[index], written);
    if (!value) {
      errors_.push_back(where + value.error().message);
      return;
    }
    value->source = source;
    config_.values_[index] = std::move(*value);
  }

  std::optional<size_t> find(std::string_view name) const {
    for (size_t i = 0; i < config_.keys_.size(); ++i) {
      if (config_.keys_[i].name == name || (!name.empty() && config_.keys_[i].alias == name)) return i;
    }
    return std::nullopt;
  }

  bool is_section(std::string_view name) const {
    return std::any_of(config_.keys_.begin(), config_.keys_.end(), [&](const ConfigKey& key) {
      return key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.';
    });
  }

  // So far apart is no misspelling. The section does not count: it is the same in all of its keys.
  static size_t distance_limit(std::string_view name) {
    return std::min<size_t>(4, name.substr(name.rfind('.') + 1).size() / 3 + 1);
  }

  std::string suggestion(std::string_view name) const {
    std::string_view best;
    size_t best_distance = distance_limit(name);
    // Under its own name it may stand in the wrong section.
    const std::string_view last = name.substr(name.rfind('.') + 1);
    for (const ConfigKey& key : config_.keys_) {
      const auto last_of = [](std::string_view full) { return full.substr(full.rfind('.') + 1); };
      if (last_of(key.name) == last || (!key.alias.empty() && last_of(key.alias) == last))
        return fmt::format("; did you mean {}?", key.name);
      for (const std::string_view spelling : {key.name, key.alias}) {
        if (spelling.empty() || name.size() > 128) continue;
        const size_t distance = edit_distance(name, spelling);
        if (distance >= best_distance) continue;
        best = spelling;
        best_distance = distance;
      }
    }
    return best.empty() ? std::string() : fmt::format("; did you mean {}?", best);
  }

  std::string section_suggestion(std::string_view name) const {
    std::string_view best;
    size_t best_distance = distance_limit(name);
    for (const ConfigKey& key : config_.keys_) {
      const std::string_view section = key.name.substr(0, std::min(key.name.rfind('.'), key.name.size()));
      const size_t distance = name.size() > 128 ? best_distance : edit_distance(name, section);
      if (distance >= best_distance) continue;
      best = section;
      best_distance = distance;
    }
    return best.empty() ? std::string() : fmt::format("; did you mean {}?", best);
  }

  void warn(std::string text) {
    if (config_.warnings_.size() < kWarningsShown) config_.warnings_.push_back(std::move(text));
  }

  Config& config_;
  const ConfigInput& input_;
  std::vector<std::string> errors_;
  size_t nodes_ = 0;
};

Result<Config> Config::load(std::span<const ConfigKey> keys, const ConfigInput& input) {
  Config config;
  config.keys_ = keys;
  DF_TRY(ConfigLoader(config, input).run());
  return config;
}

const Config::Value& Config::value_of(std::string_view name, std::initializer_list<ConfigType> types) const {
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i].name != name) continue;
    DF_ASSERT(types.size() == 0 || std::find(types.begin(), types.end(), keys_[i].type) != types.end());
    return values_[i];
  }
  DF_ASSERT(!"the key is in the table");
  return values_.front();
}

bool Config::flag(std::string_view name) const { return value_of(name, {ConfigType::kBool}).number != 0; }
int64_t Config::integer(std::string_view name) const {
  return value_of(name, {ConfigType::kInteger, ConfigType::kBytes}).number;
}
Duration Config::duration(std::string_view name) const {
  return Duration(value_of(name, {ConfigType::kSeconds, ConfigType::kDuration}).number);
}
const std::string& Config::text(std::string_view name) const {
  return value_of(name, {ConfigType::kWord, ConfigType::kText, ConfigType::kEndpoint}).text;
}
const std::vector<std::string>& Config::list(std::string_view name) const {
  return value_of(name, {ConfigType::kList}).list;
}
Config::Source Config::source(std::string_view name) const { return value_of(name, {}).source; }

std::string Config::shown(std::string_view name) const {
  const Value& value = value_of(name, {});
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const ConfigKey& k) { return k.name == name; });
  switch (key->type) {
    case ConfigType::kBool: return value.number != 0 ? "true" : "false";
    case ConfigType::kInteger: return fmt::format("{}", value.number);
    case ConfigType::kBytes: return format_bytes(value.number);
    case ConfigType::kSeconds: return format_seconds(Duration(value.number));
    case ConfigType::kDuration: return format_in_unit(Duration(value.number), key->unit);
    case ConfigType::kEndpoint:
    case ConfigType::kWord:
    case ConfigType::kText: return value.text;
    case ConfigType::kList: {
      std::string out;
      for (const auto& part : value.list) out.append(out.empty() ? "" : ",").append(part);
      return out;
    }
  }
  return {};
}

std::string config_file_template(std::span<const ConfigKey> keys, std::string_view heading) {
  std::string out;
  for (const auto line : split(heading, '\n')) out.append("# ").append(line).append("\n");
  std::string_view section;
  for (const ConfigKey& key : keys) {
    const size_t dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out += fmt::format("\n{}:\n", section);
    }
    const bool quoted = key.default_text.empty() || key.type == ConfigType::kEndpoint;
    const bool free = key.type == ConfigType::kText;
    out += free ? fmt::format("  # {}\n", key.help) : fmt::format("  # {} Takes {}.\n", key.help, allowed_values(key));
    const std::string_view quote = quoted ? "\"" : "";
    out += fmt::format("  # {}: {}{}{}\n", key.name.substr(dot + 1), quote, key.default_text, quote);
  }
  return out;
}

}  // namespace dragonfly
