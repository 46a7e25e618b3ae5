#include "base/http/url.h"

#include <optional>

#include "base/core/names.h"

namespace dragonfly {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Removes "http://authority" from the front; the form that a proxy is asked with, allowed by RFC 9112 section 3.2.2.
bool take_authority(std::string_view& target, std::string& authority) {
  size_t scheme = 0;
  if (target.starts_with("http://")) scheme = 7;
  if (target.starts_with("https://")) scheme = 8;
  if (scheme == 0) return false;
  const size_t end = target.find_first_of("/?", scheme);
  authority = target.substr(scheme, end == std::string_view::npos ? end : end - scheme);
  target = end == std::string_view::npos ? std::string_view{} : target.substr(end);
  return !authority.empty();
}

Result<> split_path(std::string_view path, std::vector<std::string>& segments) {
  if (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash before the segment.
    const size_t end = std::min(path.find('/'), path.size());
    auto segment = percent_decode(path.substr(0, end), Plus::kIsItself);
    if (!segment) return fail(std::move(segment).error());
    segments.push_back(std::move(*segment));
    path.remove_prefix(end);
  }
  return {};
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == Plus::kIsSpace) c = ' ';
    if (c == '%') {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low) {
        return fail(ErrorCode::kInvalidArgument,
                    "'%' at character {} of '{}' is not followed by two hexadecimal digits", i + 1, text.substr(0, 80));
      }
      c = static_cast<char>(*high << 4 | *low);
      i += 2;
    }
    if (c == '\0') return fail(ErrorCode::kInvalidArgument, "a NUL character in the URL is not allowed");
    out.push_back(c);
  }
  if (!is_utf8(out)) return fail(ErrorCode::kInvalidArgument, "the URL is not UTF-8 after percent-decoding");
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

Result<NamedValues> parse_query(std::string_view query) {
  NamedValues out;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view item = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (item.empty()) continue;
    if (out.size() == kQueryParametersMax) {
      return fail(ErrorCode::kInvalidArgument, "more than {} query parameters", kQueryParametersMax);
    }
    const size_t equals = item.find('=');
    auto name = percent_decode(item.substr(0, equals), Plus::kIsSpace);
    if (!name) return fail(std::move(name).error());
    auto value = equals == std::string_view::npos ? Result<std::string>(std::string())
                                                  : percent_decode(item.substr(equals + 1), Plus::kIsSpace);
    if (!value) return fail(std::move(value).error());
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

Result<Target> parse_target(std::string_view target) {
  Target out;
  if (target == "*") return out;
  if (!target.starts_with('/') && !take_authority(target, out.authority)) {
    return fail(ErrorCode::kInvalidArgument, "the request's target must begin with '/' or 'http://'");
  }
  if (target.find('#') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "'#' in the request's target must be written as %23");
  }
  const size_t question = target.find('?');
  DF_TRY(split_path(target.substr(0, question), out.path));
  if (question != std::string_view::npos) {
    auto query = parse_query(target.substr(question + 1));
    if (!query) return fail(std::move(query).error());
    out.query = std::move(*query);
  }
  return out;
}

}  // namespace dragonfly
