// How the agent is, for people: what `cb-agent status` prints.
#include "edge/agent/agent.h"

namespace dragonfly {
namespace {

void line(std::string& out, std::string_view name, std::string_view value) {
  out += fmt::format("{:<16} {}\n", name, value);
}

std::string ago(MonotonicTime then, MonotonicTime now) { return fmt::format("{:.1f} s ago", seconds(now - then)); }

}  // namespace

void Agent::add_spool_status(std::string& out) const {
  if (!spool_) return line(out, "spool", "none; rows wait in memory only");
  const SpoolStats& stats = spool_->stats();
  line(out, "spool",
       fmt::format("{}, {} bytes of at most {}, rows up to {} old", spool_->directory().native(), spool_->bytes(),
                   options_.spool_bytes_max, format_duration(options_.spool_age_max)));
  line(out, "rows on disk",
       fmt::format("{} only there, {} read back, {} that the disk did not take", spool_->rows_waiting(),
                   stats.rows_read, stats.rows_unwritten));
  if (stats.bytes_damaged > 0) line(out, "damaged", fmt::format("{} bytes of the spool", stats.bytes_damaged));
  if (stats.errors > 0) line(out, "disk errors", fmt::format("{}, the last: {}", stats.errors, stats.last_error));
}

std::string Agent::interval_status() const {
  const std::string interval = format_duration(options_.interval);
  const std::string_view told = settings_->value(kPushedInterval);
  if (!options_.is_pinned("--interval")) return told.empty() ? interval : interval + " (told by the server)";
  if (told.empty() || told == interval) return interval + " (pinned: given on the command line)";
  return fmt::format("{} (pinned: given on the command line; the server says {})", interval, told);
}

std::string Agent::transport_status(MonotonicTime now) const {
  if (!transport_.by_https()) return uplink_ ? "UDP" : "UDP alone; HTTPS needs a key by `cb-agent enroll`";
  const HttpsUplinkStats stats = uplink_->stats();
  std::string out = fmt::format("HTTPS since {}, for UDP gets no answer; {} batches, {} of them not taken",
                                ago(transport_.since(), now), stats.batches, stats.failed);
  if (stats.dropped > 0) out += fmt::format(", {} frames dropped", stats.dropped);
  return stats.error.empty() ? out : fmt::format("{}; the last: {}", out, stats.error);
}

std::string Agent::status() const {
  const Moment at = now();
  const AssociationStats& stats = association_->stats();
  std::string out;
  line(out, "vm", fmt::format("{}/{}/{}", identity_.ns, identity_.mcis, identity_.vm));
  line(out, "agent id", fmt::format("{:016x}", identity_.agent_id));
  line(out, "key",
       identity_.key ? fmt::format("{}, epoch {}", options_.key_file, association_->key_epoch())
                     : std::string("none; frames are plain"));
  if (identity_.enrolment) line(out, "enrolled", "at " + identity_.enrolment->url);
  line(out, "server",
       server_.endpoint() ? fmt::format("{} ({})", server_.text(), server_.endpoint()->to_string())
                          : fmt::format("{}: {}", server_.text(), server_.error()));
  line(out, "transport", transport_status(at.monotonic));
  const auto last_ack = association_->last_ack();
  line(out, "last ack", last_ack ? ago(*last_ack, at.monotonic) : "never");
  if (!key_trouble_.empty()) line(out, "key", "a newer one cannot be kept: " + key_trouble_);
  if (association_->standing() == AgentStanding::kOtherAgent) {
    line(out, "trouble", "the server hears another agent of this VM; rows wait");
  } else if (association_->silent(at.monotonic)) {
    line(out, "trouble", "the server does not answer");
  }
  if (!host_.place.csp.empty()) {
    line(out, "cloud",
         fmt::format("{}, region {}, zone {}, instance {} ({})", host_.place.csp, host_.place.region, host_.place.zone,
                     host_.place.instance_id, host_.place.instance_type));
  }
  line(out, "interval", interval_status());
  if (!settings_->refused().empty()) line(out, "not allowed", "told by the server: " + settings_->refused());
  line(out, "ticks", std::to_string(ticks_));
  line(out, "rows",
       fmt::format("{} taken, {} acknowledged, {} dropped, {} wait", stats.rows_taken, stats.rows_acked,
                   association_->rows_dropped(), association_->rows_waiting()));
  add_spool_status(out);
  for (size_t cause = 0; cause < stats.rows_refused.size(); ++cause) {
    if (stats.rows_refused[cause] == 0) continue;
    line(out, "refused",
         fmt::format("{} rows by the server: {}", stats.rows_refused[cause],
                     cause == 0 ? "a cause not known here" : to_string(static_cast<RefusalCause>(cause))));
  }
  line(out, "frames", fmt::format("{} sent, {} of them again", stats.frames_sent, stats.frames_resent));
  line(out, "datagrams",
       fmt::format("{} acks, {} requests, {} malformed, {} forged, {} replayed", stats.acks, stats.requests,
                   stats.malformed, stats.forged, stats.replayed));
  const ProbeStats& probes = probes_.stats();
  line(out, "sources",
       fmt::format("{} missing, {} malformed, {} too large", probes.missing, probes.malformed, probes.too_large));
  return out;
}

}  // namespace dragonfly
