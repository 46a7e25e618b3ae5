// UdpSocket: datagrams in batches.
//
// Units      sizes in bytes.
// Ownership  owns its descriptor. Received payloads live in the batch's own buffers until its next receive.
// Threading  one thread.
// Errors     open: kInvalidArgument, kPermissionDenied, kAlreadyExists (address in use), kIo; they name the address.
//            receive and send never fail: what the kernel refuses is counted in the result.
// Limits     kBatch datagrams a call; a datagram longer than kDatagramBytesMax is cut and marked.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/core/bytes.h"
#include "base/net/endpoint.h"

namespace dragonfly {

inline constexpr size_t kDatagramBytesMax = 65'536;

struct UdpOptions {
  Endpoint bind;
  int receive_buffer_bytes = 0;  // 0 = the kernel's default; SO_RCVBUFFORCE where allowed, else SO_RCVBUF.
  bool reuse_port = false;       // Several sockets on one port, one per shard.
};

class ReceiveBatch {
 public:
  static constexpr size_t kBatch = 64;
  struct Datagram {
    ByteView payload;
    const Endpoint* source;
    bool truncated;
  };
  // `bytes_max` of payload are kept of each datagram.
  explicit ReceiveBatch(size_t bytes_max);
  ~ReceiveBatch();
  size_t size() const { return size_; }
  Datagram operator[](size_t i) const;

 private:
  friend class UdpSocket;
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  size_t size_ = 0;
};

struct OutgoingDatagram {
  Endpoint to;
  Bytes payload;
};

// Datagrams in the making; what was cleared keeps its memory for the next.
class OutgoingBatch {
 public:
  // Its payload, empty. Valid until the next add().
  Bytes& add(const Endpoint& to) {
    if (size_ == datagrams_.size()) datagrams_.emplace_back();
    OutgoingDatagram& datagram = datagrams_[size_++];
    datagram.to = to;
    datagram.payload.clear();
    return datagram.payload;
  }
  std::span<const OutgoingDatagram> datagrams() const { return {datagrams_.data(), size_}; }
  bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }

 private:
  std::vector<OutgoingDatagram> datagrams_;
  size_t size_ = 0;
};

class UdpSocket {
 public:
  static Result<UdpSocket> open(const UdpOptions& options);
  // Takes over a bound socket, as a service manager passes it.
  static UdpSocket adopt(int descriptor);
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;
  ~UdpSocket();

  // Of `count` sockets bound in order with reuse_port, steers a datagram to socket (8-byte little-endian field at
  // byte 8) mod 2^32 mod count when byte 0 is `version`, every other one to socket 0. Classic BPF: no privilege.
  // False where the kernel refuses; datagrams then arrive anywhere.
  bool steer_by_agent_id(uint8_t version, uint32_t count);

  // Without blocking; fills `batch`, returns how many (0 = nothing waits).
  size_t receive(ReceiveBatch& batch);
  // Returns how many the kernel took; the rest is lost, as datagrams are.
  size_t send(std::span<const OutgoingDatagram> datagrams);
  bool send(const Endpoint& to, ByteView payload);

  Endpoint local() const;
  int descriptor() const { return descriptor_; }
  // Datagrams that the kernel dropped because the receive buffer was full, since open (SO_RXQ_OVFL).
  uint64_t kernel_drops() const { return kernel_drops_; }

 private:
  explicit UdpSocket(int descriptor);
  int descriptor_ = -1;
  uint64_t kernel_drops_ = 0;
};

}  // namespace dragonfly
