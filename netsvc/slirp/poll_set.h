#ifndef SLUICE_NETSVC_SLIRP_POLL_SET_H_
#define SLUICE_NETSVC_SLIRP_POLL_SET_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// The descriptors that a poll-style library names anew before each wait, kept in
// an epoll instance that is changed by the difference alone.
//
//   Begin(); Add(fd, events)...; End();   before the wait
//   Harvest(); Ready(fd)...;              after it
//
// Events are epoll's. One thread.
class PollSet {
 public:
  absl::Status Open();

  // Readable (EPOLLIN) while a descriptor of the set is ready.
  int fd() const { return epoll_.get(); }

  void Begin() { ++round_; }
  void Add(int fd, uint32_t events);
  void End();

  void Harvest();
  // What Harvest found; 0 for a descriptor that is not ready or not in the set.
  uint32_t Ready(int fd) const;

  // `fd` is about to be closed or replaced.
  void Forget(int fd);

 private:
  struct Entry {
    uint32_t registered = 0;  // events that epoll knows; 0: not in it
    uint32_t round = 0;       // when it was last named
    uint32_t ready = 0;
    uint32_t ready_round = 0;
  };

  Entry& At(int fd);

  UniqueFd epoll_;
  uint32_t round_ = 0;
  std::vector<Entry> entries_;  // by descriptor
  std::vector<int> registered_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_SLIRP_POLL_SET_H_
