#include "ingest/dialect/telegraf_json.h"

#include <boost/json.hpp>
#include <cmath>
#include <limits>

namespace dragonfly {
namespace {

namespace json = boost::json;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a truth value";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return "a number";
    case json::kind::string: return "a text";
    case json::kind::array: return "a list";
    case json::kind::object: return "an object";
  }
  return "something else";
}

// Reads metrics one after the other; `point_` is refilled.
class TelegrafReader {
 public:
  explicit TelegrafReader(const TelegrafSink& sink) : sink_(sink) { point_.numbers_untyped = true; }

  void read(const json::value& value) {
    const auto* object = value.if_object();
    const auto* metrics = object == nullptr ? nullptr : object->if_contains("metrics");
    if (metrics == nullptr) return metric(value);
    const auto* list = metrics->if_array();
    if (list == nullptr) {
      ++point_.line;
      return refuse(fmt::format("'metrics' is {}; it must be a list of metrics", kind_name(*metrics)));
    }
    for (const json::value& item : *list) metric(item);
  }

  void not_json(std::string_view problem) {
    ++point_.line;
    refuse(fmt::format("it is not JSON: {}", problem));
  }

 private:
  void metric(const json::value& value) {
    const size_t number = point_.line + 1;
    point_.clear();
    point_.line = number;
    const auto* object = value.if_object();
    if (object == nullptr) return refuse(fmt::format("it is {}; it must be an object", kind_name(value)));
    if (!read_name(*object) || !read_tags(*object) || !read_fields(*object) || !read_time(*object)) return;
    make_series();
    sink_.use(point_);
  }

  bool read_name(const json::object& object) {
    const auto* name = object.if_contains("name");
    if (name == nullptr) return refuse("'name' is missing"), false;
    if (!name->is_string()) return refuse(fmt::format("'name' is {}; it must be a text", kind_name(*name))), false;
    point_.name = view(name->get_string());
    return check_size("'name'", point_.name, kPointNameBytesMax);
  }

  bool read_tags(const json::object& object) {
    const auto* tags = object.if_contains("tags");
    if (tags == nullptr || tags->is_null()) return true;
    if (!tags->is_object()) return refuse(fmt::format("'tags' is {}; it must be an object", kind_name(*tags))), false;
    for (const auto& [key, value] : tags->get_object()) {
      if (!value.is_string()) {
        return refuse(fmt::format("tag '{}' is {}; it must be a text", excerpt(view(key)), kind_name(value))), false;
      }
      const Point::Tag tag{view(key), view(value.get_string())};
      if (tag.value.empty()) continue;  // Telegraf sends what it does not know as an empty text.
      if (!check_size("a tag's name", tag.key, kPointNameBytesMax)) return false;
      if (!check_size("a tag's value", tag.value, kPointValueBytesMax)) return false;
      if (point_.tags.size() == kPointTagsMax)
        return refuse(fmt::format("there are more than {} tags", kPointTagsMax)), false;
      point_.tags.push_back(tag);
    }
    return true;
  }

  bool read_fields(const json::object& object) {
    const auto* fields = object.if_contains("fields");
    if (fields == nullptr) return refuse("'fields' is missing"), false;
    if (!fields->is_object())
      return refuse(fmt::format("'fields' is {}; it must be an object", kind_name(*fields))), false;
    for (const auto& [key, value] : fields->get_object()) {
      if (value.is_null()) continue;
      if (!check_size("a field's name", view(key), kPointNameBytesMax)) return false;
      if (point_.fields.size() == kPointFieldsMax) {
        return refuse(fmt::format("there are more than {} fields", kPointFieldsMax)), false;
      }
      Point::Field& field = point_.fields.emplace_back();
      field.name = view(key);
      if (!read_value(value, field)) return false;
    }
    if (point_.fields.empty()) return refuse("there is no field"), false;
    return true;
  }

  bool read_value(const json::value& value, Point::Field& field) {
    switch (value.kind()) {
      case json::kind::int64: field.value = Value::of(int64_t{value.get_int64()}); return true;
      case json::kind::uint64: field.value = Value::of(uint64_t{value.get_uint64()}); return true;
      case json::kind::double_:
        if (!std::isfinite(value.get_double())) {
          return refuse(fmt::format("field '{}' is no float64", excerpt(field.name))), false;
        }
        field.value = Value::of(value.get_double());
        return true;
      case json::kind::bool_: field.value = Value::of(value.get_bool()); return true;
      case json::kind::string: field.is_text = true; return true;
      default: break;
    }
    return refuse(fmt::format("field '{}' is {}; it must be a number, a truth value or a text", excerpt(field.name),
                              kind_name(value))),
           false;
  }

  bool read_time(const json::object& object) {
    const auto* time = object.if_contains("timestamp");
    if (time == nullptr || time->is_null()) return true;
    if (!time->is_number())
      return refuse(fmt::format("'timestamp' is {}; it must be a number", kind_name(*time))), false;
    const double magnitude = std::fabs(time->to_number<double>());
    const int64_t unit = magnitude < 1e11 ? 1'000'000'000 : magnitude < 1e14 ? 1'000'000 : magnitude < 1e17 ? 1'000 : 1;
    if (const auto* whole = time->if_int64()) {
      int64_t ns = 0;
      if (__builtin_mul_overflow(*whole, unit, &ns)) return time_out_of_range();
      point_.time = from_unix_ns(ns);
      return true;
    }
    const double ns = time->to_number<double>() * static_cast<double>(unit);
    if (!(std::fabs(ns) < static_cast<double>(std::numeric_limits<int64_t>::max()))) return time_out_of_range();
    point_.time = from_unix_ns(std::llround(ns));
    return true;
  }

  bool time_out_of_range() { return refuse("'timestamp' is beyond the years 1678 to 2262"), false; }

  bool check_size(std::string_view what, std::string_view text, size_t bytes_max) {
    if (!text.empty() && text.size() <= bytes_max) return true;
    if (text.empty()) return refuse(fmt::format("{} is empty", what)), false;
    return refuse(fmt::format("{} has {} bytes; at most {}", what, text.size(), bytes_max)), false;
  }

  // A newline in front, which no line of the line protocol has, then pieces with their lengths.
  void make_series() {
    const auto piece = [&](std::string_view text) {
      const auto size = static_cast<uint16_t>(text.size());
      point_.text.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
    };
    point_.text.assign(1, '\n');
    piece(point_.name);
    for (const Point::Tag& tag : point_.tags) {
      piece(tag.key);
      piece(tag.value);
    }
    point_.series = point_.text;
  }

  void refuse(std::string_view problem) { sink_.refuse(point_.line, problem); }

  const TelegrafSink& sink_;
  Point point_;
};

}  // namespace

void read_telegraf_json(std::string_view datagram, const TelegrafSink& sink) {
  TelegrafReader reader(sink);
  if (datagram.size() > kTelegrafBytesMax) {
    return reader.not_json(fmt::format("{} bytes; at most {}", datagram.size(), kTelegrafBytesMax));
  }
  json::parse_options options;
  options.max_depth = 64;
  // Values of one datagram live in one arena, which is freed at once.
  json::monotonic_resource arena;
  json::stream_parser parser(json::storage_ptr(), options);
  const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0'; };
  bool any = false;
  for (std::string_view rest = datagram;;) {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (rest.empty()) {
      if (!any) reader.not_json("it is empty");
      return;
    }
    any = true;
    boost::system::error_code error;
    parser.reset(json::storage_ptr(&arena));
    const size_t used = parser.write_some(rest.data(), rest.size(), error);
    if (!error && !parser.done()) parser.finish(error);
    if (error)
      return reader.not_json(fmt::format("{} at byte {}", error.message(), datagram.size() - rest.size() + used));
    const json::value value = parser.release();
    reader.read(value);
    rest.remove_prefix(used);
  }
}

}  // namespace dragonfly
