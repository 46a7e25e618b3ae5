// Certificates: makes an authority of our own and certificates under it, and tells what is in one.
//
// Units      validity in seconds since 1970 inside, Timestamp outside.
// Ownership  values; PemPair wipes its key when it dies.
// Threading  pure but for OpenSSL's random generator, which any thread may use.
// Errors     kInvalidArgument: what was given is no PEM certificate or key, or the two do not belong together.
// Limits     PEM texts of kPemBytesMax; 200 names and addresses in a certificate.
// Source     RFC 5280 (profile), RFC 7468 (PEM).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"

namespace dragonfly {

inline constexpr size_t kPemBytesMax = 256 * 1024;
inline constexpr size_t kCertificateNamesMax = 200;

struct PemPair {
  std::string certificate;  // May be a chain: the certificate first, then those above it.
  std::string key;
  PemPair() = default;
  PemPair(std::string the_certificate, std::string the_key)
      : certificate(std::move(the_certificate)), key(std::move(the_key)) {}
  PemPair(const PemPair&) = default;
  PemPair(PemPair&&) = default;
  PemPair& operator=(const PemPair&) = default;
  PemPair& operator=(PemPair&&) = default;
  ~PemPair();
};

// What a server is called: DNS names, and addresses as digits.
struct HostNames {
  std::vector<std::string> names;
  std::vector<std::string> addresses;
  // Sorts, and drops what is there twice and what is neither a name nor an address.
  void tidy();
  bool operator==(const HostNames&) const = default;
};

struct CertificateInfo {
  std::string subject;      // Its common name.
  std::string fingerprint;  // SHA-256 over the DER form: "AB:CD:…".
  Timestamp not_before{};
  Timestamp not_after{};
  HostNames hosts;      // Tidied.
  std::string key_pin;  // SHA-256 over the public key's DER form in base64: what curl's --pinnedpubkey takes.
  bool is_authority = false;
};

// P-256, valid for ten years, may sign servers only.
Result<PemPair> make_authority(Timestamp now);
// P-256, valid for 397 days (what browsers take), for `hosts`.
Result<PemPair> make_server_certificate(const PemPair& authority, HostNames hosts, Timestamp now);

// Of the first certificate in the text.
Result<CertificateInfo> describe_certificate(std::string_view pem);
// SHA-256 over all certificates of the text as DER, one after the other.
Result<std::array<uint8_t, 32>> digest_of_certificates(std::string_view pem);
// Whether the text is a certificate, the other its key.
Result<> check_pair(const PemPair& pair);
// Whether the authority's key signed the certificate; false where either is none.
bool is_signed_by(std::string_view certificate_pem, std::string_view authority_pem);

}  // namespace dragonfly
