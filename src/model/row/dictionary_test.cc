#include "model/row/dictionary.h"

#include <gmock/gmock.h>

#include "base/core/names.h"
#include "base/rt/random.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

Dictionary sample() {
  Dictionary out;
  out.labels = {{"nsId", "ns1"}, {"mcisId", "m1"}, {"vmId", "vm-1"}, {"osType", "UBUNTU"}};
  out.devices = {"sda", "eth0"};
  out.boot_id = "b0c1";
  out.interval_ms = 2000;
  return out;
}

std::string error_of(ByteView bytes) {
  const auto result = Dictionary::decode(bytes);
  return result ? "" : result.error().message;
}

TEST(Dictionary, ComesBack) {
  const auto f = [](const Dictionary& dictionary) {
    const auto out = Dictionary::decode(dictionary.encode());
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_EQ(out->labels, dictionary.labels);
    EXPECT_EQ(out->devices, dictionary.devices);
    EXPECT_EQ(out->boot_id, dictionary.boot_id);
    EXPECT_EQ(out->interval_ms, dictionary.interval_ms);
  };
  f({});
  f(sample());
  Dictionary most;
  for (size_t i = 0; i < kLabelsMax; ++i) most.labels["key" + std::to_string(i)] = std::string(kNameBytesMax, 'v');
  f(most);
  most = {};
  for (size_t i = 0; i < kDevicesMax; ++i) most.devices.push_back("disk" + std::to_string(i));
  most.interval_ms = UINT32_MAX;
  f(most);
}

TEST(Dictionary, AnswersByNameAndIndex) {
  const Dictionary dictionary = sample();
  EXPECT_EQ(dictionary.label("vmId"), "vm-1");
  EXPECT_EQ(dictionary.label("zone"), "");
  EXPECT_EQ(dictionary.device(0), "");
  EXPECT_EQ(dictionary.device(1), "sda");
  EXPECT_EQ(dictionary.device(2), "eth0");
  EXPECT_EQ(dictionary.device(3), "");
}

TEST(Dictionary, BootAndIdAreTheFirstBitsOfAHash) {
  EXPECT_EQ(Dictionary{}.boot(), 0u);
  Dictionary dictionary;
  dictionary.boot_id = "abc";  // SHA-256 begins ba7816bf8f01cfea.
  EXPECT_EQ(dictionary.boot(), 0xeacf018fbf1678bau);
  EXPECT_EQ(dictionary_id(as_bytes("abc")), 0xeacf018fbf1678bau);
}

TEST(Dictionary, SectionsOfALaterVersionAreSkipped) {
  Bytes bytes = sample().encode();
  ByteWriter writer(bytes);
  writer.varint(9);
  writer.text("whatever");
  const auto out = Dictionary::decode(bytes);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->labels, sample().labels);
}

TEST(Dictionary, NamesWhatIsMalformed) {
  const auto f = [](std::string_view hex, std::string_view expected) {
    EXPECT_THAT(error_of(spaced_hex(hex)), HasSubstr(expected)) << hex;
  };
  f("0105", "is cut");
  f("03020161 03020161", "section 3 after 3");
  f("03020161 0100", "section 1 after 3");
  f("0000", "section 0 after 0");
  f("010601016201 61", "section after 0 is cut");
  f("0109 02 01620163 01610163", "not ascending");
  f("0109 02 01610163 01610163", "not ascending");
  f("0104 01 016100", "label value has 0 bytes");
  f("0105 01 01620103", "control character");
  f("0103 02 0162", "labels are cut");
  f("0103 01 0009", "labels are cut");
  f("0101 29", "41 labels; at most 40");
  f("0202 8108", "1025 devices; at most 1024");
  f("0202 0100", "device has 0 bytes");
  f("0203 010261", "devices are cut");
  f("0204 01016100", "section 2 is cut or too long");
  f("03020061", "boot has 0 bytes");
  f("04020100", "section 4 is cut or too long");
  f("040100", "interval");
  f("0405 8080808010", "interval");
}

TEST(Dictionary, AtMostKDictionaryBytesMax) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.varint(9);
  writer.varint(kDictionaryBytesMax - 3);
  bytes.resize(kDictionaryBytesMax);
  EXPECT_EQ(error_of(bytes), "");
  bytes.push_back(0);
  EXPECT_THAT(error_of(bytes), HasSubstr("at most 16384"));
}

TEST(Dictionary, EveryCutAndRandomChangeIsReadWithoutHarm) {
  const Bytes whole = sample().encode();
  for (size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const auto out = Dictionary::decode(cut);
    // Only cuts between sections decode, and then to a part of it.
    if (out) {
      EXPECT_LT(out->encode().size(), whole.size());
    }
  }
  SeededRandom random(3);
  for (int i = 0; i < 5000; ++i) {
    Bytes changed = whole;
    changed[random.below(changed.size())] = static_cast<uint8_t>(random.next());
    const auto out = Dictionary::decode(changed);
    if (!out) continue;
    const auto again = Dictionary::decode(out->encode());
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->encode(), out->encode());
  }
}

}  // namespace
}  // namespace dragonfly
