#include "ingest/receiver/receiver_stats.h"

#include <fmt/core.h>

namespace dragonfly {

void ReceiverStats::write(MetricsText& text) const {
  text.counter("dragonfly_datagrams_received_total", "Datagrams that the sockets took.", datagrams);
  text.counter("dragonfly_datagrams_https_total", "Datagrams of frames that came by HTTPS.", datagrams_https);
  text.counter("dragonfly_sessions_duplicate_total", "Sessions that several machines began under one agent's key.",
               sessions_duplicate);
  text.counter("dragonfly_frames_received_total", "Native frames that opened.", frames);
  text.family("dragonfly_datagrams_malformed_total", "counter", "Datagrams refused as a whole, by cause.");
  for (size_t i = 0; i < faults.size(); ++i)
    text.sample(faults[i].value(), fmt::format("cause=\"{}\"", kDatagramFaultNames[i]));
  text.family("dragonfly_frames_dropped_total", "counter", "Frames lost inside the server, by cause.");
  text.sample(frames_dropped_full.value(), "cause=\"mailbox_full\"");
  text.sample(kernel_drops.value(), "cause=\"socket_buffer_full\"");
  text.sample(frames_dropped_pace.value(), "cause=\"agent_pace\"");
  text.sample(datagrams_dropped_door.value(), "cause=\"door_full\"");
  text.counter("dragonfly_frames_handed_over_total", "Frames that came in on another shard's socket.",
               frames_handed_over);
  text.counter("dragonfly_acks_sent_total", "Acknowledgements sent to agents.", acks);
  text.counter("dragonfly_requests_sent_total", "Requests sent to agents.", requests);
  text.counter("dragonfly_rows_received_total",
               "Rows taken from frames and lines; = stored + duplicate + refused + dropped + pending.", rows_received);
  text.family("dragonfly_rows_dropped_total", "counter",
              "Rows not kept, by cause; what was not acknowledged comes again.");
  for (size_t i = 0; i < rows_dropped.size(); ++i) {
    text.sample(rows_dropped[i].value(), fmt::format("cause=\"{}\"", kRowDropNames[i]));
  }
  text.family("dragonfly_rows_refused_total", "counter", "Rows refused for good, by cause.");
  for (size_t i = 0; i < rows_refused.size(); ++i) {
    text.sample(rows_refused[i].value(), fmt::format("cause=\"{}\"", kRowRefusalNames[i]));
  }
  text.family("dragonfly_agent_settings_reported_total", "counter",
              "What agents did with settings that they were told, by outcome.");
  for (size_t i = 1; i < settings_reported.size(); ++i) {
    text.sample(settings_reported[i].value(), fmt::format("outcome=\"{}\"", to_string(static_cast<SettingOutcome>(i))));
  }
  text.sample(settings_reported[0].value(), "outcome=\"other\"");
  text.counter("dragonfly_labels_forged_total", "Identity labels that differ from the agent's key; ignored.",
               labels_forged);
  text.histogram("dragonfly_durable_seconds", "From receive to commit.", durable);
  text.histogram("dragonfly_shard_turn_seconds", "Length of a shard thread's turn.", turn);
}

}  // namespace dragonfly
