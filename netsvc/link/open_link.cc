#include "netsvc/link/open_link.h"

#include <sys/socket.h>

#include <utility>

#include "netsvc/link/datagram_link.h"
#include "netsvc/link/stream_link.h"
#include "netsvc/link/tap_link.h"

namespace sluice::link {
namespace {

int Option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  getsockopt(fd, SOL_SOCKET, name, &value, &size);
  return value;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Link>> OpenLink(UniqueFd fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) < 0) return TapLink::Create(std::move(fd));
  if (Option(fd.get(), SO_DOMAIN) != AF_UNIX) return absl::InvalidArgumentError("the link is not a Unix socket");
  if (type == SOCK_SEQPACKET) return DatagramLink::Create(std::move(fd));
  if (type == SOCK_STREAM && Option(fd.get(), SO_ACCEPTCONN) != 0) return StreamLink::Create(std::move(fd));
  return absl::InvalidArgumentError("the link's socket neither listens nor tells of VMMs");
}

}  // namespace sluice::link
