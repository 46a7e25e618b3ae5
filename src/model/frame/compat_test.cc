// Released bytes of frames and their bodies are read, and written again, for ever.
#include <gtest/gtest.h>

#include "model/frame/frame.h"
#include "model/frame/key_file.h"
#include "model/frame/sequence_set.h"
#include "model/row/row.h"
#include "model/row/testing/golden.h"

namespace dragonfly {
namespace {

constexpr uint64_t kAgent = 0x0123456789abcdef;
constexpr uint64_t kSession = (uint64_t{1'767'225'600'000} << 16) | 0xbeef;
constexpr uint64_t kRun = (uint64_t{1'767'225'500'000} << 16) | 0xcafe;
constexpr uint8_t kEpoch = 7;
constexpr uint64_t kSettingsVersion = 3'845'268'316;

Key256 agent_key() {
  Key256 master;
  for (size_t i = 0; i < master.size(); ++i) master[i] = static_cast<uint8_t>(i);
  return derive_agent_key(master, kAgent, kEpoch);
}

FrameHeader header(FrameType type, uint8_t flags, uint64_t packet) {
  const bool from_server = type == FrameType::kAck || type == FrameType::kRequest;
  return {type, kEpoch, flags, kAgent, from_server ? kRun : kSession, packet};
}

Key256 key_of(FrameType type) {
  const bool from_server = type == FrameType::kAck || type == FrameType::kRequest;
  return from_server ? derive_reply_key(agent_key(), kSession, kRun) : derive_session_key(agent_key(), kSession);
}

// A whole datagram with `body`: the same as the golden one, which opens to the same body.
template <class Body>
Body through_golden(const std::string& name, const FrameHeader& head, const Body& made, Bytes& body) {
  Aes256Gcm cipher;
  Bytes encoded;
  made.encode(encoded);
  Bytes datagram;
  seal_frame(cipher, key_of(head.type), head, encoded, datagram);
  const Bytes bytes = golden(DF_SOURCE_DIR, name, datagram);
  EXPECT_EQ(datagram, bytes) << name;
  const auto read = FrameHeader::decode(bytes);
  EXPECT_TRUE(read.has_value()) << name;
  EXPECT_EQ(read->type, head.type);
  EXPECT_EQ(read->key_epoch, kEpoch);
  EXPECT_EQ(read->flags, head.flags);
  EXPECT_EQ(read->agent_id, kAgent);
  EXPECT_EQ(read->session, head.session);
  EXPECT_EQ(read->packet, head.packet);
  EXPECT_TRUE(open_frame(cipher, key_of(head.type), *read, bytes, body)) << name;
  const auto out = Body::decode(body);
  EXPECT_TRUE(out.has_value()) << name;
  Bytes again;
  out->encode(again);
  EXPECT_EQ(again, body) << name;
  return *out;
}

TEST(FrameCompat, Rows) {
  Dictionary dictionary;
  dictionary.labels = {{"nsId", "ns1"}, {"vmId", "vm-1"}};
  const Bytes encoded_dictionary = dictionary.encode();
  Bytes block;
  RowBlockWriter writer(block, RowBlockWriter::Unit::kMilliseconds, from_unix_ms(1'767'225'602'000));
  Row row;
  row.reset(GroupId::kCpu, from_unix_ms(1'767'225'602'000), 3);
  row.values[0] = Value::of(12.34);
  row.values[2] = Value::of(87.66);
  writer.add(row);
  RowsBody made;
  made.spool_id = 0x5151515151515151;
  made.sent_at_ms = 1'767'225'602'013;
  made.first_sequence = 1001;
  made.lowest_kept = 990;
  made.request_id = 3;
  made.dictionary_id = dictionary_id(encoded_dictionary);
  made.dictionary = encoded_dictionary;
  made.row_block = block;
  const auto f = [&](const std::string& name, const FrameHeader& head) {
    Bytes body;
    const RowsBody out = through_golden(name, head, made, body);
    EXPECT_EQ(out.spool_id, made.spool_id);
    EXPECT_EQ(out.sent_at_ms, made.sent_at_ms);
    EXPECT_EQ(out.first_sequence, 1001u);
    EXPECT_EQ(out.lowest_kept, 990u);
    EXPECT_EQ(out.request_id, 3u);
    EXPECT_EQ(dictionary_id(out.dictionary), out.dictionary_id);
    EXPECT_TRUE(RowBlockReader(out.row_block).next().has_value());
  };
  f("frame_rows_sealed", header(FrameType::kRows, FrameHeader::kAckNow, 17));
  f("frame_rows_plain", header(FrameType::kRows, FrameHeader::kPlain, 18));
  RowsBody none;
  none.spool_id = made.spool_id;
  none.sent_at_ms = made.sent_at_ms;
  none.dictionary_id = made.dictionary_id;
  Bytes body;
  EXPECT_TRUE(through_golden("frame_keep_alive", header(FrameType::kKeepAlive, 0, 19), none, body).row_block.empty());
}

TEST(FrameCompat, Ack) {
  AckBody made;
  made.spool_id = 0x5151515151515151;
  made.cumulative = 1000;
  made.ranges = {{1003, 1003}, {1010, 1500}};
  made.refused = {{RefusalCause::kTooOld, 5}, {RefusalCause::kNotAllowed, 300}};
  made.unknown_dictionaries = {0x1122334455667788};
  made.frames_per_s_max = 50;
  made.session_too_old = true;
  made.settings = {4, {{"agent_interval", "2s"}, {"groups", "cpu,memory"}}};
  Bytes body;
  const AckBody out = through_golden("frame_ack", header(FrameType::kAck, 0, 1), made, body);
  EXPECT_EQ(out.spool_id, made.spool_id);
  EXPECT_EQ(out.cumulative, made.cumulative);
  EXPECT_EQ(out.ranges, made.ranges);
  EXPECT_EQ(out.refused, made.refused);
  EXPECT_EQ(out.unknown_dictionaries, made.unknown_dictionaries);
  EXPECT_EQ(out.frames_per_s_max, 50u);
  EXPECT_TRUE(out.session_too_old);
  EXPECT_EQ(out.settings, made.settings);
}

TEST(FrameCompat, AckOfARotationAndARevocation) {
  AckBody made;
  made.next_key = NextKey{8, Key256{1, 2, 3}};
  made.standing = AgentStanding::kRevoked;
  Bytes body;
  const AckBody out = through_golden("frame_ack_standing", header(FrameType::kAck, 0, 2), made, body);
  EXPECT_EQ(out.next_key, made.next_key);
  EXPECT_EQ(out.standing, AgentStanding::kRevoked);
}

TEST(FrameCompat, Request) {
  RequestBody made;
  made.request_id = 3;
  made.groups = {1, 5, 64};
  Bytes body;
  const RequestBody out = through_golden("frame_request", header(FrameType::kRequest, 0, 2), made, body);
  EXPECT_EQ(out.request_id, 3u);
  EXPECT_EQ(out.kind, RequestBody::Kind::kSampleNow);
  EXPECT_EQ(out.groups, made.groups);
}

TEST(FrameCompat, Report) {
  const ReportBody made{0x89abcdef,
                        4000,
                        {{"agent_interval", SettingOutcome::kApplied},
                         {"groups", SettingOutcome::kUnknown},
                         {"pinned", SettingOutcome::kPinned},
                         {"refused", SettingOutcome::kRefused}}};
  Bytes body;
  EXPECT_EQ(through_golden("frame_report", header(FrameType::kReport, 0, 20), made, body), made);
}

// A server that forgets its versions must come to the same ones.
TEST(FrameCompat, SettingsVersion) {
  const std::vector<std::pair<std::string, std::string>> values = {{"agent_interval", "4s"}};
  EXPECT_EQ(settings_version(values), kSettingsVersion);
}

TEST(FrameCompat, SequenceSet) {
  SequenceSet made;
  made.add(1, 40);
  made.add(45, 45);
  made.add(100, 1'000'000);
  Bytes encoded;
  ByteWriter writer(encoded);
  made.encode(writer);
  const Bytes bytes = golden(DF_SOURCE_DIR, "sequence_set", encoded);
  ByteReader in(bytes);
  SequenceSet out;
  ASSERT_TRUE(SequenceSet::decode(in, out));
  EXPECT_EQ(out, made);
  EXPECT_EQ(encoded, bytes);
}

TEST(FrameCompat, KeyFile) {
  const AgentKey made{kAgent, kEpoch, agent_key(), "ns1", "mcis-1", "vm-1"};
  const std::string text = format_agent_key(made);
  const Bytes bytes = golden(DF_SOURCE_DIR, "key_file", Bytes(text.begin(), text.end()));
  EXPECT_EQ(as_text(bytes), text);
  const auto keys = parse_key_file(as_text(bytes));
  ASSERT_TRUE(keys && keys->size() == 1);
  EXPECT_EQ(keys->front().key, made.key);
}

TEST(FrameCompat, KeyFileOfWhoEnrolled) {
  AgentKey made{kAgent, kEpoch, agent_key(), "ns1", "mcis-1", "vm-1"};
  made.enrolment = AgentEnrolment{"192.0.2.10:8094",
                                  "https://192.0.2.10:9090",
                                  {"0123456789abcdef", "", "fedcba9876543210"},
                                  {{0x30, 0x03, 0x02, 0x01, 0x07}, {0x30, 0x00}}};
  const std::string text = format_agent_key(made);
  const Bytes bytes = golden(DF_SOURCE_DIR, "key_file_enrolled", Bytes(text.begin(), text.end()));
  EXPECT_EQ(as_text(bytes), text);
  const auto keys = parse_key_file(as_text(bytes));
  ASSERT_TRUE(keys && keys->size() == 1);
  EXPECT_EQ(keys->front().enrolment, made.enrolment);
}

}  // namespace
}  // namespace dragonfly
