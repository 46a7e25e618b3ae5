#include "base/https/http_answer.h"

#include <algorithm>

#include "base/core/number.h"
#include "base/net/endpoint.h"

namespace dragonfly {
namespace {

constexpr size_t kHostBytesMax = 255;
constexpr uint64_t kStatusMin = 200;  // What comes before it is no answer yet; nobody asks for it.
constexpr uint64_t kStatusMax = 599;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool take_header(HttpAnswerHead& out, const std::string& name, std::string_view value) {
  if (name == "content-length") {
    const auto length = parse_number<uint64_t>(value);
    if (!length || (out.content_length && *out.content_length != *length)) return false;
    out.content_length = *length;
  } else if (name == "transfer-encoding") {
    return false;
  } else if (name == "connection") {
    const std::string word = lower(value);
    if (word == "close") out.keeps_alive = false;
    if (word == "keep-alive") out.keeps_alive = true;
  } else if (name == "retry-after") {
    out.retry_after_s = parse_number<uint32_t>(value).value_or(0);  // A date counts as not said.
  }
  return true;
}

std::optional<Endpoint> digits(const std::string& host, uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  const auto parsed = Endpoint::parse(fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port));
  return parsed ? std::optional(*parsed) : std::nullopt;
}

bool is_host_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == ':';
}

}  // namespace

std::optional<HttpAnswerHead> parse_answer_head(std::string_view head) {
  if (head.size() > kAnswerHeadBytesMax) return std::nullopt;
  HttpAnswerHead out;
  std::string_view line = head.substr(0, head.find("\r\n"));
  head.remove_prefix(std::min(line.size() + 2, head.size()));
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
      (line.size() > 12 && line[12] != ' ')) {
    return std::nullopt;
  }
  out.keeps_alive = line[7] == '1';
  const auto status = parse_number<uint32_t>(line.substr(9, 3));
  if (!status || *status < kStatusMin || *status > kStatusMax) return std::nullopt;
  out.status = static_cast<int>(*status);
  while (!head.empty()) {
    line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    const size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
    if (!take_header(out, lower(line.substr(0, colon)), trim(line.substr(colon + 1)))) return std::nullopt;
  }
  return out;
}

bool ServerUrl::is_address() const { return digits(host, port).has_value(); }

bool ServerUrl::is_loopback() const {
  const auto address = digits(host, port);
  return address ? address->is_loopback() : lower(host) == "localhost";
}

std::string ServerUrl::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

std::string ServerUrl::to_string() const { return fmt::format("{}://{}", tls ? "https" : "http", authority()); }

Result<ServerUrl> parse_server_url(std::string_view text) {
  const auto wrong = [text] {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is not the address of a server; write https://HOST:PORT (or http://127.0.0.1:PORT)",
                text.substr(0, 100));
  };
  ServerUrl out;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    out.tls = false;
  } else {
    return wrong();
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view port;
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return wrong();
    out.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') return wrong();
    port = rest.empty() ? rest : rest.substr(1);
    if (!rest.empty() && port.empty()) return wrong();
    if (out.host.find(':') == std::string::npos) return wrong();
  } else {
    const size_t colon = rest.find(':');
    out.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
    if (colon != std::string_view::npos && port.empty()) return wrong();
    if (out.host.find(':') != std::string::npos) return wrong();
  }
  out.port = out.tls ? 443 : 80;
  if (!port.empty()) {
    const auto number = parse_number<uint16_t>(port);
    if (!number || *number == 0) return wrong();
    out.port = *number;
  }
  const bool good = !out.host.empty() && out.host.size() <= kHostBytesMax &&
                    std::all_of(out.host.begin(), out.host.end(), is_host_byte) &&
                    (out.host.find(':') == std::string::npos || digits(out.host, out.port).has_value());
  if (!good) return wrong();
  return out;
}

}  // namespace dragonfly
