#include "base/https/https_client.h"

#include <fcntl.h>
#include <mbedtls/asn1.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/net/endpoint.h"

// Of Mbed TLS's archives, which are linked member by member, a client needs neither the server's side of the handshake nor
// the certificates of the self-test; together 84 kB.
extern "C" {
int mbedtls_ssl_handshake_server_step(mbedtls_ssl_context*) { return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE; }
extern const unsigned char mbedtls_test_ca_crt[] = {0};
extern const size_t mbedtls_test_ca_crt_len = 0;
extern const unsigned char mbedtls_test_cli_crt[] = {0};
extern const size_t mbedtls_test_cli_crt_len = 0;
}

namespace dragonfly {
namespace {

constexpr size_t kAlternativeNameTag = 0x80 | MBEDTLS_X509_SAN_IP_ADDRESS;

std::string reason(int code) {
  char text[128] = {};
  mbedtls_strerror(code, text, sizeof text);
  return text;
}

// The bytes of an address as they stand in a certificate; empty: it is a name.
Bytes address_bytes(const ServerUrl& url) {
  const auto endpoint = Endpoint::parse(url.authority());
  if (!endpoint) return {};
  const auto* bytes = reinterpret_cast<const uint8_t*>(endpoint->address());
  if (endpoint->is_ipv6()) bytes += offsetof(sockaddr_in6, sin6_addr);
  if (!endpoint->is_ipv6()) bytes += offsetof(sockaddr_in, sin_addr);
  return Bytes(bytes, bytes + (endpoint->is_ipv6() ? sizeof(in6_addr) : sizeof(in_addr)));
}

// Takes a tag and its length; false where there is none.
bool take(uint8_t*& at, uint8_t* end, int tag, size_t& size) { return mbedtls_asn1_get_tag(&at, end, &size, tag) == 0; }

// Whether `names`, the content of a subjectAltName, have the address.
bool names_have(uint8_t* at, uint8_t* end, ByteView address) {
  size_t size = 0;
  if (!take(at, end, MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED, size)) return false;
  end = at + size;
  while (at < end) {
    const uint8_t tag = *at++;
    if (mbedtls_asn1_get_len(&at, end, &size) != 0) return false;
    if (tag == kAlternativeNameTag && std::ranges::equal(ByteView(at, size), address)) return true;
    at += size;
  }
  return false;
}

// Mbed TLS 2.28 looks at the names of a certificate only.
bool certificate_has(const mbedtls_x509_crt& certificate, ByteView address) {
  uint8_t* at = certificate.v3_ext.p;
  uint8_t* const all = at + certificate.v3_ext.len;
  size_t size = 0;
  if (at == nullptr || !take(at, all, MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED, size)) return false;
  while (at < all) {
    if (!take(at, all, MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED, size)) return false;
    uint8_t* const next = at + size;
    if (!take(at, next, MBEDTLS_ASN1_OID, size)) return false;
    const bool is_names = ByteView(at, size).size() == MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME) &&
                          std::equal(at, at + size, reinterpret_cast<const uint8_t*>(MBEDTLS_OID_SUBJECT_ALT_NAME));
    at += size;
    int critical = 0;
    (void)mbedtls_asn1_get_bool(&at, next, &critical);
    if (is_names && take(at, next, MBEDTLS_ASN1_OCTET_STRING, size)) return names_have(at, at + size, address);
    at = next;
  }
  return false;
}

}  // namespace

class HttpsClient::Connection {
 public:
  Connection(const HttpsOptions& options, const Clock& clock, Random& random)
      : options_(options), clock_(clock), random_(random), address_(address_bytes(options.url)) {
    mbedtls_ssl_init(&ssl_);
    mbedtls_ssl_config_init(&config_);
    mbedtls_x509_crt_init(&authorities_);
  }
  ~Connection() {
    mbedtls_ssl_free(&ssl_);
    mbedtls_ssl_config_free(&config_);
    mbedtls_x509_crt_free(&authorities_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void set_deadline(MonotonicTime deadline) { deadline_ = deadline; }

  Result<> open() {
    DF_TRY(open_socket());
    return options_.url.tls ? shake_hands() : Result<>();
  }

  Result<> write(ByteView bytes) {
    while (!bytes.empty()) {
      const int put = options_.url.tls ? mbedtls_ssl_write(&ssl_, bytes.data(), bytes.size())
                                       : send_bytes(this, bytes.data(), bytes.size());
      if (put == MBEDTLS_ERR_SSL_WANT_WRITE || put == MBEDTLS_ERR_SSL_WANT_READ) continue;
      if (put <= 0) return ended(put);
      bytes = bytes.subspan(static_cast<size_t>(put));
    }
    return {};
  }

  // Up to out.size() bytes; 0: the end.
  Result<size_t> read(std::span<uint8_t> out) {
    while (true) {
      const int got = options_.url.tls ? mbedtls_ssl_read(&ssl_, out.data(), out.size())
                                       : receive_bytes(this, out.data(), out.size());
      if (got == MBEDTLS_ERR_SSL_WANT_WRITE || got == MBEDTLS_ERR_SSL_WANT_READ) continue;
      if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || got == 0) return size_t{0};
      if (got < 0) return ended(got);
      return static_cast<size_t>(got);
    }
  }

 private:
  std::string where() const { return options_.url.to_string(); }

  tl::unexpected<Error> ended(int code) const {
    if (code == MBEDTLS_ERR_SSL_TIMEOUT) return fail(ErrorCode::kTimeout, "{} did not answer in time", where());
    return fail(ErrorCode::kUnavailable, "the connection to {} ended: {}", where(),
                code == 0 ? std::string("closed by the server") : reason(code));
  }

  // False: the deadline passed.
  bool wait(short events) const {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock_.monotonic()).count();
      if (left <= 0) return false;
      pollfd waited{descriptor_, events, 0};
      const int ready = ::poll(&waited, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  Result<> open_socket() {
    const auto endpoint = Endpoint::resolve(options_.url.authority());
    if (!endpoint) return fail(ErrorCode::kUnavailable, "{}", endpoint.error().message);
    descriptor_ = ::socket(endpoint->address()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor_ < 0) return fail(ErrorCode::kUnavailable, "socket: {}", std::strerror(errno));
    const int yes = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    int error = ::connect(descriptor_, endpoint->address(), endpoint->length()) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      if (!wait(POLLOUT)) return fail(ErrorCode::kTimeout, "{} cannot be reached: no answer in time", where());
      socklen_t size = sizeof error;
      ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return {};
    return fail(ErrorCode::kUnavailable, "{} cannot be reached: {}", where(), std::strerror(error));
  }

  Result<> shake_hands() {
    if (const int code = set_up(); code != 0) {
      return fail(ErrorCode::kInvalidArgument, "TLS to {}: {}", where(), reason(code));
    }
    int code = 0;
    do code = mbedtls_ssl_handshake(&ssl_);
    while (code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE);
    if (code == 0) return {};
    if (code == MBEDTLS_ERR_SSL_TIMEOUT) return fail(ErrorCode::kTimeout, "{} did not answer in time", where());
    const uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
    if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && flags != 0) {
      return fail(ErrorCode::kPermissionDenied, "{} is not who it should be: {}", where(), why_not(flags));
    }
    return fail(ErrorCode::kUnavailable, "no TLS with {}: {}", where(), reason(code));
  }

  // The reasons of a failed verification on one line.
  static std::string why_not(uint32_t flags) {
    char text[512] = {};
    mbedtls_x509_crt_verify_info(text, sizeof text, "", flags);
    std::string out(text);
    while (!out.empty() && out.back() == '\n') out.pop_back();
    for (size_t at = out.find('\n'); at != std::string::npos; at = out.find('\n')) out.replace(at, 1, "; ");
    return out;
  }

  int set_up() {
    int code = mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                           MBEDTLS_SSL_PRESET_DEFAULT);
    if (code != 0) return code;
    mbedtls_ssl_conf_min_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_rng(&config_, random_bytes, &random_);
    mbedtls_ssl_conf_authmode(&config_,
                              options_.authorities.empty() ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
    for (const Bytes& one : options_.authorities) {
      if ((code = mbedtls_x509_crt_parse_der(&authorities_, one.data(), one.size())) != 0) return code;
    }
    mbedtls_ssl_conf_ca_chain(&config_, &authorities_, nullptr);
    if (!address_.empty()) mbedtls_ssl_conf_verify(&config_, check_address, this);
    if ((code = mbedtls_ssl_setup(&ssl_, &config_)) != 0) return code;
    if (address_.empty() && (code = mbedtls_ssl_set_hostname(&ssl_, options_.url.host.c_str())) != 0) return code;
    mbedtls_ssl_set_bio(&ssl_, this, send_bytes, receive_bytes, nullptr);
    return 0;
  }

  static int random_bytes(void* random, unsigned char* out, size_t size) {
    static_cast<Random*>(random)->fill({out, size});
    return 0;
  }

  static int check_address(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags) {
    const auto& connection = *static_cast<const Connection*>(self);
    if (depth == 0 && !certificate_has(*certificate, connection.address_)) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return 0;
  }

  static int send_bytes(void* self, const unsigned char* bytes, size_t size) {
    const auto& connection = *static_cast<const Connection*>(self);
    while (true) {
      const ssize_t put = ::send(connection.descriptor_, bytes, size, MSG_NOSIGNAL);
      if (put >= 0) return static_cast<int>(put);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return MBEDTLS_ERR_NET_SEND_FAILED;
      if (!connection.wait(POLLOUT)) return MBEDTLS_ERR_SSL_TIMEOUT;
    }
  }

  static int receive_bytes(void* self, unsigned char* bytes, size_t size) {
    const auto& connection = *static_cast<const Connection*>(self);
    while (true) {
      const ssize_t got = ::recv(connection.descriptor_, bytes, size, 0);
      if (got >= 0) return static_cast<int>(got);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return MBEDTLS_ERR_NET_RECV_FAILED;
      if (!connection.wait(POLLIN)) return MBEDTLS_ERR_SSL_TIMEOUT;
    }
  }

  const HttpsOptions& options_;
  const Clock& clock_;
  Random& random_;
  const Bytes address_;  // That the certificate must have; empty: it is a name.
  MonotonicTime deadline_{};
  int descriptor_ = -1;
  mbedtls_ssl_context ssl_;
  mbedtls_ssl_config config_;
  mbedtls_x509_crt authorities_;
};

HttpsClient::HttpsClient(HttpsOptions options, const Clock& clock, Random& random)
    : options_(std::move(options)), clock_(clock), random_(random) {}

HttpsClient::~HttpsClient() = default;

Result<> HttpsClient::connect(MonotonicTime deadline) {
  auto made = std::make_unique<Connection>(options_, clock_, random_);
  made->set_deadline(deadline);
  DF_TRY(made->open());
  connection_ = std::move(made);
  return {};
}

Result<HttpsAnswer> HttpsClient::ask(const HttpsQuestion& question) {
  const MonotonicTime deadline = clock_.monotonic() + options_.within;
  for (bool kept = connection_ != nullptr;; kept = false) {
    if (!connection_) DF_TRY(connect(deadline));
    connection_->set_deadline(deadline);
    bool answered = false;
    auto answer = exchange(question, answered);
    if (!answer) connection_.reset();
    if (answer || !kept || answered || answer.error().code == ErrorCode::kTimeout) return answer;
  }
}

Result<HttpsAnswer> HttpsClient::exchange(const HttpsQuestion& question, bool& answered) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: cb-agent\r\n", question.method,
                                 question.path, options_.url.authority());
  if (!question.token.empty()) head += fmt::format("Authorization: Bearer {}\r\n", question.token);
  if (question.method != "GET") {
    head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", question.content_type, question.body.size());
  }
  Bytes sent(head.begin(), head.end());
  sent.insert(sent.end(), {'\r', '\n'});
  sent.insert(sent.end(), question.body.begin(), question.body.end());
  DF_TRY(connection_->write(sent));

  std::string got;
  uint8_t part[4096];
  const auto read_more = [&]() -> Result<size_t> {
    auto size = connection_->read(part);
    if (!size) return size;
    answered = answered || *size > 0;
    got.append(reinterpret_cast<const char*>(part), *size);
    return size;
  };
  size_t end = std::string::npos;
  while ((end = got.find("\r\n\r\n")) == std::string::npos && got.size() <= kAnswerHeadBytesMax) {
    const auto size = read_more();
    if (!size) return fail(size.error());
    if (*size == 0) {
      return fail(ErrorCode::kUnavailable, "{} closed the connection without an answer", options_.url.to_string());
    }
  }
  const auto parsed = end == std::string::npos ? std::nullopt : parse_answer_head(std::string_view(got).substr(0, end));
  if (!parsed) {
    return fail(ErrorCode::kUnsupported, "{} answers in a form that is not understood", options_.url.to_string());
  }
  got.erase(0, end + 4);
  const bool has_body = parsed->status != 204 && parsed->status != 304;
  const uint64_t length = has_body ? parsed->content_length.value_or(UINT64_MAX) : 0;
  while (got.size() < length && got.size() <= options_.body_max) {
    const auto size = read_more();
    if (!size) return fail(size.error());
    if (*size > 0) continue;
    if (!parsed->content_length) break;
    return fail(ErrorCode::kUnavailable, "{} closed the connection within its answer", options_.url.to_string());
  }
  if (got.size() > options_.body_max) {
    return fail(ErrorCode::kResourceExhausted, "the answer of {} is longer than {} bytes", options_.url.to_string(),
                options_.body_max);
  }
  // What came beyond the body belongs to no question.
  if (!parsed->keeps_alive || length == UINT64_MAX || got.size() > length) connection_.reset();
  got.resize(std::min<uint64_t>(got.size(), length));
  return HttpsAnswer{parsed->status, parsed->retry_after_s, Bytes(got.begin(), got.end())};
}

Result<std::vector<Bytes>> read_certificates(std::string_view pem) {
  mbedtls_x509_crt all;
  mbedtls_x509_crt_init(&all);
  const std::string text(pem);  // Mbed TLS wants the zero at its end.
  const int code = mbedtls_x509_crt_parse(&all, reinterpret_cast<const unsigned char*>(text.c_str()), text.size() + 1);
  std::vector<Bytes> out;
  for (const mbedtls_x509_crt* one = &all; one != nullptr && one->raw.p != nullptr; one = one->next) {
    out.emplace_back(one->raw.p, one->raw.p + one->raw.len);
  }
  mbedtls_x509_crt_free(&all);
  if (code != 0 || out.empty() || out.size() > kAuthoritiesMax) {
    return fail(ErrorCode::kInvalidArgument, "this is not 1 to {} certificates in PEM: {}", kAuthoritiesMax,
                code < 0 ? reason(code) : fmt::format("{} are damaged", code));
  }
  return out;
}

}  // namespace dragonfly
