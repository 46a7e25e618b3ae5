#include "surface/api/pieces.h"

#include "surface/api/subject.h"

namespace dragonfly {

Result<bool> JsonBody::next(std::string& out) {
  bool more = true;
  while (more && text_.size() < kPieceBytes) {
    const auto written = write_part(json_);
    if (!written) return fail(written.error());
    more = *written;
  }
  if (out.empty()) {
    std::swap(out, text_);
  } else {
    out.append(text_);
  }
  text_.clear();
  return more;
}

void answer_in_pieces(const Responder& responder, std::unique_ptr<HttpBody> body, std::string_view content_type) {
  HttpResponse response;
  response.content_type = content_type;
  response.headers.emplace_back("Cache-Control", "no-store");
  const auto more = body->next(response.body);
  if (!more) return answer_error(responder, more.error());
  if (!*more) return responder.answer(std::move(response));
  responder.answer_in_pieces(std::move(response), std::move(body));
}

}  // namespace dragonfly
