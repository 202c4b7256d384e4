#include "server/access/connection_limit.h"

#include <sys/socket.h>

namespace sluice {

bool ConnectionLimit::Take(uid_t uid, int connection) {
  std::vector<Connection>& open = of_user_[uid];
  if (open.size() >= max_of_one_) {
    std::erase_if(open, [](const Connection& of) { return CookieOf(of.descriptor) != of.cookie; });
  }
  if (open.size() >= max_of_one_) return false;
  open.push_back({.descriptor = connection, .cookie = CookieOf(connection)});
  return true;
}

// 0, which the kernel gives to none, where it is no socket.
uint64_t ConnectionLimit::CookieOf(int descriptor) {
  uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

}  // namespace sluice
