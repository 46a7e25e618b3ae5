#include "base/tls/tls_session.h"

#include "base/core/assert.h"
#include "base/tls/openssl.h"

namespace dragonfly {

using tls_internal::ContextPtr;
using tls_internal::last_error;

namespace {

// Forward secrecy and authenticated encryption only; TLS 1.3's own suites are all of that kind.
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const unsigned char kProtocols[] = "\x08http/1.1";

// Of the protocols that a client offers by ALPN; one that offers none of ours is served all the same.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, size, kProtocols, sizeof kProtocols - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

bool use_pair(SSL_CTX& context, const PemPair& pair) {
  const auto pem = tls_internal::reading(pair.certificate);
  const auto first = tls_internal::read_certificate(*pem);
  const auto key = tls_internal::read_key(pair.key);
  if (SSL_CTX_use_certificate(&context, first.get()) != 1 || SSL_CTX_use_PrivateKey(&context, key.get()) != 1) {
    return false;
  }
  while (auto above = tls_internal::read_certificate(*pem)) {
    if (SSL_CTX_add1_chain_cert(&context, above.get()) != 1) return false;
  }
  ERR_clear_error();  // The end of the text.
  return true;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const PemPair& pair) {
  DF_TRY(check_pair(pair));
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kTls12Ciphers) != 1 || !use_pair(*context, pair)) {
    return fail(ErrorCode::kInvalidArgument, "the certificate cannot be used: {}", last_error());
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release()));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int descriptor)
    : context_(std::move(context)), ssl_(SSL_new(context_->context_)) {
  if (ssl_ == nullptr || SSL_set_fd(ssl_, descriptor) != 1) die_of_environment("OpenSSL has no memory for a session");
  SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

TlsSession::Step TlsSession::step_of(int result, size_t bytes) {
  if (result == 1) return {Outcome::kDone, bytes};
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return {Outcome::kWaitsRead};
    case SSL_ERROR_WANT_WRITE: return {Outcome::kWaitsWrite};
    case SSL_ERROR_ZERO_RETURN: return {Outcome::kClosed};
    default: break;
  }
  const unsigned long code = ERR_peek_error();
  peer_spoke_http_ = ERR_GET_LIB(code) == ERR_LIB_SSL &&
                     (ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST || ERR_GET_REASON(code) == SSL_R_HTTPS_PROXY_REQUEST);
  failed_ = true;
  error_ = code == 0 ? "the connection broke" : last_error();
  ERR_clear_error();
  return {Outcome::kFailed};
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  return step_of(SSL_do_handshake(ssl_), 0);
}

TlsSession::Step TlsSession::read(std::span<char> out) {
  ERR_clear_error();
  size_t bytes = 0;
  const int result = SSL_read_ex(ssl_, out.data(), out.size(), &bytes);
  return step_of(result, bytes);
}

TlsSession::Step TlsSession::write(std::string_view data) {
  ERR_clear_error();
  size_t bytes = 0;
  const int result = SSL_write_ex(ssl_, data.data(), data.size(), &bytes);
  return step_of(result, bytes);
}

bool TlsSession::has_pending() const { return SSL_has_pending(ssl_) == 1; }

void TlsSession::say_end() {
  // After a failure OpenSSL forbids it.
  if (failed_ || SSL_in_init(ssl_) != 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace dragonfly
