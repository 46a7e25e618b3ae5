#include "tls_files.h"

#include "base/net/endpoint.h"
#include "base/net/machine_names.h"
#include "base/obs/log.h"

namespace dragonfly {
namespace {

// Under what clients may ask for this server: the machine's names, and what the operator adds.
HostNames hosts_of(const ServerSettings& settings) {
  MachineNames machine = this_machine();
  HostNames hosts{std::move(machine.names), std::move(machine.addresses)};
  std::vector<std::string> more = settings.tls_names;
  if (const auto listen = Endpoint::parse(settings.http)) more.push_back(listen->host());
  const auto advertised = settings.advertise.rfind(':');
  if (advertised != std::string::npos) more.push_back(settings.advertise.substr(0, advertised));
  for (std::string& name : more) {
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    const bool any = name == "0.0.0.0" || name == "::" || name.empty();
    const bool is_address = Endpoint::parse(name.find(':') == name.npos ? name + ":1" : "[" + name + "]:1").has_value();
    if (!any) (is_address ? hosts.addresses : hosts.names).push_back(name);
  }
  return hosts;
}

}  // namespace

bool wants_tls(const ServerSettings& settings) {
  const auto listen = Endpoint::parse(settings.http);
  return settings.tls_mode == "on" || (settings.tls_mode == "auto" && !(listen && listen->is_loopback()));
}

Result<std::unique_ptr<TlsFiles>> TlsFiles::open(const ServerSettings& settings, const Clock& clock) {
  ServerIdentityOptions options;
  options.directory = Path(settings.data_dir) / "tls";
  options.certificate = settings.tls_certificate;
  options.key = settings.tls_key;
  options.hosts = hosts_of(settings);
  auto identity = ServerIdentity::open(system_files(), clock, std::move(options));
  if (!identity) return fail(identity.error());
  return std::unique_ptr<TlsFiles>(new TlsFiles(std::move(*identity), settings));
}

void TlsFiles::refresh() {
  const auto changed = identity_->refresh();
  if (changed && *changed) {
    log_info("tls", "a new certificate is in force: {}, valid until {}", identity_->info().fingerprint,
             format_rfc3339(identity_->info().not_after));
  }
  const std::string trouble = changed ? std::string() : changed.error().message;
  if (trouble == trouble_) return;
  trouble_ = trouble;
  if (!trouble.empty()) log_warning("tls", "{}; the certificate before stays in force", trouble);
}

Result<std::string> TlsFiles::authority() const {
  const Path own = identity_->authority_file();
  const Path file = !own.empty() ? own : authority_.empty() ? Path(certificate_) : Path(authority_);
  const auto text = system_files().read_file(file, kPemBytesMax);
  if (!text) return fail(text.error());
  std::string out(as_text(*text));
  if (!own.empty() || !authority_.empty()) return out;
  // A chain ends with who vouches for the rest of it; a single certificate may have signed itself.
  out.erase(0, std::min(out.rfind("-----BEGIN CERTIFICATE-----"), out.size()));
  const auto info = describe_certificate(out);
  if (info && info->is_authority) return out;
  return fail(ErrorCode::kInvalidArgument,
              "{} does not hold who vouches for it: name a file with that certificate as tls.authority", file.string());
}

std::string TlsFiles::key_pin() const {
  return identity_->authority_file().empty() && authority_.empty() ? "" : identity_->info().key_pin;
}

std::string TlsFiles::told() const {
  const Path file = identity_->authority_file();
  if (file.empty()) {
    return fmt::format("tls: certificate {}, SHA-256 {}", identity_->info().subject, identity_->info().fingerprint);
  }
  const auto text = system_files().read_file(file, kPemBytesMax);
  const auto info = text ? describe_certificate(as_text(*text)) : fail(text.error());
  return fmt::format("tls: clients trust {}, SHA-256 {}", file.string(),
                     info ? info->fingerprint : info.error().message);
}

}  // namespace dragonfly
