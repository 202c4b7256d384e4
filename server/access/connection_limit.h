#ifndef SLUICE_SERVER_ACCESS_CONNECTION_LIMIT_H_
#define SLUICE_SERVER_ACCESS_CONNECTION_LIMIT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace sluice {

// How many connections each user of this host has open, and may have. Whoever
// serves a connection closes its descriptor and tells nobody: so each is known by
// its descriptor and the number that the kernel gave the socket, and is open as long
// as that descriptor is that socket. One thread.
class ConnectionLimit {
 public:
  explicit ConnectionLimit(size_t max_of_one) : max_of_one_(max_of_one) {}

  // One more of `uid`, open until the descriptor is closed. False where there are as
  // many as there may be; looks for ended ones only then.
  bool Take(uid_t uid, int connection);

 private:
  struct Connection {
    int descriptor;
    uint64_t cookie;  // SO_COOKIE, socket(7)
  };

  static uint64_t CookieOf(int descriptor);

  const size_t max_of_one_;
  std::map<uid_t, std::vector<Connection>> of_user_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_CONNECTION_LIMIT_H_
