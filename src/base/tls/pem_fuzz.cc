// Whatever stands in a certificate's or key's file is an error or a pair.
#include "base/core/assert.h"
#include "base/tls/tls_session.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t half = text.find('\0');
  const PemPair pair(text.substr(0, half), half == std::string::npos ? text : text.substr(half + 1));
  const bool good = check_pair(pair).has_value();
  const auto info = describe_certificate(pair.certificate);
  DF_ASSERT(!good || info);
  const auto context = TlsContext::make(pair);
  DF_ASSERT(good || !context);
  return 0;
}
