#ifndef SLUICE_SERVER_GUEST_NAMED_SOCKET_H_
#define SLUICE_SERVER_GUEST_NAMED_SOCKET_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// A Unix socket with a path that others connect to. The path is removed with it.
//
// Who may connect is the kernel's business: the socket has mode 0600 and belongs
// to whoever owns the directory that it stands in, so that user and root may.
// Any thread, once made.
class NamedSocket {
 public:
  // `type`: SOCK_STREAM, which listens, or SOCK_DGRAM, which is bound. `path` is
  // absolute, and its directory without symbolic links. A socket there that nobody
  // serves any more is replaced; anything else is AlreadyExists. InvalidArgument
  // where there is no such directory or the path is too long for a socket; Aborted
  // where the directory is another one by the time that the socket stands.
  static absl::StatusOr<std::unique_ptr<NamedSocket>> Make(int type, const std::string& path);
  // One that an earlier server made. NotFound where `fd` is not of the socket that
  // stands there.
  static absl::StatusOr<std::unique_ptr<NamedSocket>> Adopt(const std::string& path, UniqueFd fd);
  ~NamedSocket();
  // It stays, for whoever else holds it.
  void Leave() { left_ = true; }
  NamedSocket(const NamedSocket&) = delete;
  NamedSocket& operator=(const NamedSocket&) = delete;

  const std::string& path() const { return path_; }
  absl::StatusOr<UniqueFd> Duplicate() const;

 private:
  NamedSocket(std::string path, UniqueFd directory, UniqueFd fd, ino_t inode)
      : path_(std::move(path)), directory_(std::move(directory)), fd_(std::move(fd)), inode_(inode) {}

  const std::string path_;
  // What the path leads to may be somebody else's by the time that it is removed.
  const UniqueFd directory_;
  const UniqueFd fd_;
  bool left_ = false;
  const ino_t inode_;  // of the path: another file is not ours to remove
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_NAMED_SOCKET_H_
