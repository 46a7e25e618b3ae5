// POST /api/v1/frames: an agent's datagrams, where UDP does not get through (docs/formats/frame_batch.md).
#include "model/frame/frame_batch.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

HttpResponse response_of(const Result<std::vector<Bytes>>& answer) {
  if (!answer) {
    HttpResponse response = error_response(http_status(answer.error().code), answer.error().message);
    if (response.status == 503 || response.status == 507) response.headers.emplace_back("Retry-After", "2");
    return response;
  }
  Bytes batch;
  for (const Bytes& datagram : *answer) add_to_batch(datagram, batch);
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = as_text(batch);
  return response;
}

}  // namespace

void answer_frames(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  if (call.request.body.size() > kBatchBytesMax) {
    return call.responder.answer(error_response(
        413, fmt::format("the body has {} bytes; allowed are {}", call.request.body.size(), kBatchBytesMax)));
  }
  const auto batch = read_batch(as_bytes(call.request.body));
  if (!batch) return call.responder.answer(error_response(400, "no batch of frames: " + batch.error().message));
  if (batch->datagrams.empty()) return call.responder.answer(response_of(std::vector<Bytes>()));
  AgentFrames frames{batch->agent_id, {}, call.request.remote};
  for (const ByteView datagram : batch->datagrams) frames.datagrams.emplace_back(datagram.begin(), datagram.end());
  // A few hundred bytes: they may be answered on the shard's thread.
  parts.frames.take_frames(std::move(frames),
                           [responder = call.responder](auto answer) { responder.answer(response_of(answer)); });
}

}  // namespace dragonfly
