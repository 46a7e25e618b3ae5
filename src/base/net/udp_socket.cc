#include "base/net/udp_socket.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

ErrorCode code_of(int error) {
  switch (error) {
    case EADDRINUSE: return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM: return ErrorCode::kPermissionDenied;
    case EADDRNOTAVAIL:
    case EINVAL:
    case EAFNOSUPPORT: return ErrorCode::kInvalidArgument;
    default: return ErrorCode::kIo;
  }
}

bool set_option(int descriptor, int level, int name, int value) {
  return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

void set_receive_buffer(int descriptor, int bytes) {
  // The first needs CAP_NET_ADMIN, the second is cut to net.core.rmem_max; a smaller buffer is no reason to stop.
  if (!set_option(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set_option(descriptor, SOL_SOCKET, SO_RCVBUF, bytes);
}

constexpr size_t kControlBytes = CMSG_SPACE(sizeof(uint32_t));  // The drop counter.

}  // namespace

struct ReceiveBatch::Buffers {
  explicit Buffers(size_t bytes)
      : bytes_max(bytes), payload(std::make_unique_for_overwrite<uint8_t[]>(bytes * kBatch)) {}
  const size_t bytes_max;
  std::unique_ptr<uint8_t[]> payload;
  std::array<mmsghdr, kBatch> headers{};
  std::array<iovec, kBatch> pieces{};
  std::array<sockaddr_in6, kBatch> addresses{};
  std::array<Endpoint, kBatch> sources{};
  alignas(cmsghdr) std::array<std::array<uint8_t, kControlBytes>, kBatch> controls{};
};
static_assert(kControlBytes % alignof(cmsghdr) == 0);

ReceiveBatch::ReceiveBatch(size_t bytes_max)
    : buffers_(std::make_unique<Buffers>(std::clamp<size_t>(bytes_max, 1, kDatagramBytesMax))) {}

ReceiveBatch::~ReceiveBatch() = default;

ReceiveBatch::Datagram ReceiveBatch::operator[](size_t i) const {
  DF_ASSERT(i < size_);
  const mmsghdr& header = buffers_->headers[i];
  return {ByteView(buffers_->payload.get() + i * buffers_->bytes_max, header.msg_len), &buffers_->sources[i],
          (header.msg_hdr.msg_flags & MSG_TRUNC) != 0};
}

Result<UdpSocket> UdpSocket::open(const UdpOptions& options) {
  const int family = options.bind.address()->sa_family;
  if (family != AF_INET && family != AF_INET6)
    return fail(ErrorCode::kInvalidArgument, "udp: no address to bind to was given");
  const std::string name = options.bind.to_string();
  const auto refused = [&](const char* what) {
    return fail(code_of(errno), "udp {}: {}: {}", name, what, std::generic_category().message(errno));
  };
  const int descriptor = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return refused("socket");
  UdpSocket socket(descriptor);
  // [::] takes IPv4 as well, whatever net.ipv6.bindv6only says.
  if (family == AF_INET6 && !set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0)) return refused("IPV6_V6ONLY");
  if (options.reuse_port && !set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)) return refused("SO_REUSEPORT");
  if (options.receive_buffer_bytes > 0) set_receive_buffer(descriptor, options.receive_buffer_bytes);
  set_option(descriptor, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (::bind(descriptor, options.bind.address(), options.bind.length()) != 0) return refused("bind");
  return socket;
}

UdpSocket UdpSocket::adopt(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  set_option(descriptor, SOL_SOCKET, SO_RXQ_OVFL, 1);
  return UdpSocket(descriptor);
}

UdpSocket::UdpSocket(int descriptor) : descriptor_(descriptor) {}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), kernel_drops_(other.kernel_drops_) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(kernel_drops_, other.kernel_drops_);
  return *this;
}

UdpSocket::~UdpSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool UdpSocket::steer_by_agent_id(uint8_t version, uint32_t count) {
  DF_ASSERT(count > 0);
  // Loads are big-endian, so the little-endian field is put together from its bytes. A datagram that is too short ends
  // the program at the load with 0, that is socket 0.
  const sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, version, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 11),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 8),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 10),
      BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 8),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
      BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 8),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8),
      BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
      BPF_STMT(BPF_RET | BPF_A, 0),
  };
  sock_fprog filter{};
  filter.len = std::size(program);
  filter.filter = const_cast<sock_filter*>(program);
  return ::setsockopt(descriptor_, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) == 0;
}

size_t UdpSocket::receive(ReceiveBatch& batch) {
  ReceiveBatch::Buffers& buffers = *batch.buffers_;
  batch.size_ = 0;
  for (size_t i = 0; i < ReceiveBatch::kBatch; ++i) {
    buffers.pieces[i] = {buffers.payload.get() + i * buffers.bytes_max, buffers.bytes_max};
    msghdr& header = buffers.headers[i].msg_hdr;
    header = {};
    header.msg_name = &buffers.addresses[i];
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_iov = &buffers.pieces[i];
    header.msg_iovlen = 1;
    header.msg_control = buffers.controls[i].data();
    header.msg_controllen = kControlBytes;
  }
  int got = 0;
  do {
    got = ::recvmmsg(descriptor_, buffers.headers.data(), ReceiveBatch::kBatch, MSG_DONTWAIT, nullptr);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return 0;
  batch.size_ = static_cast<size_t>(got);
  for (size_t i = 0; i < batch.size_; ++i) {
    msghdr& header = buffers.headers[i].msg_hdr;
    buffers.sources[i] = Endpoint(static_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
      if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SO_RXQ_OVFL) continue;
      uint32_t drops = 0;
      std::memcpy(&drops, CMSG_DATA(control), sizeof drops);
      kernel_drops_ += drops - static_cast<uint32_t>(kernel_drops_);  // The kernel's counter has 32 bits and wraps.
    }
  }
  return batch.size_;
}

size_t UdpSocket::send(std::span<const OutgoingDatagram> datagrams) {
  constexpr size_t kBatch = ReceiveBatch::kBatch;
  size_t taken = 0;
  while (!datagrams.empty()) {
    std::array<mmsghdr, kBatch> headers{};
    std::array<iovec, kBatch> pieces{};
    const size_t count = std::min(datagrams.size(), kBatch);
    for (size_t i = 0; i < count; ++i) {
      const OutgoingDatagram& datagram = datagrams[i];
      pieces[i] = {const_cast<uint8_t*>(datagram.payload.data()), datagram.payload.size()};
      msghdr& header = headers[i].msg_hdr;
      header.msg_name = const_cast<sockaddr*>(datagram.to.address());
      header.msg_namelen = datagram.to.length();
      header.msg_iov = &pieces[i];
      header.msg_iovlen = 1;
    }
    const int sent = ::sendmmsg(descriptor_, headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
      taken += static_cast<size_t>(sent);
      datagrams = datagrams.subspan(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      return taken;  // The send buffer is full: the rest would be refused as well.
    } else if (errno != EINTR) {
      datagrams = datagrams.subspan(1);  // Only this one is refused (no route, too long).
    }
  }
  return taken;
}

bool UdpSocket::send(const Endpoint& to, ByteView payload) {
  ssize_t sent = 0;
  do {
    sent = ::sendto(descriptor_, payload.data(), payload.size(), MSG_DONTWAIT, to.address(), to.length());
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(payload.size());
}

Endpoint UdpSocket::local() const {
  sockaddr_in6 address{};
  socklen_t length = sizeof address;
  if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return Endpoint(reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace dragonfly
