#ifndef SLUICE_SERVER_ACCESS_STRANGERS_H_
#define SLUICE_SERVER_ACCESS_STRANGERS_H_

#include <cstddef>
#include <deque>

#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Connections of users who may not call, open for a moment so that each of their
// calls is answered: a client that was hung up on would not know why. Times are
// Clock::Monotonic(). One thread.
class Strangers {
 public:
  static constexpr size_t kMax = 16;  // at once, of all users together
  static constexpr absl::Duration kTime = absl::Seconds(5);

  // Whoever serves `connection` closes its own descriptor. False, and nothing is done,
  // where there are kMax.
  bool Take(int connection, absl::Duration now);
  // Ends those whose time is over. Returns when it is to be called again; infinite
  // where there are none.
  absl::Duration EndOld(absl::Duration now);

 private:
  struct Connection {
    UniqueFd copy;  // of the descriptor, which is another's by then
    absl::Duration end;
  };

  std::deque<Connection> open_;  // the oldest first
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_STRANGERS_H_
