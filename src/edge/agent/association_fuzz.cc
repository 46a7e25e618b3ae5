// Datagrams of a server to a plain agent, so that their bodies are reached: lengths are u16 before each.
#include <cstdlib>

#include "edge/agent/association.h"

namespace dragonfly {
namespace {

struct Checked final : DatagramSink {
  void send(ByteView datagram) override {
    if (datagram.size() > kFrameBytesMax) std::abort();
  }
};

void run(ByteView input) {
  SeededRandom random(1);
  Checked sink;
  Moment now{from_unix_ms(1'800'000'000'000), MonotonicTime(1s)};
  AgentIdentity identity;
  identity.agent_id = 1;
  Association association(identity, Dictionary{}, {.bytes_max = 4096, .age_max = 1min}, random, sink, nullptr, now);
  ByteReader in(input);
  while (in.remaining() > 2) {
    Row row;
    row.reset(GroupId::kCpufreq, now.wall, 1);
    row.values[0] = Value::of(1.0);
    association.tick({&row, 1}, {}, now);
    // A header that fits, so that chance need not find it; the rest is the input's.
    const ByteView body = in.bytes(std::min<size_t>(in.u16() % 1100, in.remaining()));
    FrameHeader header;
    header.type = body.size() % 2 == 0 ? FrameType::kAck : FrameType::kRequest;
    header.flags = FrameHeader::kPlain;
    header.agent_id = 1;
    header.session = 1;
    header.packet = static_cast<uint64_t>(in.remaining() + 1);
    Aes256Gcm cipher;
    Bytes datagram;
    seal_frame(cipher, {}, header, body, datagram);
    association.received(datagram, now);
    association.received(body, now);
    while (const auto request = association.next_request()) association.answer(request->id, {&row, 1}, now);
    now.monotonic += 500ms;
    now.wall += 500ms;
    association.timer(now);
    if (association.next_timer(now.monotonic) <= now.monotonic - 1s) std::abort();
  }
}

}  // namespace
}  // namespace dragonfly

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dragonfly::run({data, size});
  return 0;
}
