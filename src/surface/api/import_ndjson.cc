#include "surface/api/import_ndjson.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <map>
#include <utility>
#include <vector>

#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "surface/api/export_lines.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

// Takes one row from the parser's events. Numbers are kept as they are written, for a double must come back bit for bit.
struct RowHandler {
  static constexpr size_t max_array_size = 0;
  static constexpr size_t max_object_size = size_t{1} << 20;
  static constexpr size_t max_string_size = kNdjsonTextMax;
  static constexpr size_t max_key_size = kNdjsonTextMax;
  using Code = json::error_code;

  std::map<std::string, std::string, std::less<>> texts;    // ns, vm, time, …
  std::vector<std::pair<std::string, std::string>> values;  // As the line protocol writes them.
  std::string problem;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code& error) { return refuse(error, fmt::format("'{}' is a list", key_)); }
  bool on_array_end(size_t, Code&) { return true; }
  bool on_object_begin(Code& error) {
    if (++depth_ == 1 || (depth_ == 2 && key_ == "values")) return true;
    return refuse(error, fmt::format("'{}' is an object", key_));
  }
  bool on_object_end(size_t, Code&) {
    --depth_;
    return true;
  }
  bool on_key_part(json::string_view part, size_t, Code& error) { return gather(part, error); }
  bool on_key(json::string_view part, size_t, Code& error) {
    if (!gather(part, error)) return false;
    key_ = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(json::string_view part, size_t, Code& error) { return gather(part, error); }
  bool on_string(json::string_view part, size_t, Code& error) {
    if (!gather(part, error)) return false;
    if (depth_ == 2) return add_unsigned(error);
    if (depth_ == 1) texts[key_] = std::exchange(text_, {});
    return depth_ == 1 || refuse(error, "it is not an object");
  }
  bool on_number_part(json::string_view part, Code& error) {
    if (text_.size() + part.size() > kNdjsonTextMax) return refuse(error, "a number is too long");
    return gather(part, error);
  }
  bool on_int64(int64_t, json::string_view part, Code& error) { return add_number(part, "i", error); }
  bool on_uint64(uint64_t, json::string_view part, Code& error) { return add_number(part, "i", error); }
  bool on_double(double, json::string_view part, Code& error) { return add_number(part, "", error); }
  bool on_bool(bool value, Code& error) {
    if (depth_ != 2) return refuse(error, fmt::format("'{}' is not a text", key_));
    values.emplace_back(key_, value ? "true" : "false");
    return true;
  }
  bool on_null(Code& error) { return refuse(error, fmt::format("'{}' is null", key_)); }
  bool on_comment_part(json::string_view, Code&) { return true; }
  bool on_comment(json::string_view, Code&) { return true; }

 private:
  // A line break would begin a line of its own.
  bool gather(json::string_view part, Code& error) {
    if (part.find_first_of("\n\r") != json::string_view::npos) return refuse(error, "a text holds a line break");
    text_.append(part.data(), part.size());
    return true;
  }
  bool refuse(Code& error, std::string what) {
    problem = std::move(what);
    error = json::error::syntax;
    return false;
  }
  bool add_number(json::string_view part, std::string_view suffix, Code& error) {
    if (!gather(part, error)) return false;
    if (depth_ == 0) return refuse(error, "it is not an object");
    if (depth_ != 2) return refuse(error, fmt::format("'{}' is not a text", key_));
    values.emplace_back(key_, std::exchange(text_, {}).append(suffix));
    return true;
  }
  // A uint64 is the text "5u".
  bool add_unsigned(Code& error) {
    const bool good = text_.size() > 1 && text_.ends_with('u') &&
                      std::all_of(text_.begin(), text_.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
    if (!good) return refuse(error, fmt::format("the value of '{}' is a text, but not of the form \"5u\"", key_));
    values.emplace_back(key_, std::exchange(text_, {}));
    return true;
  }

  size_t depth_ = 0;
  std::string key_;
  std::string text_;  // Of a key, text or number that comes in parts.
};

Result<> append_line(std::string& out, const RowHandler& row) {
  const auto text = [&](std::string_view name) -> std::string_view {
    const auto found = row.texts.find(name);
    return found == row.texts.end() ? std::string_view() : std::string_view(found->second);
  };
  for (const std::string_view needed : {"ns", "mcis", "vm", "group", "time"}) {
    if (text(needed).empty()) return fail(ErrorCode::kInvalidArgument, "'{}' is missing", needed);
  }
  const auto time = parse_rfc3339(text("time"));
  if (!time) return fail(ErrorCode::kInvalidArgument, "'time' is '{}'; it takes RFC 3339", text("time").substr(0, 100));
  if (row.values.empty()) return fail(ErrorCode::kInvalidArgument, "'values' is missing or empty");
  append_line_name(out, text("group"), true);
  for (const auto& [name, tag] : {std::pair{"ns", "nsId"}, {"mcis", "mcisId"}, {"vm", "vmId"}})
    append_line_tag(out, tag, text(name));
  for (const std::string_view label : kExportLabels) {
    if (!text(label).empty()) append_line_tag(out, label, text(label));
  }
  const bool custom =
      std::ranges::none_of(kCatalogueGroups, [&](GroupId id) { return group_name(id) == text("group"); });
  if (custom) {
    append_custom_tags(out, text("device"));
  } else if (!text("device").empty()) {
    append_line_tag(out, kExportDeviceTag, text("device"));
  }
  if (!text("boot").empty()) append_line_tag(out, kExportBootTag, text("boot"));
  char before = ' ';
  for (const auto& [name, value] : row.values) {
    out.push_back(std::exchange(before, ','));
    append_line_name(out, name);
    out.append("=").append(value);
  }
  out += fmt::format(" {}\n", unix_ns(*time));
  return {};
}

}  // namespace

Result<std::string> lines_of_ndjson(std::string_view text) {
  std::string out;
  json::parse_options options;
  options.max_depth = kNdjsonDepthMax;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    json::basic_parser<RowHandler> parser(options);
    json::error_code error;
    const size_t read = parser.write_some(false, line.data(), line.size(), error);
    const RowHandler& row = parser.handler();
    if (!error && line.find_first_not_of(" \t\r", read) != std::string_view::npos) error = json::error::extra_data;
    if (error) {
      return fail(ErrorCode::kInvalidArgument, "line {}: {}", number,
                  row.problem.empty() ? "it is not JSON: " + error.message() : row.problem);
    }
    if (const auto appended = append_line(out, row); !appended)
      return fail(ErrorCode::kInvalidArgument, "line {}: {}", number, appended.error().message);
  }
  return out;
}

}  // namespace dragonfly
