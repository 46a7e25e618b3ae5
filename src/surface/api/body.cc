#include "surface/api/body.h"

#include <boost/json.hpp>

#include "surface/api/multipart.h"
#include "surface/api/params.h"

namespace dragonfly {

namespace json = boost::json;

namespace {

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

bool is_one_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view one = words.substr(0, words.find(' '));
    if (one == word) return true;
    words.remove_prefix(std::min(one.size() + 1, words.size()));
  }
  return false;
}

// The members of an object of texts and numbers, as texts.
Result<NamedValues> flat_json(std::string_view body) {
  json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code error;
  const json::value parsed = json::parse({body.data(), body.size()}, error, {}, options);
  if (error) return fail(ErrorCode::kInvalidArgument, "the body is not JSON: {}", error.message());
  if (!parsed.is_object())
    return fail(ErrorCode::kInvalidArgument, "the body is not an object like {{\"key\": \"value\"}}");
  NamedValues out;
  for (const auto& [name, value] : parsed.get_object()) {
    const std::string key(name.data(), name.size());
    if (value.is_string()) {
      out.emplace_back(key, view(value.get_string()));
    } else if (value.is_double()) {
      out.emplace_back(key, fmt::format("{}", value.get_double()));
    } else if (value.is_number()) {
      out.emplace_back(key, json::serialize(value));
    } else if (key != "warnings") {  // Of an answer of /config that is sent back changed.
      return fail(ErrorCode::kInvalidArgument, "{} is {}; it takes a number or a text", key.substr(0, 64),
                  std::string(view(json::string(json::serialize(value)))).substr(0, 64));
    }
  }
  return out;
}

}  // namespace

Result<NamedValues> flat_body(const HttpRequest& request) {
  const size_t first = request.body.find_first_not_of(" \t\r\n");
  if (first == std::string::npos)
    return fail(ErrorCode::kInvalidArgument, "the body is empty; it takes keys as JSON or as a form");
  const std::string type = lower_case(request.header("content-type"));
  if (type.starts_with("multipart/")) return parse_multipart(request.header("content-type"), request.body);
  // curl -d says "form" of whatever it sends.
  const bool is_form = type.empty() || type.starts_with("application/x-www-form-urlencoded");
  if (is_form && request.body[first] != '{') return parse_query(request.body);
  return flat_json(request.body);
}

Result<json::object> json_body(const HttpRequest& request, std::string_view known) {
  json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code error;
  json::value value = json::parse({request.body.data(), request.body.size()}, error, {}, options);
  if (error) return fail(ErrorCode::kInvalidArgument, "the body is not JSON: {}", error.message());
  if (!value.is_object()) return fail(ErrorCode::kInvalidArgument, "the body is not a JSON object");
  for (const auto& item : value.get_object()) {
    const std::string_view key(item.key().data(), item.key().size());
    if (is_one_of(known, key)) continue;
    return fail(ErrorCode::kInvalidArgument, "key '{}' is not known; allowed are {}", key.substr(0, 100), known);
  }
  return std::move(value.get_object());
}

Result<std::string> body_text(const json::object& body, std::string_view key,
                              std::optional<std::string_view> otherwise) {
  const json::value* value = body.if_contains({key.data(), key.size()});
  if (value == nullptr && otherwise) return std::string(*otherwise);
  if (value == nullptr) return fail(ErrorCode::kInvalidArgument, "key '{}' is missing", key);
  if (!value->is_string()) return fail(ErrorCode::kInvalidArgument, "key '{}' is not a text", key);
  return std::string(view(value->get_string()));
}

Result<std::vector<std::string>> body_texts(const json::object& body, std::string_view key) {
  std::vector<std::string> out;
  const json::value* value = body.if_contains({key.data(), key.size()});
  if (value == nullptr) return out;
  if (value->is_string()) return std::vector<std::string>{std::string(view(value->get_string()))};
  if (!value->is_array() || value->get_array().size() > kListItemsMax) {
    return fail(ErrorCode::kInvalidArgument, "key '{}' is not a list of at most {} texts", key, kListItemsMax);
  }
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) return fail(ErrorCode::kInvalidArgument, "key '{}' holds something that is no text", key);
    out.emplace_back(view(item.get_string()));
  }
  return out;
}

Result<Duration> lifetime_of(const std::string& text, Timestamp now) {
  if (const auto lifetime = parse_duration(text)) return *lifetime;
  if (const auto end = parse_rfc3339(text)) return *end - now;
  return fail(ErrorCode::kInvalidArgument, "'expires' is '{}'; allowed are a duration (30d) and a time (RFC 3339)",
              text.substr(0, 100));
}

}  // namespace dragonfly
