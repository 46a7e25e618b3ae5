#include "local_server.h"

#include <boost/json.hpp>
#include <cstdlib>

#include "data_directory.h"

namespace dragonfly {
namespace {

// {"message":"…"} → what it says; else the whole text.
std::string message_of(const std::string& body) {
  boost::json::error_code error;
  const auto value = boost::json::parse(body, error);
  if (!error && value.is_object()) {
    if (const auto* text = value.as_object().if_contains("message"); text != nullptr && text->is_string())
      return std::string(text->as_string());
  }
  return body.substr(0, 1000);
}

// Where a server that listens everywhere is reached from here.
std::string reachable(std::string http) {
  if (http.starts_with("0.0.0.0:")) return "127.0.0.1" + http.substr(7);
  if (http.starts_with("[::]:")) return "[::1]" + http.substr(4);
  return http;
}

std::string token_of_environment() {
  const char* token = std::getenv("CBMON_TOKEN");
  return token != nullptr ? token : "";
}

}  // namespace

Result<LocalServer> LocalServer::find(const Path& data) {
  const auto http = listening_http(data);
  if (!http)
    return fail(ErrorCode::kUnavailable, "{} does not say where its server listens", (data / kListeningName).string());
  const Path authority = data / "tls" / "ca.crt";
  std::error_code error;
  const bool tls = listens_with_tls(data);
  return LocalServer((tls ? "https://" : "http://") + reachable(*http),
                     tls && std::filesystem::exists(authority, error) ? authority.string() : std::string());
}

LocalServer::LocalServer(std::string url, std::string authority_file)
    : url_(std::move(url)),
      client_(std::make_unique<CurlClient>(
          CurlOptions{"cb-dragonfly/" DF_VERSION, std::move(authority_file), token_of_environment()})) {}

Result<std::string> LocalServer::ask(const HttpCall& call) {
  auto answer = client_->send(call);
  if (!answer) return fail(answer.error().code, "{}: {}", url_, answer.error().message);
  if (answer->status < 400) return std::move(answer->body);
  const auto kind = answer->status == 503 || answer->status == 429 ? ErrorCode::kUnavailable
                    : answer->status == 507                        ? ErrorCode::kNoSpace
                                                                   : ErrorCode::kInvalidArgument;
  return fail(kind, "{} answers {}: {}", url_, answer->status, message_of(answer->body));
}

}  // namespace dragonfly
