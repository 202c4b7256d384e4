#include "server/access/strangers.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <utility>

namespace sluice {
namespace {

bool IsClosed(const UniqueFd& connection) {
  pollfd waiting = {connection.get(), POLLRDHUP, 0};
  return poll(&waiting, 1, 0) == 1;
}

}  // namespace

bool Strangers::Take(int connection, absl::Duration now) {
  EndOld(now);
  std::erase_if(open_, [](const Connection& of) { return IsClosed(of.copy); });
  if (open_.size() >= kMax) return false;
  UniqueFd copy(fcntl(connection, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return false;
  open_.push_back({.copy = std::move(copy), .end = now + kTime});
  return true;
}

absl::Duration Strangers::EndOld(absl::Duration now) {
  for (; !open_.empty() && open_.front().end <= now; open_.pop_front()) shutdown(open_.front().copy.get(), SHUT_RDWR);
  return open_.empty() ? absl::InfiniteDuration() : open_.front().end;
}

}  // namespace sluice
