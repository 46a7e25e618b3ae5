// What operators and their tools ask of a running server: /healthcheck, /health, /metrics, and POST /write.
//
// Units      none.
// Ownership  borrows everything, which outlives it.
// Threading  handle() runs on HTTP workers.
// Errors     404 for what is not here, 405 for another method, with {"message": …}.
// Limits     those of the HTTP server and the door.
#pragma once

#include "base/http/http_server.h"
#include "base/obs/metrics.h"
#include "model/flow/row_door.h"
#include "store/log/log.h"
#include "store/tsdb/chunk_db.h"

namespace dragonfly {

class Operations {
 public:
  Operations(MetricsRegistry& metrics, RowDoor& door, const LogStats& log, const ChunkDb& store)
      : metrics_(metrics), door_(door), log_(log), store_(store) {}
  void handle(HttpRequest request, Responder responder);

 private:
  HttpResponse health() const;
  void write(HttpRequest request, const Responder& responder);
  MetricsRegistry& metrics_;
  RowDoor& door_;
  const LogStats& log_;
  const ChunkDb& store_;
};

}  // namespace dragonfly
