#include "model/frame/frame.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "base/rt/random.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

constexpr Key256 kKey = {1, 2, 3};

FrameHeader header(uint8_t flags = 0) {
  FrameHeader out;
  out.key_epoch = 3;
  out.flags = flags;
  out.agent_id = 0x1122334455667788;
  out.session = 0x99;
  out.packet = 42;
  return out;
}

Bytes sealed(const FrameHeader& h, ByteView body) {
  Aes256Gcm cipher;
  Bytes out;
  seal_frame(cipher, kKey, h, body, out);
  return out;
}

template <class Body>
Bytes encoded(const Body& body) {
  Bytes out;
  body.encode(out);
  return out;
}

template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}

TEST(Frame, SealsAndOpens) {
  const auto f = [](uint8_t flags, size_t body_bytes, size_t overhead) {
    const Bytes body(body_bytes, 0x5a);
    const Bytes datagram = sealed(header(flags), body);
    EXPECT_EQ(datagram.size(), body_bytes + overhead);
    const auto out = FrameHeader::decode(datagram);
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_EQ(out->type, FrameType::kRows);
    EXPECT_EQ(out->key_epoch, 3);
    EXPECT_EQ(out->flags, flags);
    EXPECT_EQ(out->agent_id, 0x1122334455667788u);
    EXPECT_EQ(out->session, 0x99u);
    EXPECT_EQ(out->packet, 42u);
    Aes256Gcm cipher;
    Bytes opened(2000, 1);
    EXPECT_TRUE(open_frame(cipher, kKey, *out, datagram, opened));
    EXPECT_EQ(opened, body);
  };
  f(0, 0, 48);
  f(FrameHeader::kAckNow, 100, 48);
  f(FrameHeader::kPlain, 0, 32);
  f(FrameHeader::kPlain | FrameHeader::kAckNow, 100, 32);
  f(0, kFrameBodyBytesMax, 48);
}

TEST(Frame, EveryBitOfASealedFrameIsProtected) {
  const Bytes datagram = sealed(header(), as_bytes("body"));
  Aes256Gcm cipher;
  Bytes body;
  for (size_t bit = 0; bit < datagram.size() * 8; ++bit) {
    Bytes touched = datagram;
    touched[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto h = FrameHeader::decode(touched);
    // The flag kPlain is the exception: whoever allows plain frames takes what anybody wrote.
    EXPECT_FALSE(h && !h->plain() && open_frame(cipher, kKey, *h, touched, body)) << bit;
  }
  const auto h = FrameHeader::decode(datagram);
  EXPECT_FALSE(open_frame(cipher, Key256{9}, *h, datagram, body));
}

TEST(Frame, HeaderSaysWhatIsWrong) {
  const auto f = [](size_t size, size_t at, uint8_t byte, ErrorCode code, std::string_view what) {
    Bytes datagram = sealed(header(), Bytes(1152));
    if (at < datagram.size()) datagram[at] = byte;
    datagram.resize(size);
    const auto out = FrameHeader::decode(datagram);
    ASSERT_FALSE(out.has_value()) << what;
    EXPECT_EQ(out.error().code, code);
    EXPECT_THAT(out.error().message, HasSubstr(what));
  };
  const auto kCorruption = ErrorCode::kCorruption;
  const auto kUnsupported = ErrorCode::kUnsupported;
  f(0, 0, 1, kCorruption, "0 bytes; a header has 32");
  f(31, 0, 1, kCorruption, "31 bytes; a header has 32");
  f(47, 0, 1, kCorruption, "47 bytes; a sealed one has at least 48");
  f(1201, 0, 1, kCorruption, "1201 bytes; at most 1200");
  f(100, 0, '{', kUnsupported, "version 123; known is 1");
  f(100, 0, 0, kUnsupported, "version 0");
  f(100, 0, 2, kUnsupported, "version 2");
  f(100, 1, 0, kUnsupported, "type 0 is not known");
  f(100, 1, 6, kUnsupported, "type 6 is not known");
  f(100, 3, 4, kUnsupported, "flags 0x04");
  f(100, 7, 1, kCorruption, "reserved bytes are 0x1000000, not 0");
  f(100, 24, 0, kCorruption, "packet number is 0");
  EXPECT_TRUE(FrameHeader::decode(sealed(header(), Bytes(1152))).has_value());
  EXPECT_TRUE(FrameHeader::decode(sealed(header(FrameHeader::kPlain), {})).has_value());
}

TEST(Frame, KeysDifferByEveryInputAndUse) {
  const Key256 agent = derive_agent_key(kKey, 1, 0);
  const std::vector<Key256> keys = {agent,
                                    derive_agent_key(kKey, 2, 0),
                                    derive_agent_key(kKey, 1, 1),
                                    derive_agent_key(Key256{7}, 1, 0),
                                    derive_session_key(agent, 5),
                                    derive_session_key(agent, 6),
                                    derive_reply_key(agent, 5, 0),
                                    derive_reply_key(agent, 5, 1),
                                    derive_reply_key(agent, 6, 0)};
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(keys[i], keys[j]) << i << " " << j;
  }
  EXPECT_EQ(derive_reply_key(agent, 5, 1), derive_reply_key(agent, 5, 1));
}

TEST(Frame, ALaterSessionIsLarger) {
  const Timestamp start = from_unix_ms(1'700'000'000'000);
  EXPECT_EQ(make_session(start, 0xabcd), (uint64_t{1'700'000'000'000} << 16) + 0xabcd);
  EXPECT_LT(make_session(start, 0xffff), make_session(start + 1ms, 0));
}

RowsBody random_rows(Random& random, const Bytes& dictionary, const Bytes& block) {
  RowsBody out;
  out.spool_id = random.next();
  out.sent_at_ms = static_cast<int64_t>(random.next()) >> random.below(64);
  out.first_sequence = 1 + random.below(kSequenceMax);
  out.lowest_kept = 1 + (random.next() >> random.below(2) >> (2 + random.below(60)));
  out.request_id = random.next() >> random.below(64);
  out.dictionary_id = random.next();
  out.dictionary = dictionary;
  out.row_block = block;
  return out;
}

AckBody random_ack(Random& random) {
  AckBody out;
  if (random.below(4) == 0) random.fill(out.next_key.emplace(NextKey{static_cast<uint8_t>(random.next()), {}}).key);
  if (random.below(4) == 0) out.standing = static_cast<AgentStanding>(1 + random.below(255));
  if (random.below(4) != 0) {
    out.spool_id = 1 + random.below(UINT64_MAX);
    out.cumulative = random.next() >> (3 + random.below(60));
    uint64_t at = out.cumulative;
    for (uint64_t i = random.below(kAckRangesMax + 1); i > 0; --i) {
      const uint64_t first = at + 2 + random.below(1000);
      at = first + random.below(1000);
      out.ranges.push_back({first, at});
    }
  }
  for (uint64_t i = random.below(kAckItemsMax + 1); i > 0; --i) {
    out.refused.push_back({static_cast<RefusalCause>(1 + random.below(5)), random.next()});
  }
  for (uint64_t i = random.below(kAckItemsMax + 1); i > 0; --i) out.unknown_dictionaries.push_back(random.next());
  if (random.below(2) == 0) out.frames_per_s_max = static_cast<uint32_t>(1 + random.below(UINT32_MAX));
  out.session_too_old = random.below(2) == 0;
  if (random.below(2) == 0) {
    auto& values = out.settings.values;
    for (uint64_t i = random.below(6); i > 0; --i) values.emplace_back("key", std::string(random.below(40), 'v'));
    out.settings.version = settings_version(values);
  }
  return out;
}

void expect_equal(const AckBody& a, const AckBody& b) {
  EXPECT_EQ(a.next_key, b.next_key);
  EXPECT_EQ(a.standing, b.standing);
  EXPECT_EQ(a.spool_id, b.spool_id);
  EXPECT_EQ(a.cumulative, b.cumulative);
  EXPECT_EQ(a.ranges, b.ranges);
  EXPECT_EQ(a.refused, b.refused);
  EXPECT_EQ(a.unknown_dictionaries, b.unknown_dictionaries);
  EXPECT_EQ(a.frames_per_s_max, b.frames_per_s_max);
  EXPECT_EQ(a.session_too_old, b.session_too_old);
  EXPECT_EQ(a.settings, b.settings);
}

// Cuts and changes must end in an error or in a body that encodes again; with ASan this also proves no read outside.
template <class Body>
void expect_harmless(Random& random, const Bytes& bytes) {
  const Bytes cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(random.below(bytes.size() + 1)));
  if (const auto out = Body::decode(cut)) {
    EXPECT_TRUE(Body::decode(encoded(*out)).has_value());
  }
  if (bytes.empty()) return;
  Bytes changed = bytes;
  const uint64_t bit = random.below(bytes.size() * 8);
  changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  if (const auto out = Body::decode(changed)) {
    EXPECT_TRUE(Body::decode(encoded(*out)).has_value());
  }
}

TEST(FrameProperty, BodiesComeBack) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const Bytes dictionary(random.below(3) == 0 ? random.below(300) : 0, 0xd1);
    const Bytes block(random.below(700), 0xb1);
    const RowsBody rows = random_rows(random, dictionary, block);
    const Bytes bytes = encoded(rows);
    const auto out = RowsBody::decode(bytes);
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_EQ(out->spool_id, rows.spool_id);
    EXPECT_EQ(out->sent_at_ms, rows.sent_at_ms);
    EXPECT_EQ(out->first_sequence, rows.first_sequence);
    EXPECT_EQ(out->lowest_kept, rows.lowest_kept);
    EXPECT_EQ(out->request_id, rows.request_id);
    EXPECT_EQ(out->dictionary_id, rows.dictionary_id);
    EXPECT_EQ(encoded(*out), bytes);
    expect_harmless<RowsBody>(random, bytes);

    const AckBody ack = random_ack(random);
    const Bytes ack_bytes = encoded(ack);
    EXPECT_LE(ack_bytes.size(), kFrameBodyBytesMax);
    const auto ack_out = AckBody::decode(ack_bytes);
    ASSERT_TRUE(ack_out.has_value()) << ack_out.error().message;
    expect_equal(*ack_out, ack);
    EXPECT_EQ(encoded(*ack_out), ack_bytes);
    expect_harmless<AckBody>(random, ack_bytes);

    RequestBody request;
    request.request_id = 1 + random.below(UINT64_MAX);
    for (uint64_t i = random.below(kRequestGroupsMax + 1); i > 0; --i) {
      request.groups.push_back(static_cast<uint32_t>(random.next() >> (32 + random.below(32))));
    }
    const Bytes request_bytes = encoded(request);
    const auto request_out = RequestBody::decode(request_bytes);
    ASSERT_TRUE(request_out.has_value()) << request_out.error().message;
    EXPECT_EQ(request_out->request_id, request.request_id);
    EXPECT_EQ(request_out->groups, request.groups);
    expect_harmless<RequestBody>(random, request_bytes);
    EXPECT_FALSE(RequestBody::decode(ByteView(request_bytes).first(random.below(request_bytes.size()))).has_value());

    ReportBody report{1 + random.below(UINT64_MAX), static_cast<uint32_t>(1 + random.below(UINT32_MAX)), {}};
    for (uint64_t i = random.below(kAckItemsMax + 1); i > 0; --i)
      report.outcomes.emplace_back(std::string(random.below(20), 'k'), static_cast<SettingOutcome>(random.below(256)));
    const Bytes report_bytes = encoded(report);
    const auto report_out = ReportBody::decode(report_bytes);
    ASSERT_TRUE(report_out.has_value()) << report_out.error().message;
    EXPECT_EQ(*report_out, report);
    expect_harmless<ReportBody>(random, report_bytes);
    EXPECT_FALSE(ReportBody::decode(ByteView(report_bytes).first(random.below(report_bytes.size()))).has_value());
  }
}

TEST(Frame, RowsBodySaysWhatIsWrong) {
  RowsBody rows;
  rows.dictionary = as_bytes("dictionary");
  const Bytes whole = encoded(rows);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(message(RowsBody::decode(ByteView(whole).first(size))), HasSubstr("cut before the row block"));
  }
  const auto f = [](uint64_t first, uint64_t lowest, std::string_view what) {
    RowsBody body;
    body.first_sequence = first;
    body.lowest_kept = lowest;
    EXPECT_THAT(message(RowsBody::decode(encoded(body))), HasSubstr(what));
  };
  f(0, 1, "first sequence");
  f(1, 0, "lowest kept");
  f(kSequenceMax + 1, 1, "first sequence");
  f(1, kSequenceMax + 1, "lowest kept");
  EXPECT_EQ(message(RowsBody::decode(whole)), "");
  rows.first_sequence = rows.lowest_kept = kSequenceMax;
  EXPECT_EQ(message(RowsBody::decode(encoded(rows))), "");
}

TEST(Frame, AnAckNeverHasMoreThanItMay) {
  AckBody ack;
  ack.spool_id = UINT64_MAX;
  for (uint64_t i = 0; i < 40; ++i) {
    ack.ranges.push_back({10'000 * i + 10, 10'000 * i + 20});
    ack.refused.push_back({RefusalCause::kLimit, UINT64_MAX});
    ack.unknown_dictionaries.push_back(i);
    ack.settings.values.emplace_back("key", "value");
  }
  ack.settings.version = 1;
  const Bytes bytes = encoded(ack);
  EXPECT_LE(bytes.size(), kFrameBodyBytesMax);
  const auto out = AckBody::decode(bytes);
  ASSERT_TRUE(out.has_value()) << out.error().message;
  ASSERT_EQ(out->ranges.size(), kAckRangesMax);
  EXPECT_EQ(out->ranges.front(), ack.ranges.front());
  EXPECT_EQ(out->refused.size(), kAckItemsMax);
  EXPECT_EQ(out->unknown_dictionaries.size(), kAckItemsMax);
  EXPECT_EQ(out->settings.values.size(), kAckItemsMax);
  ack.settings.values.front().second = std::string(1000, 'v');  // No room: the rest goes alone.
  const auto without = AckBody::decode(encoded(ack));
  ASSERT_TRUE(without.has_value());
  EXPECT_EQ(without->settings.version, 0u);
  EXPECT_EQ(without->ranges.size(), kAckRangesMax);
}

TEST(Frame, AckSaysWhatIsWrong) {
  const auto f = [](std::string_view hex, std::string_view what) {
    EXPECT_THAT(message(AckBody::decode(spaced_hex(hex))), HasSubstr(what)) << hex;
  };
  f("0105", "section after 0 is cut");
  f("050101 050101", "section 5 after 5");
  f("040101 0100", "section 1 after 4");
  f("010a 0700000000000000 0500", "");
  f("0109 0700000000000000 05", "ranges are malformed");
  f("010b 0700000000000000 050000", "section 1 is cut or too long");
  f("010a 0700000000000000 0511", "ranges are malformed");
  f("010c 0700000000000000 05010001", "ranges are malformed");
  f("0113 0700000000000000 ffffffffffffffffff01 00", "cumulative");
  f("020111", "17 refusals; at most 16");
  f("02020101", "section 2 is cut");
  f("030111", "17 dictionaries; at most 16");
  f("03020100", "section 3 is cut");
  f("040100", "pace");
  f("0405 8080808010", "pace");
  f("0400", "section 4 is cut");
  f("050100", "session is not 1");
  f("0500", "session is not 1");
  f("06020000", "settings: version is 0");
  f("06020111", "settings: 17; at most 16");
  f("0605 0101 016b05", "settings: cut");
  f("0606 0101 016b00 00", "section 6 is cut or too long");
}

TEST(Frame, ReportSaysWhatIsWrong) {
  const auto f = [](std::string_view hex, std::string_view what) {
    EXPECT_THAT(message(ReportBody::decode(spaced_hex(hex))), HasSubstr(what)) << hex;
  };
  f("", "report: cut");
  f("01d00f", "report: cut");
  f("00d00f00", "settings version is 0");
  f("010000", "interval is not 1 to 4294967295 ms");
  f("01ffffffff0f00", "");
  f("01808080801000", "interval is not 1 to 4294967295 ms");
  f("01d00f11", "17 outcomes; at most 16");
  f("01d00f01 016b", "cut or too long");
  f("01d00f01 016b01", "");
  f("01d00f01 016b0100", "cut or too long");
}

TEST(Frame, AReportNeverHasMoreThanItMay) {
  ReportBody report{1, 2000, {}};
  report.outcomes.resize(40, {"key", SettingOutcome::kApplied});
  const auto out = ReportBody::decode(encoded(report));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->outcomes.size(), kAckItemsMax);
}

TEST(Frame, AVersionStandsForTheValues) {
  using Values = std::vector<std::pair<std::string, std::string>>;
  const std::vector<Values> different = {
      {}, {{"a", "1"}}, {{"a", "2"}}, {{"b", "1"}}, {{"a", "1"}, {"b", "1"}}, {{"b", "1"}, {"a", "1"}}};
  std::set<uint64_t> versions;
  for (const Values& values : different) {
    const uint64_t version = settings_version(values);
    EXPECT_NE(version, 0u);
    EXPECT_EQ(version, settings_version(values));
    EXPECT_LE(version, UINT32_MAX);
    versions.insert(version);
  }
  EXPECT_EQ(versions.size(), different.size());
}

TEST(Frame, AckSkipsSectionsOfALaterVersion) {
  AckBody ack;
  ack.frames_per_s_max = 5;
  Bytes bytes = encoded(ack);
  ByteWriter writer(bytes);
  writer.varint(77);
  writer.text("later");
  const auto out = AckBody::decode(bytes);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->frames_per_s_max, 5u);
}

TEST(Frame, RequestSaysWhatIsWrong) {
  const auto f = [](std::string_view hex, std::string_view what) {
    EXPECT_THAT(message(RequestBody::decode(spaced_hex(hex))), HasSubstr(what)) << hex;
  };
  f("050100", "");
  f("", "cut");
  f("05", "cut");
  f("000100", "request id is 0");
  f("050200", "kind 2 is not known");
  f("0501", "cut or too long");
  f("05010000", "cut or too long");
  f("050141", "65 groups; at most 64");
  f("0501018080808010", "more than 32 bits");
}

TEST(Frame, EveryRefusalCauseHasAName) {
  for (uint8_t cause = 1; cause <= 5; ++cause) EXPECT_NE(to_string(static_cast<RefusalCause>(cause)), "other");
  EXPECT_EQ(to_string(static_cast<RefusalCause>(200)), "other");
}

}  // namespace
}  // namespace dragonfly
