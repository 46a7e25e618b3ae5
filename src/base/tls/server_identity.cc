#include "base/tls/server_identity.h"

#include <algorithm>

namespace dragonfly {
namespace {

constexpr Duration kRenewBefore = 30 * 24h;

bool has_all(const std::vector<std::string>& have, const std::vector<std::string>& wanted) {
  return std::includes(have.begin(), have.end(), wanted.begin(), wanted.end());
}

}  // namespace

Result<std::unique_ptr<ServerIdentity>> ServerIdentity::open(FileSystem& files, const Clock& clock,
                                                             ServerIdentityOptions options) {
  if (options.certificate.empty() != options.key.empty()) {
    return fail(ErrorCode::kInvalidArgument, "tls.certificate and tls.key belong together: give both or none");
  }
  options.hosts.tidy();
  std::unique_ptr<ServerIdentity> identity(new ServerIdentity(files, clock, std::move(options)));
  const auto first = identity->refresh();
  if (!first) return fail(first.error());
  return identity;
}

std::shared_ptr<const TlsContext> ServerIdentity::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

CertificateInfo ServerIdentity::info() const {
  const std::lock_guard lock(mutex_);
  return info_;
}

Result<bool> ServerIdentity::refresh() {
  auto pair = is_own() ? own_pair() : read_pair(options_.certificate, options_.key);
  if (!pair) return fail(pair.error());
  if (pair->certificate == seen_.certificate && pair->key == seen_.key) return false;
  seen_ = *pair;
  const std::string file = (is_own() ? options_.directory / "server.crt" : options_.certificate).string();
  auto context = TlsContext::make(*pair);
  if (!context) return fail(context.error().code, "{}: {}", file, context.error().message);
  auto info = describe_certificate(pair->certificate);
  if (!info) return fail(info.error().code, "{}: {}", file, info.error().message);
  const std::lock_guard lock(mutex_);
  current_ = std::move(*context);
  info_ = std::move(*info);
  return true;
}

Result<std::string> ServerIdentity::read(const Path& path) {
  auto bytes = files_.read_file(path, kPemBytesMax);
  if (!bytes) return fail(bytes.error());
  return std::string(as_text(*bytes));
}

Result<PemPair> ServerIdentity::read_pair(const Path& certificate, const Path& key) {
  auto certificate_text = read(certificate);
  if (!certificate_text) return fail(certificate_text.error());
  auto key_text = read(key);
  if (!key_text) return fail(key_text.error());
  return PemPair(std::move(*certificate_text), std::move(*key_text));
}

// The authority; made where there is none at all. One whose key lies elsewhere cannot renew, but what it signed is good.
Result<PemPair> ServerIdentity::authority() {
  const Path certificate_file = options_.directory / "ca.crt";
  const Path key_file = options_.directory / "ca.key";
  auto pair = read_pair(certificate_file, key_file);
  if (pair) {
    if (const auto good = check_pair(*pair); !good) {
      return fail(good.error().code, "{}: {}", certificate_file.string(), good.error().message);
    }
    return pair;
  }
  auto certificate = read(certificate_file);
  if (certificate) return PemPair(std::move(*certificate), {});
  if (certificate.error().code != ErrorCode::kNotFound) return fail(certificate.error());
  auto made = make_authority(clock_.wall());
  if (!made) return fail(made.error());
  DF_TRY(files_.make_directories(options_.directory));
  DF_TRY(files_.replace_file(key_file, as_bytes(made->key)));
  DF_TRY(files_.replace_file(certificate_file, as_bytes(made->certificate)));
  return made;
}

bool ServerIdentity::is_good(const PemPair& pair, const std::string& authority) const {
  const auto info = describe_certificate(pair.certificate);
  if (!info || !check_pair(pair) || !is_signed_by(pair.certificate, authority)) return false;
  const Timestamp now = clock_.wall();
  return info->not_before <= now && info->not_after - kRenewBefore > now &&
         has_all(info->hosts.names, options_.hosts.names) && has_all(info->hosts.addresses, options_.hosts.addresses);
}

Result<PemPair> ServerIdentity::own_pair() {
  const Path certificate_file = options_.directory / "server.crt";
  const Path key_file = options_.directory / "server.key";
  auto root = authority();
  if (!root) return fail(root.error());
  auto pair = read_pair(certificate_file, key_file);
  // Without the authority's key there is nothing better to be had than what is there.
  if (pair && (is_good(*pair, root->certificate) || root->key.empty())) return pair;
  if (root->key.empty()) {
    return fail(ErrorCode::kNotFound, "{} is not there, and without {} no other can be made: restore either of them",
                certificate_file.string(), (options_.directory / "ca.key").string());
  }
  auto made = make_server_certificate(*root, options_.hosts, clock_.wall());
  if (!made) return fail(made.error());
  DF_TRY(files_.replace_file(key_file, as_bytes(made->key)));
  DF_TRY(files_.replace_file(certificate_file, as_bytes(made->certificate)));
  return made;
}

}  // namespace dragonfly
