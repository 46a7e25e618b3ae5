#include "base/http/gzip.h"

#include <gtest/gtest.h>

#include <vector>

namespace dragonfly {
namespace {

std::string varied(size_t bytes) {
  std::string out;
  for (uint64_t i = 1; out.size() < bytes; i = i * 6364136223846793005u + 1) out += std::to_string(i);
  out.resize(bytes);
  return out;
}

TEST(Gzip, RoundTrip) {
  const auto f = [](const std::string& text) { return gunzip(gzip(text), {}).value() == text; };
  EXPECT_TRUE(f(""));
  EXPECT_TRUE(f("a"));
  EXPECT_TRUE(f(varied(3'000'000)));
  EXPECT_TRUE(f(std::string(100'000, 'x')));
}

TEST(Gunzip, MembersInARow) { EXPECT_EQ(gunzip(gzip("one ") + gzip("two"), {}).value(), "one two"); }

TEST(Gunzip, DamageAndCuts) {
  const std::string good = gzip(varied(5000));
  for (size_t size = 0; size < good.size(); size += 7) {
    const auto got = gunzip(good.substr(0, size), {});
    ASSERT_FALSE(got) << size;
    EXPECT_EQ(got.error().code, ErrorCode::kInvalidArgument);
  }
  std::string flipped = good;
  flipped[good.size() - 3] ^= 1;
  EXPECT_FALSE(gunzip(flipped, {}));
  EXPECT_FALSE(gunzip(good + "tail", {}));
  EXPECT_FALSE(gunzip("not gzip at all", {}));
}

TEST(Gunzip, Limits) {
  const auto f = [](const std::string& text, GunzipLimits limits) {
    const auto got = gunzip(gzip(text), limits);
    return got ? std::string("ok") : got.error().code == ErrorCode::kResourceExhausted ? "limit" : "other";
  };
  EXPECT_EQ(f(varied(1000), {.bytes_max = 1000}), "ok");
  EXPECT_EQ(f(varied(1001), {.bytes_max = 1000}), "limit");
  EXPECT_EQ(f(std::string(10'000'000, '0'), {}), "limit");  // Packs about 1:1000.
  EXPECT_EQ(f(std::string(1'000'000, '0'), {}), "ok");      // Below the size where the ratio counts.
  EXPECT_EQ(f(std::string(1'000'000, '0'), {.ratio_free_bytes = 1000}), "limit");
}

TEST(Gzip, PiecesAreOneText) {
  const auto f = [](const std::vector<std::string>& pieces) {
    GzipWriter writer;
    std::string packed;
    std::string plain;
    for (size_t i = 0; i < pieces.size(); ++i) {
      writer.write(pieces[i], i + 1 == pieces.size(), packed);
      plain += pieces[i];
    }
    EXPECT_EQ(gunzip(packed, {.ratio_max = 10'000}).value(), plain);
  };
  f({""});
  f({"", "", ""});
  f({"a"});
  f({"a", "", "b"});
  f({varied(300'000), std::string(200'000, 'x'), varied(3'000'000), ""});
}

}  // namespace
}  // namespace dragonfly
