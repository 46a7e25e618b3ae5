// ServerIdentity: the certificate by which this server is known. Either the operator's (two files), or one of its own
// under an authority that is made at the first start, in a directory:
//
//   ca.crt      what clients are given to trust        server.crt   renewed 30 days before its end, and when the
//   ca.key      signs server.crt                       server.key   machine's names change
//
// Units      none.
// Ownership  borrows FileSystem and Clock, which outlive it.
// Threading  current() and info(): any thread; refresh(): one.
// Errors     open(): what is wrong with which file. refresh(): the same, and the certificate before stays in force.
// Limits     files of kPemBytesMax.
#pragma once

#include <memory>
#include <mutex>

#include "base/fs/file.h"
#include "base/rt/clock.h"
#include "base/tls/tls_session.h"

namespace dragonfly {

struct ServerIdentityOptions {
  Path directory;    // Of our own authority.
  Path certificate;  // The operator's: both or none.
  Path key;
  HostNames hosts;  // For our own certificate.
};

class ServerIdentity {
 public:
  static Result<std::unique_ptr<ServerIdentity>> open(FileSystem& files, const Clock& clock,
                                                      ServerIdentityOptions options);
  // For the next connection.
  std::shared_ptr<const TlsContext> current() const;
  CertificateInfo info() const;
  // What a client has to trust: the authority's file; empty where the operator's certificate is used.
  Path authority_file() const { return is_own() ? options_.directory / "ca.crt" : Path(); }
  // Looks at the files again, and renews our own where that is due. True: another certificate is in force now.
  Result<bool> refresh();

 private:
  ServerIdentity(FileSystem& files, const Clock& clock, ServerIdentityOptions options)
      : files_(files), clock_(clock), options_(std::move(options)) {}
  bool is_own() const { return options_.certificate.empty(); }
  Result<std::string> read(const Path& path);
  Result<PemPair> read_pair(const Path& certificate, const Path& key);
  Result<PemPair> own_pair();
  Result<PemPair> authority();
  bool is_good(const PemPair& pair, const std::string& authority) const;

  FileSystem& files_;
  const Clock& clock_;
  const ServerIdentityOptions options_;
  PemPair seen_;  // Of the newest refresh(), whether it could be used or not.
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> current_;
  CertificateInfo info_;
};

}  // namespace dragonfly
