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

int give_up_when_stopping(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stopping)->load() ? 1 : 0;
}

bool is_loopback(const std::string& url) {
  const size_t host = url.find("://") + 3;
  return url.compare(host, 4, "127.") == 0 || url.compare(host, 9, "localhost") == 0 ||
         url.compare(host, 5, "[::1]") == 0;
}

class HeaderList {
 public:
  HeaderList() = default;
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void add(const std::string& header) { list_ = curl_slist_append(list_, header.c_str()); }
  curl_slist* list() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

CurlClient::CurlClient(CurlOptions options) : options_(std::move(options)), handle_(curl_easy_init()) {
  if (handle_ == nullptr) die_of_environment("libcurl cannot be started");
}

CurlClient::~CurlClient() { curl_easy_cleanup(handle_); }

Result<HttpAnswer> CurlClient::send(const HttpCall& call) {
  if (!options_.token.empty() && !call.url.starts_with("https://") && !is_loopback(call.url)) {
    return fail(ErrorCode::kInvalidArgument, "a token is not sent in clear over the network: use https://");
  }
  HttpAnswer answer;
  char problem[CURL_ERROR_SIZE] = "";
  HeaderList headers;
  if (!options_.token.empty()) headers.add("Authorization: Bearer " + options_.token);
  if (!call.body.empty()) headers.add("Content-Type: " + call.content_type);
  curl_easy_reset(handle_);
  curl_easy_setopt(handle_, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers.list());
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, options_.user_agent.c_str());
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT, 5L);
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, problem);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &answer.body);
  if (options_.stopping != nullptr) {
    curl_easy_setopt(handle_, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle_, CURLOPT_XFERINFOFUNCTION, give_up_when_stopping);
    curl_easy_setopt(handle_, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(options_.stopping));
  }
  if (!options_.authority_file.empty()) curl_easy_setopt(handle_, CURLOPT_CAINFO, options_.authority_file.c_str());
  if (!call.body.empty()) {
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, call.body.c_str());
  }
  // A proxy for the world is none for this machine.
  if (is_loopback(call.url)) curl_easy_setopt(handle_, CURLOPT_PROXY, "");
  const CURLcode code = curl_easy_perform(handle_);
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME, &answer.seconds);
  if (code == CURLE_OK) return answer;
  return fail(error_of(code, call.url, problem[0] != '\0' ? problem : curl_easy_strerror(code)));
}

Error CurlClient::error_of(int code, const std::string& url, std::string_view why) const {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {ErrorCode::kInvalidArgument, fmt::format("'{}' is no address of a server: {}", url, why)};
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorCode::kInvalidArgument,
              fmt::format("--cacert {} cannot be read as PEM certificates", options_.authority_file)};
    case CURLE_WRITE_ERROR:
      return {ErrorCode::kResourceExhausted, fmt::format("the answer has more than {} bytes", kAnswerBytesMax)};
    case CURLE_PEER_FAILED_VERIFICATION:
      if (why.find("subject name") != std::string_view::npos) {
        return {
            ErrorCode::kUnauthenticated,
            fmt::format("the certificate is for other names ({}): ask under one that it has, or add this one to the "
                        "server's tls.names",
                        why)};
      }
      return {ErrorCode::kUnauthenticated,
              fmt::format("the certificate is not trusted ({}): pass --cacert FILE or CBMON_CACERT with the server's "
                          "DATA_DIR/tls/ca.crt; its SHA-256 is what the server prints when it starts",
                          why)};
    case CURLE_SSL_CONNECT_ERROR:
      return {ErrorCode::kUnauthenticated,
              fmt::format("no TLS could be agreed on ({}); does the server speak http:// there?", why)};
    case CURLE_OPERATION_TIMEDOUT: return {ErrorCode::kTimeout, std::string(why)};
    default: return {ErrorCode::kUnavailable, std::string(why)};
  }
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
