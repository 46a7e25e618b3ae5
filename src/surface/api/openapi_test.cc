// The document and the route table say the same.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "surface/api/routes.h"
#include "surface/api/testing/route_pattern.h"

namespace dragonfly {
namespace {

using Operation = std::pair<std::string, std::string>;  // Method in lower case, path.

const std::string kDocument = std::string(DF_SOURCE_DIR) + "/docs/api/openapi.yaml";

// "/a/{name:one|two}" → "/a/{name}", and the words that are allowed.
std::string plain(std::string_view pattern, std::map<std::string, std::string>& words) {
  return fill_pattern(pattern, [&](std::string_view name, std::string_view allowed) {
    words[std::string(name)] = allowed;
    return fmt::format("{{{}}}", name);
  });
}

YAML::Node resolved(const YAML::Node& document, const YAML::Node& node) {
  if (!node["$ref"]) return node;
  const std::string name = node["$ref"].as<std::string>();
  return document["components"]["parameters"][name.substr(name.rfind('/') + 1)];
}

// yaml-cpp leaves the merge key to its user.
YAML::Node member_of(const YAML::Node& operation, const char* name) {
  if (operation[name]) return operation[name];
  return operation["<<"] && operation["<<"][name] ? operation["<<"][name] : YAML::Node();
}

TEST(OpenApi, HasTheRoutesAndNoOthers) {
  const YAML::Node document = YAML::LoadFile(kDocument);
  std::set<Operation> in_document;
  for (const auto& path : document["paths"]) {
    for (const auto& operation : path.second) {
      in_document.emplace(operation.first.as<std::string>(), path.first.as<std::string>());
    }
  }
  std::set<Operation> in_table;
  for (const Route& route : routes()) {
    std::map<std::string, std::string> words;
    in_table.emplace(lower_case(route.method), plain(route.pattern, words));
  }
  EXPECT_EQ(in_document, in_table);
  EXPECT_EQ(in_table.size(), routes().size());
}

// security: [{}] stands where nobody is asked who they are, and nowhere else.
TEST(OpenApi, SaysWhereATokenIsNeeded) {
  const YAML::Node document = YAML::LoadFile(kDocument);
  for (const Route& route : routes()) {
    std::map<std::string, std::string> words;
    const std::string path = plain(route.pattern, words);
    const YAML::Node security = member_of(document["paths"][path][lower_case(route.method)], "security");
    const bool is_public = security.IsSequence() && security.size() == 1 && security[0].size() == 0;
    const bool asks_nobody = route.needs == Needs::kNothing || route.needs == Needs::kSeal;
    EXPECT_EQ(is_public, asks_nobody) << route.method << " " << path;
  }
}

TEST(OpenApi, SaysWhereThereAreEtags) {
  const YAML::Node document = YAML::LoadFile(kDocument);
  for (const Route& route : routes()) {
    std::map<std::string, std::string> words;
    const YAML::Node responses =
        member_of(document["paths"][plain(route.pattern, words)][lower_case(route.method)], "responses");
    EXPECT_EQ(static_cast<bool>(responses["304"]), route.has_etag) << route.pattern;
  }
}

TEST(OpenApi, DeclaresEveryNameInAPath) {
  const YAML::Node document = YAML::LoadFile(kDocument);
  for (const Route& route : routes()) {
    std::map<std::string, std::string> words;
    const std::string path = plain(route.pattern, words);
    std::map<std::string, std::string> declared;
    for (const auto& item : member_of(document["paths"][path][lower_case(route.method)], "parameters")) {
      const YAML::Node parameter = resolved(document, item);
      ASSERT_TRUE(parameter["name"]) << path;
      if (parameter["in"].as<std::string>() != "path") continue;
      std::string allowed;
      // A metric's names are checked by its handler, which names them all in its refusal.
      if (parameter["name"].as<std::string>() != "metric") {
        for (const auto& word : parameter["schema"]["enum"]) {
          allowed += (allowed.empty() ? "" : "|") + word.as<std::string>();
        }
      }
      declared[parameter["name"].as<std::string>()] = allowed;
    }
    EXPECT_EQ(declared, words) << path;
  }
}

}  // namespace
}  // namespace dragonfly
