#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/core/assert.h"
#include "base/crypto/crypto.h"

namespace dragonfly {
namespace {

// OpenSSL can fail here only for want of memory or because its provider is broken.
void require(bool worked, const char* what) {
  if (!worked) [[unlikely]]
    die_of_environment(what);
}

// Algorithms are looked up once: a look-up costs more than sealing a frame.
const EVP_CIPHER* gcm() {
  static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  require(kCipher != nullptr, "OpenSSL has no AES-256-GCM");
  return kCipher;
}

const EVP_MD* sha256_method() {
  static const EVP_MD* const kDigest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(kDigest != nullptr, "OpenSSL has no SHA-256");
  return kDigest;
}

EVP_KDF* hkdf_method() {
  static EVP_KDF* const kKdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  require(kKdf != nullptr, "OpenSSL has no HKDF");
  return kKdf;
}

OSSL_PARAM octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

struct Aes256Gcm::Context {
  EVP_CIPHER_CTX* evp = EVP_CIPHER_CTX_new();
  bool keyed = false;
  ~Context() { EVP_CIPHER_CTX_free(evp); }  // Wipes the key schedule.

  void start(const Nonce96& nonce, ByteView clear_header, int encrypt) {
    DF_ASSERT(keyed);
    int size = 0;
    require(EVP_CipherInit_ex2(evp, nullptr, nullptr, nonce.data(), encrypt, nullptr) == 1, "OpenSSL refuses a nonce");
    if (clear_header.empty()) return;
    require(EVP_CipherUpdate(evp, nullptr, &size, clear_header.data(), static_cast<int>(clear_header.size())) == 1,
            "OpenSSL refuses additional data");
  }
  void run(ByteView in, uint8_t* out) {
    int size = 0;
    if (in.empty()) return;
    require(EVP_CipherUpdate(evp, out, &size, in.data(), static_cast<int>(in.size())) == 1, "OpenSSL refuses data");
  }
};

Aes256Gcm::Aes256Gcm() : context_(std::make_unique<Context>()) {
  require(context_->evp != nullptr, "no memory for a cipher");
  require(EVP_CipherInit_ex2(context_->evp, gcm(), nullptr, nullptr, 1, nullptr) == 1, "OpenSSL refuses AES-256-GCM");
}

Aes256Gcm::~Aes256Gcm() = default;

void Aes256Gcm::set_key(const Key256& key) {
  // GCM runs AES forwards both ways, so that one schedule serves seal and open.
  require(EVP_CipherInit_ex2(context_->evp, nullptr, key.data(), nullptr, 1, nullptr) == 1, "OpenSSL refuses a key");
  context_->keyed = true;
}

void Aes256Gcm::seal(const Nonce96& nonce, ByteView clear_header, ByteView plain, std::span<uint8_t> out) {
  DF_ASSERT(out.size() == plain.size() + kSealTagBytes);
  context_->start(nonce, clear_header, 1);
  context_->run(plain, out.data());
  int size = 0;
  uint8_t rest[EVP_MAX_BLOCK_LENGTH];  // GCM leaves none.
  require(EVP_CipherFinal_ex(context_->evp, rest, &size) == 1, "OpenSSL cannot finish a seal");
  require(EVP_CIPHER_CTX_ctrl(context_->evp, EVP_CTRL_AEAD_GET_TAG, kSealTagBytes, out.data() + plain.size()) == 1,
          "OpenSSL gives no tag");
}

bool Aes256Gcm::open(const Nonce96& nonce, ByteView clear_header, ByteView sealed, std::span<uint8_t> out) {
  DF_ASSERT(sealed.size() >= kSealTagBytes && out.size() == sealed.size() - kSealTagBytes);
  const ByteView tag = sealed.last(kSealTagBytes);
  context_->start(nonce, clear_header, 0);
  context_->run(sealed.first(out.size()), out.data());
  require(
      EVP_CIPHER_CTX_ctrl(context_->evp, EVP_CTRL_AEAD_SET_TAG, kSealTagBytes, const_cast<uint8_t*>(tag.data())) == 1,
      "OpenSSL takes no tag");
  int size = 0;
  uint8_t rest[EVP_MAX_BLOCK_LENGTH];
  if (EVP_CipherFinal_ex(context_->evp, rest, &size) == 1) return true;
  wipe(out);
  return false;
}

Key256 hkdf_sha256(ByteView key, ByteView salt, ByteView info) {
  EVP_KDF_CTX* const context = EVP_KDF_CTX_new(hkdf_method());
  require(context != nullptr, "no memory for a key derivation");
  char digest[] = "SHA256";
  OSSL_PARAM params[5];
  size_t count = 0;
  params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
  params[count++] = octets(OSSL_KDF_PARAM_KEY, key);
  if (!salt.empty()) params[count++] = octets(OSSL_KDF_PARAM_SALT, salt);
  if (!info.empty()) params[count++] = octets(OSSL_KDF_PARAM_INFO, info);
  params[count] = OSSL_PARAM_construct_end();
  Key256 out;
  const int worked = EVP_KDF_derive(context, out.data(), out.size(), params);
  EVP_KDF_CTX_free(context);
  require(worked == 1, "OpenSSL cannot derive a key");
  return out;
}

Digest256 sha256(ByteView bytes) {
  Digest256 out;
  require(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, sha256_method(), nullptr) == 1,
          "OpenSSL cannot hash");
  return out;
}

void wipe(std::span<uint8_t> secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

}  // namespace dragonfly
