// HttpAnswer: what a server says over HTTP/1.1, as far as a program that asks for little needs it.
//
// Units      bytes; seconds where the name says so.
// Ownership  values.
// Threading  pure.
// Errors     nullopt: malformed, or a form that is not understood here (chunks).
// Limits     kAnswerHeadBytesMax a head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kAnswerHeadBytesMax = 16 * 1024;

struct HttpAnswerHead {
  int status = 0;
  std::optional<uint64_t> content_length;  // None: the body ends with the connection.
  bool keeps_alive = true;
  uint32_t retry_after_s = 0;  // 0: not said.
};
// `head`: with its status line, up to but without the empty line.
std::optional<HttpAnswerHead> parse_answer_head(std::string_view head);

// Where a server listens: "https://collector.example:9090", "http://127.0.0.1:9090", "https://[2001:db8::1]".
struct ServerUrl {
  bool tls = true;
  std::string host;  // Without brackets.
  uint16_t port = 0;

  bool is_address() const;        // Digits, no name.
  bool is_loopback() const;       // 127.0.0.0/8, ::1, localhost.
  std::string authority() const;  // "host:port", with brackets where they are needed.
  std::string to_string() const;  // Parses as itself.
};
// kInvalidArgument names what is allowed. A path is not taken, but for one "/".
Result<ServerUrl> parse_server_url(std::string_view text);

}  // namespace dragonfly
