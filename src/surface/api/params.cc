#include "surface/api/params.h"

#include <algorithm>
#include <charconv>

#include "base/core/number.h"

namespace dragonfly {
namespace {

bool contains(std::string_view words, std::string_view word, char separator) {
  while (!words.empty()) {
    const std::string_view one = words.substr(0, words.find(separator));
    if (one == word) return true;
    words.remove_prefix(std::min(one.size() + 1, words.size()));
  }
  return false;
}

std::string listed(std::string_view words, char separator) {
  std::string out;
  for (const char c : words) {
    if (c == separator) {
      out += ", ";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string_view shown(std::string_view text) { return text.substr(0, 100); }

}  // namespace

std::string text_parameter(const HttpRequest& request, std::string_view name, std::string_view otherwise) {
  const std::string* text = request.parameter(name);
  return text == nullptr || text->empty() ? std::string(otherwise) : *text;
}

Result<std::string> word_parameter(const HttpRequest& request, std::string_view name, std::string_view allowed,
                                   std::string_view otherwise) {
  const std::string text = text_parameter(request, name, otherwise);
  if (text.empty()) {
    return fail(ErrorCode::kInvalidArgument, "parameter '{}' is missing; allowed are {}", name, listed(allowed, '|'));
  }
  if (contains(allowed, text, '|')) return text;
  return fail(ErrorCode::kInvalidArgument, "parameter '{}' is '{}'; allowed are {}", name, shown(text),
              listed(allowed, '|'));
}

Result<Duration> look_back_parameter(const HttpRequest& request, std::string_view name) {
  static constexpr std::string_view kAllowed = "a number and m, h or d, such as 5m, up to 3650d";
  const std::string text = text_parameter(request, name);
  if (text.empty()) {
    return fail(ErrorCode::kInvalidArgument, "parameter '{}' is missing; allowed is {}", name, kAllowed);
  }
  const auto duration = parse_duration(text);
  const bool unit = text.ends_with('m') || text.ends_with('h') || text.ends_with('d');
  if (!duration || !unit || *duration > kLookBackMax) {
    return fail(ErrorCode::kInvalidArgument, "parameter '{}' is '{}'; allowed is {}", name, shown(text), kAllowed);
  }
  return *duration;
}

Result<Timestamp> time_parameter(const HttpRequest& request, std::string_view name, Timestamp now,
                                 Timestamp otherwise) {
  std::string text = text_parameter(request, name);
  if (text.empty()) return otherwise;
  if (text == "now") return now;
  if (text.starts_with('-')) {
    const auto back = parse_duration(std::string_view(text).substr(1));
    if (back && *back <= kLookBackMax) return now - *back;
  }
  double unix_s = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), unix_s);
  if (error == std::errc{} && end == text.data() + text.size() && unix_s >= 0 && unix_s < 9e9) {
    return from_unix_ms(static_cast<int64_t>(unix_s * 1000));
  }
  std::replace(text.begin(), text.end(), ' ', '+');  // "…T00:00:00+09:00" that nobody escaped.
  if (const auto time = parse_rfc3339(text)) return *time;
  return fail(ErrorCode::kInvalidArgument,
              "parameter '{}' is '{}'; allowed are RFC 3339 (2026-01-31T12:00:00Z), Unix seconds, now, and a look-back "
              "such as -1h",
              name, shown(text));
}

Result<size_t> count_parameter(const HttpRequest& request, std::string_view name, size_t otherwise, size_t max) {
  const std::string text = text_parameter(request, name);
  if (text.empty()) return otherwise;
  const size_t count = parse_number<size_t>(text).value_or(0);
  if (count < 1 || count > max) {
    return fail(ErrorCode::kInvalidArgument, "parameter '{}' is '{}'; allowed are 1 to {}", name, shown(text), max);
  }
  return count;
}

Result<std::vector<std::string>> list_parameter(const HttpRequest& request, std::string_view name) {
  std::vector<std::string> out;
  const std::string text = text_parameter(request, name);
  if (text == "*") return out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    if (!item.empty()) out.emplace_back(item);
  }
  if (out.size() > kListItemsMax) {
    return fail(ErrorCode::kInvalidArgument, "parameter '{}' has {} items; allowed are {}", name, out.size(),
                kListItemsMax);
  }
  return out;
}

Result<> only_parameters(const HttpRequest& request, std::string_view known, std::string_view prefix) {
  for (const auto& [name, value] : request.query) {
    if (contains(known, name, ' ') || (!prefix.empty() && name.starts_with(prefix))) continue;
    return fail(ErrorCode::kInvalidArgument, "parameter '{}' is not known; allowed are {}", shown(name),
                listed(known, ' '));
  }
  return {};
}

}  // namespace dragonfly
