// StatusSocket: a Unix socket in the spool's directory that tells who connects how the agent is.
//
// Units      bytes.
// Ownership  owns the socket and its file, which goes with it.
// Threading  one thread.
// Errors     open(): kInvalidArgument where the path is too long for a socket, kIo. ask_status(): kNotFound where no
//            agent answers there.
// Limits     kAnswersPerTurn answers a turn; an answer that does not fit into the socket's buffer is cut.
#pragma once

#include <functional>
#include <string>

#include "base/core/result.h"
#include "base/fs/file.h"

namespace dragonfly {

class StatusSocket {
 public:
  static constexpr int kAnswersPerTurn = 4;
  static Result<StatusSocket> open(const Path& directory);
  ~StatusSocket();
  StatusSocket(StatusSocket&& other) noexcept;
  StatusSocket& operator=(StatusSocket&& other) = delete;

  int descriptor() const { return descriptor_; }
  // Answers those that wait; does not wait itself.
  void answer(const std::function<std::string()>& status) const;

 private:
  StatusSocket(int descriptor, Path path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  Path path_;
};

// What the agent whose spool is in `directory` says.
Result<std::string> ask_status(const Path& directory);

}  // namespace dragonfly
