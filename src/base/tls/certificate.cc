#include "base/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>

#include "base/tls/openssl.h"

namespace dragonfly {
namespace tls_internal {

BioPtr reading(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(std::min(text.size(), kPemBytesMax))));
}

X509Ptr read_certificate(BIO& pem) { return X509Ptr(PEM_read_bio_X509(&pem, nullptr, nullptr, nullptr)); }

KeyPtr read_key(std::string_view pem) {
  // A key under a password is refused: nobody is there to type it.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  return KeyPtr(PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, no_password, nullptr));
}

}  // namespace tls_internal

namespace {

using tls_internal::BioPtr;
using tls_internal::KeyPtr;
using tls_internal::last_error;
using tls_internal::X509Ptr;

constexpr int kAuthorityDays = 3650;
constexpr int kServerDays = 397;
// Clocks of clients may be behind ours.
constexpr Duration kBackdated = 1h;

bool is_address(const std::string& text) {
  in6_addr ignored{};
  return inet_pton(AF_INET, text.c_str(), &ignored) == 1 || inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

bool is_dns_name(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), allowed);
}

void sort_unique(std::vector<std::string>& all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

// What a certificate is made of; `issuer` null: it signs itself.
struct Plan {
  std::string common_name;
  int days = 0;
  std::vector<std::pair<int, std::string>> extensions;
  X509* issuer = nullptr;
  EVP_PKEY* issuer_key = nullptr;
};

bool add_extension(X509& certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(&certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool set_serial(X509& certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // Positive, and always as long.
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool set = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(&certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool fill(X509& certificate, EVP_PKEY& key, const Plan& plan, Timestamp now) {
  time_t since = unix_ns(now - kBackdated) / 1'000'000'000;
  X509_NAME* const subject = X509_get_subject_name(&certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(plan.common_name.c_str());
  X509* const issuer = plan.issuer != nullptr ? plan.issuer : &certificate;
  bool good = X509_set_version(&certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
              X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
              X509_set_issuer_name(&certificate, X509_get_subject_name(issuer)) == 1 &&
              X509_set_pubkey(&certificate, &key) == 1 &&
              X509_time_adj_ex(X509_getm_notBefore(&certificate), 0, 0, &since) != nullptr &&
              X509_time_adj_ex(X509_getm_notAfter(&certificate), plan.days, 0, &since) != nullptr;
  for (const auto& [kind, value] : plan.extensions) good = good && add_extension(certificate, issuer, kind, value);
  EVP_PKEY* const signer = plan.issuer_key != nullptr ? plan.issuer_key : &key;
  return good && X509_sign(&certificate, signer, EVP_sha256()) > 0;
}

template <class Write>
std::string written(Write write) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!out || write(out.get()) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  std::string copy(text, static_cast<size_t>(size));
  OPENSSL_cleanse(text, static_cast<size_t>(size));
  return copy;
}

Result<PemPair> make(const Plan& plan, Timestamp now) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  if (!key || !certificate || !fill(*certificate, *key, plan, now)) {
    return fail(ErrorCode::kIo, "a certificate for '{}' cannot be made: {}", plan.common_name, last_error());
  }
  PemPair out(written([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }), written([&](BIO* bio) {
                return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
              }));
  if (out.certificate.empty() || out.key.empty()) return fail(ErrorCode::kIo, "a certificate cannot be written");
  return out;
}

// "4A5B": tells two authorities of one name apart.
std::string random_suffix() {
  unsigned char bytes[4] = {};
  RAND_bytes(bytes, sizeof bytes);
  return fmt::format("{:02X}{:02X}{:02X}{:02X}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

Timestamp time_of(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Timestamp{};
  return Timestamp{} + std::chrono::seconds(timegm(&parts));
}

std::string address_text(const ASN1_OCTET_STRING& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const int size = ASN1_STRING_length(&address);
  if (size == 4 || size == 16)
    inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(&address), text, sizeof text);
  return text;
}

HostNames hosts_of(X509& certificate) {
  HostNames out;
  auto* const names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) {
      out.names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                             static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      out.addresses.push_back(address_text(*name->d.iPAddress));
    }
  }
  GENERAL_NAMES_free(names);
  out.tidy();
  return out;
}

std::string fingerprint_of(const X509& certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(&certificate, EVP_sha256(), digest, &size);
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{}{:02X}", i == 0 ? "" : ":", digest[i]);
  return out;
}

std::array<uint8_t, 32> sha256_of(const void* bytes, size_t size) {
  std::array<uint8_t, 32> out{};
  EVP_Digest(bytes, size, out.data(), nullptr, EVP_sha256(), nullptr);
  return out;
}

// In base64, as clients pin it.
std::string key_pin_of(const X509& certificate) {
  unsigned char* key = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &key);
  if (size <= 0) return {};
  const std::array<uint8_t, 32> digest = sha256_of(key, static_cast<size_t>(size));
  OPENSSL_free(key);
  unsigned char text[4 * ((digest.size() + 2) / 3) + 1];
  const int length = EVP_EncodeBlock(text, digest.data(), static_cast<int>(digest.size()));
  return std::string(reinterpret_cast<const char*>(text), static_cast<size_t>(length));
}

}  // namespace

PemPair::~PemPair() { OPENSSL_cleanse(key.data(), key.size()); }

void HostNames::tidy() {
  std::erase_if(names, [](const std::string& name) { return !is_dns_name(name); });
  std::erase_if(addresses, [](const std::string& address) { return !is_address(address); });
  for (std::string& address : addresses) {
    in6_addr bytes{};
    char text[INET6_ADDRSTRLEN] = "";
    const int family = inet_pton(AF_INET, address.c_str(), &bytes) == 1 ? AF_INET : AF_INET6;
    inet_pton(family, address.c_str(), &bytes);
    address = inet_ntop(family, &bytes, text, sizeof text);
  }
  sort_unique(names);
  sort_unique(addresses);
}

Result<PemPair> make_authority(Timestamp now) {
  Plan plan;
  plan.common_name = "CB-Dragonfly CA " + random_suffix();
  plan.days = kAuthorityDays;
  plan.extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                     {NID_key_usage, "critical,keyCertSign,cRLSign"},
                     {NID_subject_key_identifier, "hash"}};
  return make(plan, now);
}

Result<PemPair> make_server_certificate(const PemPair& authority, HostNames hosts, Timestamp now) {
  hosts.tidy();
  if (hosts.names.size() + hosts.addresses.size() > kCertificateNamesMax) {
    return fail(ErrorCode::kInvalidArgument, "{} names for one certificate; allowed are {}",
                hosts.names.size() + hosts.addresses.size(), kCertificateNamesMax);
  }
  DF_TRY(check_pair(authority));
  const X509Ptr issuer = tls_internal::read_certificate(*tls_internal::reading(authority.certificate));
  const KeyPtr issuer_key = tls_internal::read_key(authority.key);
  std::string names;
  for (const std::string& name : hosts.names) names += fmt::format("{}DNS:{}", names.empty() ? "" : ",", name);
  for (const std::string& one : hosts.addresses) names += fmt::format("{}IP:{}", names.empty() ? "" : ",", one);
  if (names.empty()) return fail(ErrorCode::kInvalidArgument, "a server's certificate needs a name or an address");
  Plan plan;
  plan.common_name = "CB-Dragonfly server";
  plan.days = kServerDays;
  plan.issuer = issuer.get();
  plan.issuer_key = issuer_key.get();
  plan.extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                     {NID_key_usage, "critical,digitalSignature"},
                     {NID_ext_key_usage, "serverAuth"},
                     {NID_subject_key_identifier, "hash"},
                     {NID_authority_key_identifier, "keyid:always"},
                     {NID_subject_alt_name, names}};
  return make(plan, now);
}

Result<CertificateInfo> describe_certificate(std::string_view pem) {
  const X509Ptr certificate = tls_internal::read_certificate(*tls_internal::reading(pem));
  if (!certificate) return fail(ErrorCode::kInvalidArgument, "no PEM certificate: {}", last_error());
  CertificateInfo info;
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
  info.subject = name;
  info.fingerprint = fingerprint_of(*certificate);
  info.not_before = time_of(X509_get0_notBefore(certificate.get()));
  info.not_after = time_of(X509_get0_notAfter(certificate.get()));
  info.hosts = hosts_of(*certificate);
  info.is_authority = X509_check_ca(certificate.get()) > 0;
  info.key_pin = key_pin_of(*certificate);
  return info;
}

Result<std::array<uint8_t, 32>> digest_of_certificates(std::string_view pem) {
  const auto text = tls_internal::reading(pem);
  std::vector<unsigned char> all;
  while (const X509Ptr certificate = tls_internal::read_certificate(*text)) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size <= 0) return fail(ErrorCode::kInvalidArgument, "a damaged certificate: {}", last_error());
    all.insert(all.end(), der, der + size);
    OPENSSL_free(der);
  }
  if (all.empty()) return fail(ErrorCode::kInvalidArgument, "no PEM certificate: {}", last_error());
  ERR_clear_error();  // Of the end.
  return sha256_of(all.data(), all.size());
}

Result<> check_pair(const PemPair& pair) {
  const X509Ptr certificate = tls_internal::read_certificate(*tls_internal::reading(pair.certificate));
  if (!certificate) return fail(ErrorCode::kInvalidArgument, "no PEM certificate: {}", last_error());
  const KeyPtr key = tls_internal::read_key(pair.key);
  if (!key) {
    return fail(ErrorCode::kInvalidArgument, "no PEM key without a password: {}", last_error());
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::kInvalidArgument, "the key does not belong to the certificate");
  }
  return {};
}

bool is_signed_by(std::string_view certificate_pem, std::string_view authority_pem) {
  const X509Ptr certificate = tls_internal::read_certificate(*tls_internal::reading(certificate_pem));
  const X509Ptr authority = tls_internal::read_certificate(*tls_internal::reading(authority_pem));
  const bool is = certificate && authority && X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
  ERR_clear_error();
  return is;
}

}  // namespace dragonfly
