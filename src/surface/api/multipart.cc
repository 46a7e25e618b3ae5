#include "surface/api/multipart.h"

#include "base/http/http_message.h"

namespace dragonfly {
namespace {

// `name="text"` or `name=text` among the parameters of a header's value; empty where it is not there.
std::string parameter_of(std::string_view header, std::string_view name) {
  size_t at = header.find(';');
  while (at != std::string_view::npos) {
    header.remove_prefix(at + 1);
    const size_t equals = header.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string key = lower_case(trimmed(header.substr(0, equals)));
    std::string_view value = trimmed(header.substr(equals + 1));
    std::string text;
    if (value.starts_with('"')) {
      size_t i = 1;
      for (; i < value.size() && value[i] != '"'; ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) ++i;
        text.push_back(value[i]);
      }
      header = value.substr(std::min(i + 1, value.size()));
    } else {
      text = trimmed(value.substr(0, value.find(';')));
      header = value;
    }
    if (key == name) return text;
    at = header.find(';');
  }
  return {};
}

// The part's name, from its headers.
Result<std::string> name_of(std::string_view head) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || lower_case(trimmed(line.substr(0, colon))) != "content-disposition")
      continue;
    std::string name = parameter_of(line, "name");
    if (!name.empty()) return name;
  }
  return fail(ErrorCode::kInvalidArgument, "the multipart form has a part without a name");
}

}  // namespace

Result<NamedValues> parse_multipart(std::string_view content_type, std::string_view body) {
  const std::string boundary = parameter_of(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70)
    return fail(ErrorCode::kInvalidArgument, "the multipart form's boundary is missing, or longer than 70 characters");
  const std::string first = "--" + boundary, next = "\r\n" + first;
  const size_t start = body.starts_with(first) ? 0 : body.find(next);
  if (start == std::string_view::npos) return fail(ErrorCode::kInvalidArgument, "the multipart form has no part");
  body.remove_prefix(start == 0 ? first.size() : start + next.size());
  NamedValues out;
  while (!body.starts_with("--")) {
    const size_t head_end = body.find("\r\n\r\n");
    if (!body.starts_with("\r\n") || head_end == std::string_view::npos)
      return fail(ErrorCode::kInvalidArgument, "the multipart form is cut off, or a part has no headers");
    if (head_end > kMultipartHeadMax)
      return fail(ErrorCode::kResourceExhausted, "a part of the form has more than {} bytes of headers",
                  kMultipartHeadMax);
    if (out.size() == kMultipartPartsMax)
      return fail(ErrorCode::kResourceExhausted, "the form has more than {} parts", kMultipartPartsMax);
    auto name = name_of(body.substr(2, head_end - 2));
    if (!name) return fail(std::move(name).error());
    body.remove_prefix(head_end + 4);
    const size_t end = body.find(next);
    if (end == std::string_view::npos) return fail(ErrorCode::kInvalidArgument, "the multipart form is cut off");
    out.emplace_back(std::move(*name), body.substr(0, end));
    body.remove_prefix(end + next.size());
  }
  return out;
}

}  // namespace dragonfly
