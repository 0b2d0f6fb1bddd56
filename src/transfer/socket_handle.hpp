// A second descriptor of a loop's socket, for threads of disks, which wait for nothing. It outlives
// the socket's own; whoever closes that one shuts the socket down first, so that no peer is kept
// waiting by a thread that holds this one.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/file.hpp"

namespace minidfs::transfer {

class SocketHandle {
 public:
  // Of `socket`, which is always the same; `name` is for the error.
  Result<std::shared_ptr<UniqueFd>> of(int socket, const std::string& name) {
    if (!handle_) {
      const int handle = ::fcntl(socket, F_DUPFD_CLOEXEC, 3);
      if (handle < 0) return errno_error(errno, name);
      handle_ = std::make_shared<UniqueFd>(handle);
    }
    return handle_;
  }

  // Lets go of it. Whether there was one.
  bool drop() { return std::exchange(handle_, nullptr) != nullptr; }

 private:
  std::shared_ptr<UniqueFd> handle_;  // None until it is asked for.
};

}  // namespace minidfs::transfer
