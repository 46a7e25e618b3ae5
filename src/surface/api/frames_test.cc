#include <gmock/gmock.h>

#include "model/frame/frame_batch.h"
#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

class FramesTest : public ApiFixture {
 protected:
  FramesTest() : ApiFixture(GateOptions{false, 1}) {}
  static Bytes datagram(uint64_t agent) {
    Bytes out(60, 3);
    FrameHeader header;
    header.agent_id = agent;
    header.session = header.packet = 1;
    header.encode(std::span<uint8_t, kFrameHeaderBytes>(out.data(), kFrameHeaderBytes));
    return out;
  }
  static std::string batch(size_t count) {
    Bytes out;
    for (size_t i = 0; i < count; ++i) add_to_batch(datagram(7), out);
    return std::string(as_text(out));
  }
  HttpResponse post(const std::string& sent) { return ask("/api/v1/frames", {}, "POST", sent); }
};

TEST_F(FramesTest, ABatchGoesInAndABatchComesOut) {
  frames.answer = std::vector<Bytes>{datagram(7), datagram(7)};
  for (int i = 0; i < 20; ++i) {  // Nobody's rate: many agents share an address.
    const HttpResponse got = post(batch(3));
    ASSERT_EQ(got.status, 200);
    EXPECT_EQ(got.content_type, "application/octet-stream");
    EXPECT_EQ(got.body, batch(2));
  }
  EXPECT_EQ(frames.taken.agent_id, 7u);
  EXPECT_EQ(frames.taken.datagrams.size(), 3u);
  EXPECT_EQ(frames.taken.remote, "192.0.2.1:5000");
  EXPECT_EQ(post("").status, 200);
}

TEST_F(FramesTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(post("x").status, 400);
  EXPECT_THAT(post("x").body, HasSubstr("byte 0"));
  EXPECT_EQ(post(batch(65)).status, 400);
  EXPECT_EQ(post(std::string(kBatchBytesMax + 1, 'x')).status, 413);
  EXPECT_EQ(ask("/api/v1/frames?x=1", {}, "POST", batch(1)).status, 400);
  const auto f = [&](ErrorCode code, int status, const std::string& retry_after) {
    frames.answer = fail(code, "why");
    const HttpResponse got = post(batch(1));
    EXPECT_EQ(got.status, status);
    EXPECT_EQ(header(got, "Retry-After"), retry_after);
    EXPECT_THAT(got.body, HasSubstr("why"));
  };
  f(ErrorCode::kUnauthenticated, 401, "");
  f(ErrorCode::kUnavailable, 503, "2");
  f(ErrorCode::kNoSpace, 507, "2");
}

}  // namespace
}  // namespace dragonfly
