// What the HTTP server counts.
//
// Units      in the names; see write_metrics().
// Ownership  owned by the server.
// Threading  any thread.
// Errors     none.
// Limits     none.
#pragma once

#include <array>

#include "base/obs/metrics.h"

namespace dragonfly {

struct HttpStats {
  std::array<Counter, 5> answers;  // By class: [0] = 1xx … [4] = 5xx.
  Counter connections_accepted;
  Counter connections_refused;  // Over a limit of connections.
  Gauge connections_open;
  Counter handshakes_failed;  // Of TLS: too slow, without a common version, or no TLS at all.
  Gauge streams_open;
  Counter requests_refused;    // Answered by the server itself, before a handler was asked.
  Counter requests_overload;   // Of those: the workers' queue was full, or too many bytes of bodies waited.
  Counter requests_abandoned;  // The peer left before the answer was there.
  Counter answers_broken;      // Made piece by piece, and broken off by an error.
  Gauge pieces_open;           // Answers that are being made piece by piece.
  Counter timeouts;            // Slow headers, bodies and readers.
  Counter bytes_in;
  Counter bytes_out;
  Counter stream_chunks_dropped;  // A slow reader's buffer was full.

  void count_answer(int status) {
    if (status >= 100 && status < 600) answers[static_cast<size_t>(status) / 100 - 1].add();
  }
};

void write_metrics(const HttpStats& stats, MetricsText& text);

}  // namespace dragonfly
