// Run once with each implementation (see CMakeLists.txt): both meet the published vectors and the same digest of a
// long chain of seals.
#include "base/crypto/crypto.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dragonfly {
namespace {

template <size_t N>
std::array<uint8_t, N> fixed(std::string_view hex) {
  const Bytes bytes = from_hex(hex);
  std::array<uint8_t, N> out{};
  EXPECT_EQ(bytes.size(), N);
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), out.begin());
  return out;
}

Bytes counting(uint8_t first, uint8_t last) {
  Bytes out;
  for (unsigned byte = first; byte <= last; ++byte) out.push_back(static_cast<uint8_t>(byte));
  return out;
}

constexpr std::string_view kZeroKey = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr std::string_view kKey = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr std::string_view kPlain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
    "b16aedf5aa0de657ba637b391aafd255";

TEST(Crypto, SealsAsThePublishedGcmVectors) {
  Aes256Gcm cipher;  // One for all: a new key leaves nothing of the old one.
  const auto f = [&](std::string_view key, std::string_view nonce, std::string_view header, std::string_view plain_hex,
                     std::string_view expected) {
    const Bytes plain = from_hex(plain_hex);
    cipher.set_key(fixed<32>(key));
    Bytes sealed(plain.size() + kSealTagBytes);
    cipher.seal(fixed<12>(nonce), from_hex(header), plain, sealed);
    EXPECT_EQ(to_hex(sealed), expected);
    Bytes opened(plain.size(), 0xee);
    EXPECT_TRUE(cipher.open(fixed<12>(nonce), from_hex(header), sealed, opened));
    EXPECT_EQ(opened, plain);
  };
  f(kZeroKey, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b");
  f(kZeroKey, "000000000000000000000000", "", "00000000000000000000000000000000",
    "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  f(kKey, "cafebabefacedbaddecaf888", "", kPlain,
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
    "bcc9f662898015adb094dac5d93471bdec1a502270e3cc6c");
  f(kKey, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", kPlain.substr(0, 120),
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
    "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
}

TEST(Crypto, OpensNothingThatWasTouchedAndLeavesNoPlaintext) {
  Aes256Gcm cipher;
  cipher.set_key(fixed<32>(kKey));
  const Nonce96 nonce = fixed<12>("cafebabefacedbaddecaf888");
  const Bytes header = from_hex("feedface");
  const Bytes plain = from_hex(kPlain.substr(0, 60));
  Bytes sealed(plain.size() + kSealTagBytes);
  cipher.seal(nonce, header, plain, sealed);
  const auto f = [&](const Nonce96& n, ByteView h, ByteView s) {
    Bytes out(s.size() - kSealTagBytes, 0xee);
    const bool opened = cipher.open(n, h, s, out);
    if (!opened) {
      EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](uint8_t byte) { return byte == 0; }));
    }
    return opened;
  };
  EXPECT_TRUE(f(nonce, header, sealed));
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes touched = sealed;
    touched[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(f(nonce, header, touched)) << bit;
  }
  EXPECT_FALSE(f(nonce, header, ByteView(sealed).first(sealed.size() - 1)));
  EXPECT_FALSE(f(nonce, from_hex("feedfacf"), sealed));
  EXPECT_FALSE(f(nonce, {}, sealed));
  EXPECT_FALSE(f(fixed<12>("cafebabefacedbaddecaf889"), header, sealed));
  cipher.set_key(fixed<32>(kZeroKey));
  EXPECT_FALSE(f(nonce, header, sealed));
}

TEST(Crypto, DerivesAsRfc5869) {
  const auto f = [](ByteView key, ByteView salt, ByteView info, std::string_view expected) {
    EXPECT_EQ(to_hex(hkdf_sha256(key, salt, info)), expected);
  };
  // The first 32 bytes of the appendix's outputs: HKDF's output does not depend on how much is taken.
  f(Bytes(22, 0x0b), counting(0x00, 0x0c), counting(0xf0, 0xf9),
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  f(counting(0x00, 0x4f), counting(0x60, 0xaf), counting(0xb0, 0xff),
    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c");
  f(Bytes(22, 0x0b), {}, {}, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(Crypto, HashesAsFips180) {
  const auto f = [](std::string_view text, std::string_view expected) {
    EXPECT_EQ(to_hex(sha256(as_bytes(text))), expected);
  };
  f("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  f("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  f("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// Each length from 0 to 1200 under its own key and nonce; the digest of all of it was the same for both libraries.
TEST(Crypto, BothImplementationsSealAlike) {
  Aes256Gcm cipher;
  Bytes chain;
  Digest256 state = sha256({});
  for (size_t length = 0; length <= 1200; ++length) {
    const Key256 key = hkdf_sha256(state, as_bytes("salt"), as_bytes("chain"));
    Nonce96 nonce;
    std::copy_n(state.begin(), nonce.size(), nonce.begin());
    Bytes plain(length, state[31]);
    chain.resize(length + kSealTagBytes);
    cipher.set_key(key);
    cipher.seal(nonce, ByteView(state).first(length % 33), plain, chain);
    state = sha256(chain);
  }
  EXPECT_EQ(to_hex(state), "a7149532f4295e73e12acc7bc0f9adc55d0d2f69a419770955278f21ed493444");
}

TEST(Crypto, WipeOverwrites) {
  Bytes secret(33, 0x5a);
  wipe(secret);
  EXPECT_EQ(secret, Bytes(33, 0));
}

}  // namespace
}  // namespace dragonfly
