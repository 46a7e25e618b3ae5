// gzip (RFC 1952), bounded.
//
// Units      bytes.
// Ownership  results own their bytes.
// Threading  pure.
// Errors     gunzip: kInvalidArgument where the input is damaged, cut or followed by something else;
//            kResourceExhausted where the output passes a limit, which the message names.
// Limits     GunzipLimits.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace dragonfly {

struct GunzipLimits {
  size_t bytes_max = 32u << 20;
  size_t ratio_max = 100;              // Output over input …
  size_t ratio_free_bytes = 1u << 20;  // … checked beyond this much output: small repetitive bodies are ordinary.
};

// Several members one after another are one text.
Result<std::string> gunzip(std::string_view bytes, const GunzipLimits& limits);

std::string gzip(std::string_view bytes);

// gzip piece by piece; what has come out is readable as far as it goes. 128 KB each.
class GzipWriter {
 public:
  GzipWriter();
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;
  // Appends to `out` what is ready, which may be nothing before the `last` call.
  void write(std::string_view bytes, bool last, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dragonfly
