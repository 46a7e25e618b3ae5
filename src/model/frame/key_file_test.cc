#include "model/frame/key_file.h"

#include <gmock/gmock.h>

#include "base/rt/random.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

constexpr std::string_view kKeyHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

std::string line(std::string_view version, std::string_view id, std::string_view epoch, std::string_view key,
                 std::string_view names) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\n", version, id, epoch, key, names);
}

const std::string kGood = line("dragonfly-agent-key-1", "00000000000000ab", "7", kKeyHex, "ns1\tm1\tvm 1");

TEST(KeyFile, ReadsLinesAndSkipsCommentsAndEmptyOnes) {
  const auto keys = parse_key_file("# comment\n\n" + kGood + "\n#\n" + kGood.substr(0, kGood.size() - 1));
  ASSERT_TRUE(keys.has_value()) << keys.error().message;
  ASSERT_EQ(keys->size(), 2u);
  const AgentKey& key = keys->front();
  EXPECT_EQ(key.agent_id, 0xabu);
  EXPECT_EQ(key.epoch, 7);
  EXPECT_EQ(to_hex(key.key), kKeyHex);
  EXPECT_EQ(key.ns, "ns1");
  EXPECT_EQ(key.mcis, "m1");
  EXPECT_EQ(key.vm, "vm 1");
  EXPECT_EQ(format_agent_key(key), kGood);
  EXPECT_TRUE(parse_key_file("")->empty());
}

TEST(KeyFile, NamesLineAndColumnAndNeverTheKey) {
  const auto f = [](const std::string& bad, std::string_view where, std::string_view what) {
    const auto keys = parse_key_file("# one\n" + kGood + bad);
    ASSERT_FALSE(keys.has_value()) << bad;
    EXPECT_EQ(keys.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(keys.error().message, HasSubstr("line 3"));
    EXPECT_THAT(keys.error().message, HasSubstr(where));
    EXPECT_THAT(keys.error().message, HasSubstr(what));
    EXPECT_THAT(keys.error().message, testing::Not(HasSubstr("0a0b0c")));
  };
  const std::string v = "dragonfly-agent-key-1";
  const std::string id = "00000000000000ab";
  const std::string k(kKeyHex);
  const std::string names = "ns1\tm1\tvm1";
  f(line("dragonfly-agent-key-2", id, "7", k, names), "column 1 (version)", "dragonfly-agent-key-1");
  f(line(v, "ab", "7", k, names), "column 2 (agent id)", "16 hexadecimal digits");
  f(line(v, "00000000000000ag", "7", k, names), "column 2", "16 hexadecimal digits");
  f(line(v, "-0000000000000ab", "7", k, names), "column 2", "16 hexadecimal digits");
  f(line(v, id, "256", k, names), "column 3 (key epoch)", "0 to 255");
  f(line(v, id, "", k, names), "column 3", "0 to 255");
  f(line(v, id, "-1", k, names), "column 3", "0 to 255");
  f(line(v, id, "7", k.substr(2), names), "column 4 (agent key)", "64 hexadecimal digits");
  f(line(v, id, "7", k + "00", names), "column 4", "64 hexadecimal digits");
  f(line(v, id, "7", k.substr(1) + "x", names), "column 4", "64 hexadecimal digits");
  f(line(v, id, "7", k, "\tm1\tvm1"), "column 5 (ns)", "1 to 256");
  f(line(v, id, "7", k, "ns1\tm\x01\tvm1"), "column 6 (mcis)", "control character");
  f(line(v, id, "7", k, "ns1\tm1\tvm\xff"), "column 7 (vm)", "UTF-8");
  f(line(v, id, "7", k, "ns1\tm1"), "column 7 (vm)", "is missing");
  f(line(v, id, "7", k, names + "\t8"), "column 7", "more than 7");
  f("x\n", "column 2", "is missing");
}

const std::string kEnrolment =
    "dragonfly-agent-enrolment-1\t00000000000000ab\t192.0.2.1:8094\thttps://192.0.2.1:9090\t0123456789abcdef\t-\t"
    "fedcba9876543210\t3082,30830a\n";

TEST(KeyFile, AnEnrolmentFollowsItsKey) {
  const auto keys = parse_key_file(kGood + kEnrolment + kGood);
  ASSERT_TRUE(keys.has_value()) << keys.error().message;
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_FALSE(keys->back().enrolment.has_value());
  const AgentEnrolment expected{"192.0.2.1:8094",
                                "https://192.0.2.1:9090",
                                {"0123456789abcdef", "", "fedcba9876543210"},
                                {{0x30, 0x82}, {0x30, 0x83, 0x0a}}};
  EXPECT_EQ(keys->front().enrolment, expected);
  EXPECT_EQ(format_agent_key(keys->front()), kGood + kEnrolment);
  AgentKey bare = keys->front();
  bare.enrolment->authorities.clear();
  EXPECT_EQ(parse_key_file(format_agent_key(bare))->front().enrolment, bare.enrolment);
}

TEST(KeyFile, AnEnrolmentIsWholeOrRefused) {
  const auto f = [](const std::string& text, std::string_view where) {
    const auto keys = parse_key_file(text);
    ASSERT_FALSE(keys.has_value()) << text;
    EXPECT_THAT(keys.error().message, HasSubstr(where));
  };
  const auto with = [](std::string_view from, std::string_view to) {
    std::string out = kEnrolment;
    return kGood + out.replace(out.find(from), from.size(), to);
  };
  f(kEnrolment, "line 1, column 2 (agent id)");
  f(kGood + kEnrolment + kEnrolment, "line 3, column 2");
  f(with("00ab", "00ac"), "line 2, column 2");
  f(with("192.0.2.1:8094", ""), "column 3 (udp)");
  f(with("https://192.0.2.1:9090", std::string(301, 'a')), "column 4 (url)");
  f(with("0123456789abcdef", "0123456789abcde"), "column 5 (machine)");
  f(with("\t-\t", "\t\t"), "column 6 (firmware)");
  f(with("fedcba", "FEDCBA"), "column 7 (instance)");
  f(with("3082,30830a", ""), "column 8 (authorities)");
  f(with("3082,30830a", "3082,"), "column 8");
  f(with("3082,30830a", "308"), "column 8");
  std::string many = "30";
  for (size_t i = 0; i < kEnrolmentAuthoritiesMax; ++i) many += ",30";
  f(with("3082,30830a", many), "column 8");
  f(with("\t3082,30830a", ""), "column 8 (authorities): is missing");
  f(with("3082,30830a", "30\t30"), "more than 8 columns");
}

TEST(KeyFileProperty, ComesBackAndSurvivesChanges) {
  SeededRandom random(11);
  for (int i = 0; i < 2000; ++i) {
    AgentKey key;
    key.agent_id = random.next() >> random.below(64);
    key.epoch = static_cast<uint8_t>(random.next());
    random.fill(key.key);
    key.ns = "ns" + std::to_string(random.below(100));
    key.mcis = std::string(1 + random.below(256), 'm');
    key.vm = "vm ü";
    std::string text = format_agent_key(key);
    const auto keys = parse_key_file(text);
    ASSERT_TRUE(keys && keys->size() == 1);
    EXPECT_EQ(format_agent_key(keys->front()), text);
    text[random.below(text.size())] = static_cast<char>(random.next());
    if (const auto changed = parse_key_file(text)) {
      std::string again;
      for (const AgentKey& one : *changed) again += format_agent_key(one);
      EXPECT_TRUE(parse_key_file(again).has_value());
    }
    EXPECT_FALSE(parse_key_file(format_agent_key(key).substr(0, 1 + random.below(100))).has_value());
  }
}

}  // namespace
}  // namespace dragonfly
