#include "surface/api/openapi_json.h"

#include <yaml-cpp/yaml.h>

#include <charconv>

#include "base/core/json_writer.h"
#include "surface/api/page_files.h"

namespace dragonfly {
namespace {

void write(JsonWriter& json, const YAML::Node& node);

void write_scalar(JsonWriter& json, const YAML::Node& node) {
  const std::string& text = node.Scalar();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_plain = node.Tag() != "!";  // Else it was quoted.
  if (is_plain && (text == "true" || text == "false")) {
    json.value(text == "true");
  } else if (is_plain && error == std::errc() && end == text.data() + text.size()) {
    json.value(number);
  } else {
    json.value(std::string_view(text));
  }
}

// With the keys of "<<", which yaml-cpp leaves to its user; those beside it come first.
void write_members(JsonWriter& json, const YAML::Node& map, const YAML::Node& beside) {
  for (const auto& item : map) {
    const std::string& key = item.first.Scalar();
    if (key == "<<" || (beside.IsMap() && beside[key])) continue;
    json.key(key);
    write(json, item.second);
  }
  if (map["<<"]) write_members(json, map["<<"], map);
}

void write(JsonWriter& json, const YAML::Node& node) {
  if (node.IsMap()) {
    json.begin_object();
    write_members(json, node, YAML::Node());
    json.end_object();
  } else if (node.IsSequence()) {
    json.begin_array();
    for (const auto& item : node) write(json, item);
    json.end_array();
  } else if (node.IsScalar()) {
    write_scalar(json, node);
  } else {
    json.null();
  }
}

std::string made() {
  std::string out;
  JsonWriter json(out);
  for (const PageFile& file : page_files()) {
    if (file.name == "openapi.yaml") write(json, YAML::Load(std::string(file.text)));
  }
  return out;
}

}  // namespace

const std::string& openapi_json() {
  static const std::string kText = made();
  return kText;
}

}  // namespace dragonfly
