// For tests: a blocking client that sends bytes as they are given and understands just enough of answers to tell
// them apart.
//
// Units      none.
// Ownership  owns its socket.
// Threading  one thread.
// Errors     an answer with status 0 = the peer closed without one, or 10 s went by.
// Limits     none.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/http/http_message.h"

namespace dragonfly {

struct TestAnswer {
  int status = 0;
  std::string head;
  std::string body;
  // Value of a header, by its name as sent; empty where absent.
  std::string header(std::string_view name) const {
    const size_t at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class TestClient {
 public:
  explicit TestClient(uint16_t port, bool ipv6 = false) : fd_(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    v6.sin6_port = htons(port);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v4.sin_port = htons(port);
    const auto* address = ipv6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
    connected_ = ::connect(fd_, address, ipv6 ? sizeof v6 : sizeof v4) == 0;
  }
  ~TestClient() { ::close(fd_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }
  int descriptor() const { return fd_; }
  // False once the peer has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  // One answer; `head_only` for the answer to a HEAD.
  TestAnswer read(bool head_only = false) {
    TestAnswer out;
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return out;
    }
    out.head = buffer_.substr(0, end + 2);
    out.status = std::atoi(out.head.c_str() + std::string_view("HTTP/1.1 ").size());
    buffer_.erase(0, end + 4);
    if (head_only || out.status == 100 || out.status == 204) return out;
    const size_t length = static_cast<size_t>(std::atoll(out.header("Content-Length").c_str()));
    while (buffer_.size() < length && more()) {
    }
    out.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return out;
  }
  TestAnswer ask(std::string_view bytes) {
    send(bytes);
    return read();
  }
  TestAnswer get(const std::string& target, const std::string& headers = {}) {
    return ask("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  }
  // Until `text` has come; what came, or empty where it did not.
  std::string read_until(std::string_view text) {
    size_t at = 0;
    while ((at = buffer_.find(text)) == std::string::npos) {
      if (!more()) return {};
    }
    std::string out = buffer_.substr(0, at + text.size());
    buffer_.erase(0, at + text.size());
    return out;
  }
  // The body of the answer whose head was read; nothing where the peer closes before its last chunk.
  std::optional<std::string> read_chunks() {
    std::string out;
    for (;;) {
      const std::string line = read_until("\r\n");
      if (line.empty()) return std::nullopt;
      const size_t size = std::strtoul(line.c_str(), nullptr, 16);
      while (buffer_.size() < size + 2) {
        if (!more()) return std::nullopt;
      }
      out.append(buffer_, 0, size);
      buffer_.erase(0, size + 2);
      if (size == 0) return out;
    }
  }
  // All that comes until the peer closes, or resets.
  std::string read_rest() {
    while (more()) {
    }
    return std::exchange(buffer_, {});
  }
  int last_error() const { return last_error_; }
  // True where the peer closes (and says no more).
  bool closed() { return buffer_.empty() && !more() && buffer_.empty(); }

 private:
  bool more() {
    char bytes[16384];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    last_error_ = got < 0 ? errno : 0;
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(got));
    return true;
  }
  int fd_;
  bool connected_ = false;
  int last_error_ = 0;
  std::string buffer_;
};

}  // namespace dragonfly
