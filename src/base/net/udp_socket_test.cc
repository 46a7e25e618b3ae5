#include "base/net/udp_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

namespace dragonfly {
namespace {

using ::testing::HasSubstr;

Endpoint at(std::string_view text) { return *Endpoint::parse(text); }

UdpSocket open_at(std::string_view bind, bool reuse_port = false) {
  UdpOptions options;
  options.bind = at(bind);
  options.reuse_port = reuse_port;
  return std::move(*UdpSocket::open(options));
}

bool readable(const UdpSocket& socket, int timeout_ms = 5000) {
  pollfd wait{socket.descriptor(), POLLIN, 0};
  return ::poll(&wait, 1, timeout_ms) == 1;
}

Bytes bytes_of(std::string_view text) { return Bytes(text.begin(), text.end()); }

TEST(UdpSocketTest, SendsAndReceivesBatches) {
  UdpSocket server = open_at("127.0.0.1:0");
  UdpSocket client = open_at("127.0.0.1:0");
  ReceiveBatch batch(1500);
  EXPECT_EQ(server.receive(batch), 0u);
  EXPECT_EQ(batch.size(), 0u);

  std::vector<OutgoingDatagram> out;
  for (int i = 0; i < 150; ++i) out.push_back({server.local(), bytes_of("datagram " + std::to_string(i))});
  EXPECT_EQ(client.send(out), 150u);
  int seen = 0;
  while (seen < 150 && readable(server)) {
    const size_t got = server.receive(batch);
    ASSERT_LE(got, ReceiveBatch::kBatch);
    for (size_t i = 0; i < got; ++i) {
      EXPECT_EQ(as_text(batch[i].payload), "datagram " + std::to_string(seen++));
      EXPECT_TRUE(*batch[i].source == client.local());
      EXPECT_FALSE(batch[i].truncated);
    }
  }
  EXPECT_EQ(seen, 150);

  EXPECT_TRUE(server.send(client.local(), as_bytes("answer")));
  ASSERT_TRUE(readable(client));
  ASSERT_EQ(client.receive(batch), 1u);
  EXPECT_EQ(as_text(batch[0].payload), "answer");
}

TEST(UdpSocketTest, LongDatagramsAreCutAndMarked) {
  UdpSocket server = open_at("127.0.0.1:0");
  UdpSocket client = open_at("127.0.0.1:0");
  EXPECT_TRUE(client.send(server.local(), as_bytes("0123456789")));
  EXPECT_TRUE(client.send(server.local(), as_bytes("01234567")));
  EXPECT_TRUE(client.send(server.local(), {}));
  ReceiveBatch batch(8);
  ASSERT_TRUE(readable(server));
  ASSERT_EQ(server.receive(batch), 3u);
  EXPECT_EQ(as_text(batch[0].payload), "01234567");
  EXPECT_TRUE(batch[0].truncated);
  EXPECT_EQ(as_text(batch[1].payload), "01234567");
  EXPECT_FALSE(batch[1].truncated);
  EXPECT_EQ(batch[2].payload.size(), 0u);
}

TEST(UdpSocketTest, WhatTheKernelRefusesIsSkipped) {
  UdpSocket server = open_at("127.0.0.1:0");
  UdpSocket client = open_at("127.0.0.1:0");
  const std::vector<OutgoingDatagram> out = {{server.local(), bytes_of("first")},
                                             {server.local(), Bytes(70'000)},  // Longer than UDP can be.
                                             {server.local(), bytes_of("second")}};
  EXPECT_EQ(client.send(out), 2u);
  ReceiveBatch batch(100);
  ASSERT_TRUE(readable(server));
  ASSERT_EQ(server.receive(batch), 2u);
  EXPECT_EQ(as_text(batch[1].payload), "second");
  EXPECT_FALSE(client.send(server.local(), Bytes(70'000)));
}

TEST(UdpSocketTest, AnyIpv6TakesIpv4AsWell) {
  UdpOptions options;
  options.bind = at("[::]:0");
  Result<UdpSocket> server = UdpSocket::open(options);
  if (!server.has_value()) GTEST_SKIP() << server.error().message;
  const Endpoint to = at("127.0.0.1:" + std::to_string(server->local().port()));
  UdpSocket client = open_at("127.0.0.1:0");
  EXPECT_TRUE(client.send(to, as_bytes("four")));
  ReceiveBatch batch(100);
  ASSERT_TRUE(readable(*server));
  ASSERT_EQ(server->receive(batch), 1u);
  EXPECT_TRUE(batch[0].source->is_loopback());
  EXPECT_EQ(batch[0].source->host(), "127.0.0.1");
  EXPECT_TRUE(server->send(*batch[0].source, as_bytes("back")));
  EXPECT_TRUE(server->send(client.local(), as_bytes("and again")));
  ASSERT_TRUE(readable(client));
  EXPECT_EQ(client.receive(batch), 2u);
}

TEST(UdpSocketTest, OpenTellsWhatIsWrong) {
  const auto f = [](const Endpoint& bind) {
    UdpOptions options;
    options.bind = bind;
    return UdpSocket::open(options);
  };
  EXPECT_EQ(f(Endpoint()).error().code, ErrorCode::kInvalidArgument);
  const UdpSocket first = open_at("127.0.0.1:0");
  const auto taken = f(first.local());
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(taken.error().message, HasSubstr(first.local().to_string()));
  const auto foreign = f(at("192.0.2.1:0"));  // TEST-NET-1, nobody's.
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, ErrorCode::kInvalidArgument);
}

TEST(UdpSocketTest, ReceiveBufferAndDropsOfTheKernel) {
  UdpOptions options;
  options.bind = at("127.0.0.1:0");
  options.receive_buffer_bytes = 8192;
  UdpSocket server = std::move(*UdpSocket::open(options));
  int bytes = 0;
  socklen_t length = sizeof bytes;
  ASSERT_EQ(::getsockopt(server.descriptor(), SOL_SOCKET, SO_RCVBUF, &bytes, &length), 0);
  EXPECT_EQ(bytes, 2 * 8192);  // The kernel doubles it for its own overhead.

  UdpSocket client = open_at("127.0.0.1:0");
  ReceiveBatch batch(1500);
  const Bytes payload(1000);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(client.send(server.local(), payload));
  size_t got = 0;
  while (readable(server, 0)) got += server.receive(batch);
  ASSERT_LT(got, 100u);
  EXPECT_TRUE(client.send(server.local(), payload));  // Carries the counter.
  ASSERT_TRUE(readable(server));
  EXPECT_EQ(server.receive(batch), 1u);
  EXPECT_EQ(server.kernel_drops(), 100 - got);
}

TEST(UdpSocketTest, AdoptsABoundSocket) {
  const UdpSocket first = open_at("127.0.0.1:0");
  UdpSocket adopted = UdpSocket::adopt(::dup(first.descriptor()));
  EXPECT_TRUE(adopted.local() == first.local());
  ReceiveBatch batch(100);
  EXPECT_EQ(adopted.receive(batch), 0u);
  UdpSocket client = open_at("127.0.0.1:0");
  EXPECT_TRUE(client.send(adopted.local(), as_bytes("x")));
  ASSERT_TRUE(readable(adopted));
  EXPECT_EQ(adopted.receive(batch), 1u);
}

Bytes frame_of(uint8_t version, uint64_t agent_id) {
  Bytes out = {version, 1, 0, 0, 0, 0, 0, 0};
  ByteWriter(out).u64(agent_id);
  out.resize(32);
  return out;
}

TEST(UdpSocketTest, SteersByAgentId) {
  constexpr uint8_t kVersion = 0x81;
  constexpr uint32_t kCount = 4;
  std::vector<UdpSocket> shards;
  shards.push_back(open_at("127.0.0.1:0", true));
  const Endpoint to = shards[0].local();
  for (uint32_t i = 1; i < kCount; ++i) shards.push_back(open_at(to.to_string(), true));
  ASSERT_TRUE(shards[0].steer_by_agent_id(kVersion, kCount));

  std::map<std::string, uint32_t> expected;
  std::vector<UdpSocket> clients;  // Many sources: without steering their hash would decide.
  for (int i = 0; i < 8; ++i) clients.push_back(open_at("127.0.0.1:0"));
  size_t sent = 0;
  const auto f = [&](Bytes payload, uint32_t shard) {
    expected[std::string(as_text(payload))] = shard;
    EXPECT_TRUE(clients[sent++ % clients.size()].send(to, payload));
  };
  for (uint64_t id = 1; id < 40; ++id) {
    const uint64_t agent_id = id * 0x9e3779b97f4a7c15u;
    f(frame_of(kVersion, agent_id), static_cast<uint32_t>(agent_id) % kCount);
  }
  f(frame_of(kVersion, 0xffffffff'00000002u), 2);
  f(frame_of(kVersion, 0x00000003'fffffffdu), 1);
  f(frame_of('{', 0x3), 0);
  f(bytes_of("{\"metrics\":[]}"), 0);
  f(bytes_of("x"), 0);
  f({}, 0);
  f(Bytes(11, kVersion), 0);  // Cut inside the agent id's low half.

  ReceiveBatch batch(100);
  size_t got = 0;
  for (uint32_t shard = 0; shard < kCount; ++shard) {
    while (readable(shards[shard], 100)) {
      const size_t count = shards[shard].receive(batch);
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(expected.at(std::string(as_text(batch[i].payload))), shard);
      got += count;
    }
  }
  EXPECT_EQ(got, sent);
}

}  // namespace
}  // namespace dragonfly
