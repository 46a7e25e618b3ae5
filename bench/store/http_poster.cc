#include "bench/store/http_poster.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace dragonfly::bench {
namespace {

// Of a header line; nullopt where the name is not there.
std::optional<std::string_view> header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    std::string_view value = line.substr(name.size() + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value;
  }
  return std::nullopt;
}

}  // namespace

HttpPoster::~HttpPoster() { close(); }

void HttpPoster::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

Result<> HttpPoster::connect() {
  descriptor_ = ::socket(server_.address()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (descriptor_ < 0 || ::connect(descriptor_, server_.address(), server_.length()) != 0) {
    const int error = errno;
    close();
    return fail(ErrorCode::kUnavailable, "{}: {}", server_.to_string(), std::strerror(error));
  }
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {};
}

Result<> HttpPoster::send(std::string_view head, std::string_view body) {
  iovec parts[] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
  while (parts[0].iov_len + parts[1].iov_len > 0) {
    ssize_t sent = ::writev(descriptor_, parts, 2);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return fail(ErrorCode::kUnavailable, "{}: {}", server_.to_string(), std::strerror(errno));
    for (iovec& part : parts) {
      const size_t taken = std::min(part.iov_len, static_cast<size_t>(sent));
      part.iov_base = static_cast<char*>(part.iov_base) + taken;
      part.iov_len -= taken;
      sent -= static_cast<ssize_t>(taken);
    }
  }
  return {};
}

// Answers to writes are short and tell their length (or have none: 204).
Result<HttpAnswer> HttpPoster::receive() {
  std::string text;
  size_t wanted = std::string::npos;
  HttpAnswer answer;
  while (text.size() < wanted) {
    char buffer[16 * 1024];
    const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(ErrorCode::kUnavailable, "{} hung up", server_.to_string());
    text.append(buffer, static_cast<size_t>(got));
    const size_t head_end = text.find("\r\n\r\n");
    if (head_end == std::string::npos || wanted != std::string::npos) continue;
    const std::string_view head(text.data(), head_end);
    if (!head.starts_with("HTTP/1.1 "))
      return fail(ErrorCode::kCorruption, "no HTTP/1.1 answer: {}", head.substr(0, 80));
    std::from_chars(head.data() + 9, head.data() + head.size(), answer.status);
    size_t body_bytes = 0;
    if (const auto length = header(head, "Content-Length"))
      std::from_chars(length->data(), length->data() + length->size(), body_bytes);
    else if (answer.status != 204)
      return fail(ErrorCode::kCorruption, "an answer with status {} and no length", answer.status);
    wanted = head_end + 4 + body_bytes;
    if (wanted > kAnswerBytesMax) return fail(ErrorCode::kCorruption, "an answer of {} bytes", body_bytes);
    answer.body.reserve(body_bytes);
  }
  answer.body = text.substr(text.find("\r\n\r\n") + 4);
  return answer;
}

Result<HttpAnswer> HttpPoster::post(std::string_view target, std::string_view body) {
  if (descriptor_ < 0) DF_TRY(connect());
  const std::string head =
      fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", target,
                  server_.to_string(), body.size());
  auto sent = send(head, body);
  auto answer = sent ? receive() : Result<HttpAnswer>(fail(sent.error()));
  if (!answer) close();
  return answer;
}

}  // namespace dragonfly::bench
