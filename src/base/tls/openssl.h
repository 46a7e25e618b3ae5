// Inside base/tls: OpenSSL's objects with an owner, and its errors as text.
//
// Units      none.
// Ownership  the pointers own; reading() borrows the text.
// Threading  errors are the calling thread's.
// Errors     null, with the cause left for last_error().
// Limits     kPemBytesMax.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

namespace dragonfly::tls_internal {

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;

// The oldest error of this thread; forgets all.
inline std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

// Both null where the text holds none; errors are left for last_error().
X509Ptr read_certificate(BIO& pem);
KeyPtr read_key(std::string_view pem);
BioPtr reading(std::string_view text);

}  // namespace dragonfly::tls_internal
