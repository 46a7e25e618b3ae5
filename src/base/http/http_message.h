// HTTP messages as handlers see them, and the pieces of HTTP that need no socket.
//
// Units      sizes in bytes.
// Ownership  messages own their text.
// Threading  values; pure functions.
// Errors     none: what is malformed was refused before a request is made.
// Limits     see HttpOptions (http_server.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/cancellation.h"
#include "base/core/result.h"
#include "base/core/time.h"
#include "base/http/url.h"

namespace dragonfly {

struct HttpRequest {
  std::string method;  // "GET", …; a HEAD comes as GET with `head` set, and its answer's body is not sent.
  bool head = false;
  std::string target;             // As sent.
  std::vector<std::string> path;  // Decoded segments.
  NamedValues query;              // Decoded, in order.
  NamedValues headers;            // Names in lower case.
  std::string body;               // Unpacked; whole.
  std::string remote;             // "127.0.0.1:50000", "[::1]:50000".
  bool is_loopback = false;       // Whether `remote` is this machine.
  Cancellation cancellation;      // Cancelled where the peer has gone: nobody reads the answer.

  // The first header of that (lower-case) name, or empty.
  std::string_view header(std::string_view name) const;
  // The first query parameter of that name, or null.
  const std::string* parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  NamedValues headers = {};  // Further ones. Content-Type, Content-Length, Date and Connection are the server's.
  std::string body = {};
};

// {"message": …}
HttpResponse error_response(int status, std::string_view message);
// The status that says what an ErrorCode says: 400, 404, 409, 401, 403, 413, 503, 504, 507, 500, 501.
int http_status(ErrorCode code);
std::string_view reason_phrase(int status);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string http_date(Timestamp time);

// Name or address in a Host header or authority, lower case, without port, brackets and final dot; empty where
// malformed.
std::string host_name(std::string_view host);
// "localhost", 127.0.0.0/8 or ::1, as host_name() gives them.
bool is_loopback_name(std::string_view host_name);

// Whether an Accept-Encoding header allows gzip.
bool accepts_gzip(std::string_view accept_encoding);

std::string lower_case(std::string_view text);
std::string_view trimmed(std::string_view text);

// The response's first line and headers, up to and with the empty line. Control characters in header values become
// spaces, so that no value can end its line.
struct HttpHead {
  const HttpResponse& response;
  bool chunked = false;  // Else Content-Length, where the status allows a body.
  bool keep_alive = true;
  bool http_1_0 = false;
  Timestamp now{};
};
std::string render_head(const HttpHead& head);

}  // namespace dragonfly
