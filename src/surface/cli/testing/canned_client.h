// A server's answers for tests of commands.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "surface/cli/http_client.h"

namespace dragonfly {

// Answers by the beginning of the path; the real server is asked in tests/e2e.
class CannedClient final : public HttpClient {
 public:
  Result<HttpAnswer> send(const HttpCall& call) override {
    calls.push_back(call);
    asked.push_back(call.url.substr(std::string("http://s").size()));
    for (const auto& [path, answer] : answers) {
      if (asked.back().starts_with(path)) return answer;
    }
    return fail(ErrorCode::kUnavailable, "connection refused");
  }
  std::map<std::string, HttpAnswer> answers;
  std::vector<std::string> asked;
  std::vector<HttpCall> calls;
};

}  // namespace dragonfly
