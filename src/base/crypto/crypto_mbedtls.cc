#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include "base/core/assert.h"
#include "base/crypto/crypto.h"

namespace dragonfly {
namespace {

// mbedTLS can fail here only for want of memory.
void require(bool worked, const char* what) {
  if (!worked) [[unlikely]]
    die_of_environment(what);
}

}  // namespace

struct Aes256Gcm::Context {
  mbedtls_gcm_context gcm;
  bool keyed = false;
  Context() { mbedtls_gcm_init(&gcm); }
  ~Context() { mbedtls_gcm_free(&gcm); }  // Wipes the key schedule.
};

Aes256Gcm::Aes256Gcm() : context_(std::make_unique<Context>()) {}

Aes256Gcm::~Aes256Gcm() = default;

void Aes256Gcm::set_key(const Key256& key) {
  require(mbedtls_gcm_setkey(&context_->gcm, MBEDTLS_CIPHER_ID_AES, key.data(), 256) == 0, "no memory for a cipher");
  context_->keyed = true;
}

void Aes256Gcm::seal(const Nonce96& nonce, ByteView clear_header, ByteView plain, std::span<uint8_t> out) {
  DF_ASSERT(context_->keyed && out.size() == plain.size() + kSealTagBytes);
  require(mbedtls_gcm_crypt_and_tag(&context_->gcm, MBEDTLS_GCM_ENCRYPT, plain.size(), nonce.data(), nonce.size(),
                                    clear_header.data(), clear_header.size(), plain.data(), out.data(), kSealTagBytes,
                                    out.data() + plain.size()) == 0,
          "mbedTLS cannot seal");
}

bool Aes256Gcm::open(const Nonce96& nonce, ByteView clear_header, ByteView sealed, std::span<uint8_t> out) {
  DF_ASSERT(context_->keyed && sealed.size() >= kSealTagBytes && out.size() == sealed.size() - kSealTagBytes);
  if (mbedtls_gcm_auth_decrypt(&context_->gcm, out.size(), nonce.data(), nonce.size(), clear_header.data(),
                               clear_header.size(), sealed.data() + out.size(), kSealTagBytes, sealed.data(),
                               out.data()) == 0) {
    return true;
  }
  wipe(out);
  return false;
}

Key256 hkdf_sha256(ByteView key, ByteView salt, ByteView info) {
  Key256 out;
  require(mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), salt.data(), salt.size(), key.data(), key.size(),
                       info.data(), info.size(), out.data(), out.size()) == 0,
          "mbedTLS cannot derive a key");
  return out;
}

Digest256 sha256(ByteView bytes) {
  Digest256 out;
  require(mbedtls_sha256_ret(bytes.data(), bytes.size(), out.data(), 0) == 0, "mbedTLS cannot hash");
  return out;
}

void wipe(std::span<uint8_t> secret) { mbedtls_platform_zeroize(secret.data(), secret.size()); }

}  // namespace dragonfly
