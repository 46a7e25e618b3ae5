// TlsFiles: the server's certificate over its life: opened at the start, looked at again every second and on SIGHUP.
//
// Units      none.
// Ownership  borrows the clock, which outlives it; connections share the identity.
// Threading  refresh(): one thread.
// Errors     open() as ServerIdentity; refresh() logs, once for each cause, and keeps what is in force.
// Limits     none.
#pragma once

#include "base/tls/server_identity.h"
#include "fleet/policy/server_keys.h"

namespace dragonfly {

// Whether HTTP is under TLS: where tls.mode says so, and on every address that others can reach.
bool wants_tls(const ServerSettings& settings);

class TlsFiles {
 public:
  static Result<std::unique_ptr<TlsFiles>> open(const ServerSettings& settings, const Clock& clock);
  std::shared_ptr<const ServerIdentity> identity() const { return identity_; }
  void refresh();
  // PEM: who vouches for the server, as machines that enrol are told. kInvalidArgument: the operator's certificate does
  // not say it, and tls.authority neither.
  Result<std::string> authority() const;
  // Of the certificate in force, for curl's --pinnedpubkey; empty where whoever asks knows its authority anyway.
  std::string key_pin() const;
  // A line for people: what clients have to trust.
  std::string told() const;

 private:
  TlsFiles(std::unique_ptr<ServerIdentity> identity, const ServerSettings& settings)
      : identity_(std::move(identity)), certificate_(settings.tls_certificate), authority_(settings.tls_authority) {}
  const std::shared_ptr<ServerIdentity> identity_;
  const std::string certificate_;  // Files of the operator's; may be empty.
  const std::string authority_;
  std::string trouble_;
};

}  // namespace dragonfly
