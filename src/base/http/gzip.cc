#include "base/http/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: 32 KB of history, gzip's header and trailer.

class Inflater {
 public:
  Inflater() { DF_ASSERT(inflateInit2(&stream_, kGzipWindow) == Z_OK); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

Result<> check_size(size_t in, size_t out, const GunzipLimits& limits) {
  if (out > limits.bytes_max) {
    return fail(ErrorCode::kResourceExhausted, "the body is larger than {} bytes after decompression",
                limits.bytes_max);
  }
  if (out > limits.ratio_free_bytes && out / limits.ratio_max > in) {
    return fail(ErrorCode::kResourceExhausted, "the body grows more than {} times in decompression", limits.ratio_max);
  }
  return {};
}

// Level 1: answers are made for one reader; the link gains most of it for a third of the CPU of level 6.
constexpr int kLevel = 1;

}  // namespace

Result<std::string> gunzip(std::string_view bytes, const GunzipLimits& limits) {
  Inflater inflater;
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  for (;;) {
    // Grows with what is really there, so that a short input never reserves the limit.
    const size_t had = out.size();
    out.resize(had + std::clamp<size_t>(had, 16 * 1024, 1u << 20));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(out.size() - had);
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    DF_TRY(check_size(bytes.size() - stream.avail_in, out.size(), limits));
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) return out;
      if (inflateReset(&stream) != Z_OK) return fail(ErrorCode::kInvalidArgument, "the gzip body is damaged");
      continue;
    }
    if (code == Z_BUF_ERROR || (code == Z_OK && stream.avail_in == 0 && stream.avail_out != 0)) {
      return fail(ErrorCode::kInvalidArgument, "the gzip body is cut");
    }
    if (code != Z_OK) return fail(ErrorCode::kInvalidArgument, "the gzip body is damaged");
  }
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  DF_ASSERT(deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  DF_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct GzipWriter::State {
  z_stream stream{};
};

// With a smaller window than gzip(): there may be many at once.
GzipWriter::GzipWriter() : state_(std::make_unique<State>()) {
  DF_ASSERT(deflateInit2(&state_->stream, kLevel, Z_DEFLATED, kGzipWindow - 1, 7, Z_DEFAULT_STRATEGY) == Z_OK);
}

GzipWriter::~GzipWriter() { deflateEnd(&state_->stream); }

void GzipWriter::write(std::string_view bytes, bool last, std::string& out) {
  constexpr size_t kStep = 64 * 1024;
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  do {
    const size_t had = out.size();
    out.resize(had + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = kStep;
    const int code = deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
    DF_ASSERT(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR);
    out.resize(had + kStep - stream.avail_out);
  } while (stream.avail_out == 0);
  DF_ASSERT(stream.avail_in == 0);
}

}  // namespace dragonfly
