#ifndef SLUICE_SERVER_GUEST_CONSOLE_SOCKET_H_
#define SLUICE_SERVER_GUEST_CONSOLE_SOCKET_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Where an OCI runtime hands over the master of a terminal that it made in a
// container (runc's --console-socket). One use; the file goes with it.
class ConsoleSocket {
 public:
  // Listens at `directory`/`name`, which is free and may have any length.
  static absl::StatusOr<ConsoleSocket> Make(const std::string& directory, const std::string& name);
  ConsoleSocket(ConsoleSocket&&) = default;
  ~ConsoleSocket();

  // For the runtime, which runs as this user: short enough for a socket's
  // address, and good while this object lives.
  const std::string& path() const { return path_; }

  // The terminal's master. The runtime has ended, so nothing is waited for.
  // Internal where it sent none.
  absl::StatusOr<UniqueFd> Receive() const;

 private:
  ConsoleSocket(UniqueFd directory, std::string path) : directory_(std::move(directory)), path_(std::move(path)) {}

  UniqueFd directory_;
  std::string path_;
  UniqueFd listener_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_CONSOLE_SOCKET_H_
