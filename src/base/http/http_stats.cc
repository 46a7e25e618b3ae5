#include "base/http/http_stats.h"

namespace dragonfly {

void write_metrics(const HttpStats& stats, MetricsText& text) {
  static constexpr std::array<std::string_view, 5> kClasses = {"class=\"1xx\"", "class=\"2xx\"", "class=\"3xx\"",
                                                               "class=\"4xx\"", "class=\"5xx\""};
  text.family("dragonfly_http_answers_total", "counter", "HTTP answers by class of status.");
  for (size_t i = 0; i < kClasses.size(); ++i) text.sample(stats.answers[i].value(), kClasses[i]);
  text.counter("dragonfly_http_connections_accepted_total", "HTTP connections accepted.", stats.connections_accepted);
  text.counter("dragonfly_http_connections_refused_total", "HTTP connections refused: too many.",
               stats.connections_refused);
  text.gauge("dragonfly_http_connections", "HTTP connections open now.",
             static_cast<double>(stats.connections_open.value()));
  text.gauge("dragonfly_http_streams", "HTTP event streams open now.", static_cast<double>(stats.streams_open.value()));
  text.counter("dragonfly_http_requests_refused_total", "HTTP requests refused before a handler was asked.",
               stats.requests_refused);
  text.counter("dragonfly_http_requests_overload_total", "HTTP requests refused because the server was too busy.",
               stats.requests_overload);
  text.counter("dragonfly_http_requests_abandoned_total", "HTTP requests whose peer left before the answer was there.",
               stats.requests_abandoned);
  text.counter("dragonfly_http_answers_broken_total", "HTTP answers that broke off after their first bytes.",
               stats.answers_broken);
  text.gauge("dragonfly_http_answers_in_pieces", "HTTP answers being made piece by piece now.",
             static_cast<double>(stats.pieces_open.value()));
  text.counter("dragonfly_http_timeouts_total", "HTTP connections ended because the peer was too slow.",
               stats.timeouts);
  text.counter("dragonfly_http_handshakes_failed_total", "TLS handshakes that failed or came too slowly.",
               stats.handshakes_failed);
  text.counter("dragonfly_http_received_bytes_total", "Bytes of HTTP heads and bodies received.", stats.bytes_in);
  text.counter("dragonfly_http_sent_bytes_total", "Bytes of HTTP answers sent.", stats.bytes_out);
  text.counter("dragonfly_http_stream_chunks_dropped_total", "Stream events dropped because the reader was too slow.",
               stats.stream_chunks_dropped);
}

}  // namespace dragonfly
