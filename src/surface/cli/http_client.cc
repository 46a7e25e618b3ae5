#include "surface/cli/http_client.h"

#include <curl/curl.h>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

size_t take_bytes(char* data, size_t size, size_t count, void* body) {
  auto& out = *static_cast<std::string*>(body);
  if (out.size() + size * count > kAnswerBytesMax) return 0;
  out.append(data, size * count);
  return size * count;
}

bool is_loopback(const std::string& url) {
  const size_t host = url.find("://") + 3;
  return url.compare(host, 4, "127.") == 0 || url.compare(host, 9, "localhost") == 0 ||
         url.compare(host, 5, "[::1]") == 0;
}

}  // namespace

CurlClient::CurlClient(std::string user_agent) : user_agent_(std::move(user_agent)), handle_(curl_easy_init()) {
  if (handle_ == nullptr) die_of_environment("libcurl cannot be started");
}

CurlClient::~CurlClient() { curl_easy_cleanup(handle_); }

Result<HttpAnswer> CurlClient::get(const std::string& url) {
  HttpAnswer answer;
  char problem[CURL_ERROR_SIZE] = "";
  curl_easy_reset(handle_);
  curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, user_agent_.c_str());
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT, 5L);
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, problem);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &answer.body);
  // A proxy for the world is none for this machine.
  if (is_loopback(url)) curl_easy_setopt(handle_, CURLOPT_PROXY, "");
  const CURLcode code = curl_easy_perform(handle_);
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME, &answer.seconds);
  if (code == CURLE_OK) return answer;
  const std::string_view why = problem[0] != '\0' ? problem : curl_easy_strerror(code);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is no address of a server: {}", url, why);
  }
  if (code == CURLE_WRITE_ERROR)
    return fail(ErrorCode::kResourceExhausted, "the answer has more than {} bytes", kAnswerBytesMax);
  return fail(code == CURLE_OPERATION_TIMEDOUT ? ErrorCode::kTimeout : ErrorCode::kUnavailable, "{}", why);
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace dragonfly
