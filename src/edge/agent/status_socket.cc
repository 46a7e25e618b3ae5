#include "edge/agent/status_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace dragonfly {
namespace {

constexpr const char* kName = "status.sock";
constexpr int kWaiting = 8;
constexpr size_t kStatusBytesMax = 64 * 1024;
constexpr time_t kAnswerWithinS = 10;  // The agent may be waiting for a disk.

Result<sockaddr_un> address_of(const Path& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof out.sun_path) {
    return fail(ErrorCode::kInvalidArgument, "{} is too long for a socket; at most {} bytes are allowed", path.native(),
                sizeof out.sun_path - 1);
  }
  std::memcpy(out.sun_path, path.c_str(), path.native().size());
  return out;
}

const sockaddr* as_address(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

Result<StatusSocket> StatusSocket::open(const Path& directory) {
  const Path path = directory / kName;
  const auto address = address_of(path);
  if (!address) return fail(address.error());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(ErrorCode::kIo, "socket: {}", std::strerror(errno));
  StatusSocket out(descriptor, path);
  ::unlink(path.c_str());  // Of an agent that was killed; the directory's lock says that none runs.
  if (::bind(descriptor, as_address(*address), sizeof *address) != 0 || ::chmod(path.c_str(), 0600) != 0 ||
      ::listen(descriptor, kWaiting) != 0) {
    return fail(ErrorCode::kIo, "{}: {}", path.native(), std::strerror(errno));
  }
  return out;
}

StatusSocket::~StatusSocket() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(path_.c_str());
}

StatusSocket::StatusSocket(StatusSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

void StatusSocket::answer(const std::function<std::string()>& status) const {
  for (int i = 0; i < kAnswersPerTurn; ++i) {
    const int peer = ::accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer < 0) return;
    const std::string text = status();
    (void)!::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
    ::close(peer);
  }
}

Result<std::string> ask_status(const Path& directory) {
  const Path path = directory / kName;
  const auto address = address_of(path);
  if (!address) return fail(address.error());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(ErrorCode::kIo, "socket: {}", std::strerror(errno));
  const timeval wait{kAnswerWithinS, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  std::string out;
  if (::connect(descriptor, as_address(*address), sizeof *address) == 0) {
    char part[4096];
    for (ssize_t got = 0; out.size() < kStatusBytesMax && (got = ::read(descriptor, part, sizeof part)) > 0;)
      out.append(part, static_cast<size_t>(got));
  }
  const int error = errno;
  ::close(descriptor);
  if (!out.empty()) return out;
  return fail(ErrorCode::kNotFound, "no agent answers at {} ({}); is one running with --spool-dir {}?", path.native(),
              std::strerror(error), directory.native());
}

}  // namespace dragonfly
