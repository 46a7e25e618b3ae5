// Crypto: AES-256-GCM, HKDF-SHA256 and SHA-256, and nothing else.
//
// Two implementations of this one header: df_crypto_openssl (server, tools) and df_crypto_mbedtls (the static agent).
// An executable links exactly one of them.
//
// Units      sizes in bytes.
// Ownership  copies keys; wipes them when it dies.
// Threading  an Aes256Gcm belongs to one thread; the functions are pure.
// Errors     open() returns false for anything that does not authenticate, and has then zeroed `out`.
// Limits     plaintexts below 64 KiB here; a (key, nonce) pair must never seal twice.
// Source     NIST SP 800-38D (GCM), RFC 5869 (HKDF), FIPS 180-4 (SHA-256).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/core/bytes.h"

namespace dragonfly {

using Key256 = std::array<uint8_t, 32>;
using Nonce96 = std::array<uint8_t, 12>;
using Digest256 = std::array<uint8_t, 32>;
inline constexpr size_t kSealTagBytes = 16;

class Aes256Gcm {
 public:
  Aes256Gcm();
  ~Aes256Gcm();
  Aes256Gcm(const Aes256Gcm&) = delete;
  Aes256Gcm& operator=(const Aes256Gcm&) = delete;

  // One context serves many keys: re-keying costs 0.15 µs, a context of its own 1.2 KB.
  void set_key(const Key256& key);
  // out.size() = plain.size() + kSealTagBytes: ciphertext, then the tag. `plain` and `out` may not overlap.
  void seal(const Nonce96& nonce, ByteView clear_header, ByteView plain, std::span<uint8_t> out);
  // out.size() = sealed.size() - kSealTagBytes; sealed.size() >= kSealTagBytes.
  [[nodiscard]] bool open(const Nonce96& nonce, ByteView clear_header, ByteView sealed, std::span<uint8_t> out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Key256 hkdf_sha256(ByteView key, ByteView salt, ByteView info);
Digest256 sha256(ByteView bytes);
// Overwrites in a way that the compiler keeps.
void wipe(std::span<uint8_t> secret);

}  // namespace dragonfly
