#ifndef SLUICE_SERVER_ACCESS_LISTENING_SOCKET_H_
#define SLUICE_SERVER_ACCESS_LISTENING_SOCKET_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// A socket that listens for callers of the API. Any thread, once made.
//
// FailedPrecondition, one sentence with the address, where it cannot be.
class ListeningSocket {
 public:
  // With `mode`. A socket that nobody answers at any more gives way. The path goes
  // with this object.
  static absl::StatusOr<ListeningSocket> Unix(const std::string& path, mode_t mode);
  // Port 0: any.
  static absl::StatusOr<ListeningSocket> Tcp(const Endpoint& endpoint);
  // Those that a service manager passed to this process (sd_listen_fds(3)), once;
  // they stay the manager's.
  static absl::StatusOr<std::vector<ListeningSocket>> Passed();

  ListeningSocket(ListeningSocket&&) = default;
  ~ListeningSocket();

  int fd() const { return fd_.get(); }
  // Of a TCP socket, with the port that was bound.
  const std::optional<Endpoint>& tcp() const { return tcp_; }
  // "unix:/run/sluice.sock", "127.0.0.1:50051".
  const std::string& name() const { return name_; }

 private:
  static absl::StatusOr<ListeningSocket> Adopt(UniqueFd fd);
  ListeningSocket(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  UniqueFd fd_;
  std::string name_;
  std::optional<Endpoint> tcp_;
  std::string path_;  // "": none that is ours to remove
  ino_t inode_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_LISTENING_SOCKET_H_
