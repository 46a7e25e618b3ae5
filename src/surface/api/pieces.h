// Inside surface/api: answers of any length, made piece by piece while they are sent.
//
// Units      bytes.
// Ownership  a body is owned by its answer and outlives the handler's call: it borrows only what outlives the server.
// Threading  a body is used by one thread at a time, each time by another.
// Errors     before the first bytes: an ordinary error answer; afterwards the answer breaks off (http_server.h).
// Limits     kPieceBytes a piece and what one part passes it by.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/core/json_writer.h"
#include "base/core/result.h"
#include "base/http/http_server.h"

namespace dragonfly {

inline constexpr size_t kPieceBytes = size_t{256} * 1024;

// JSON whose writer lives from the first piece to the last.
class JsonBody : public HttpBody {
 public:
  Result<bool> next(std::string& out) final;

 protected:
  // Writes the next part, some hundred kilobytes at most; false with the last.
  virtual Result<bool> write_part(JsonWriter& json) = 0;

 private:
  std::string text_;
  JsonWriter json_{text_};
};

// What ends within the first piece is an ordinary answer: with its length, its ETag, or its error.
void answer_in_pieces(const Responder& responder, std::unique_ptr<HttpBody> body,
                      std::string_view content_type = "application/json");

}  // namespace dragonfly
