#include "server/access/strangers.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <utility>

namespace sluice {

bool Strangers::Take(int connection, absl::Time now) {
  EndOld(now);
  if (open_.size() >= kMax) return false;
  UniqueFd copy(fcntl(connection, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return false;
  open_.push_back({.copy = std::move(copy), .end = now + kTime});
  return true;
}

absl::Time Strangers::EndOld(absl::Time now) {
  for (; !open_.empty() && open_.front().end <= now; open_.pop_front()) shutdown(open_.front().copy.get(), SHUT_RDWR);
  return open_.empty() ? absl::InfiniteFuture() : open_.front().end;
}

}  // namespace sluice
