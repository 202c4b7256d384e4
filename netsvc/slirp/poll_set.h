#ifndef SLUICE_NETSVC_SLIRP_POLL_SET_H_
#define SLUICE_NETSVC_SLIRP_POLL_SET_H_

#include <cstdint>
#include <vector>

#include "netsvc/loop/event_loop.h"

namespace sluice {

// The descriptors that a poll-style library names anew before each wait, kept
// with the loop, which is told of the difference alone.
//
//   Begin(); Add(fd, events)...; End();   before the wait
//   OnReady(fd, events)...;               as the loop tells its hook
//   Ready(fd)...;                         after it
//
// Events are epoll's. One thread, the loop's; the loop outlives it.
class PollSet {
 public:
  explicit PollSet(EventLoop& loop) : loop_(loop) {}
  ~PollSet();

  void Begin() { ++round_; }
  void Add(int fd, uint32_t events);
  void End();

  void OnReady(int fd, uint32_t events);
  // 0 for a descriptor that is not ready or not in the set.
  uint32_t Ready(int fd) const;

  // `fd` is about to be closed or replaced.
  void Forget(int fd);

 private:
  struct Entry {
    uint32_t registered = 0;  // events that the loop knows; 0: none
    uint32_t round = 0;       // when it was last named
    uint32_t ready = 0;
    uint32_t ready_round = 0;
  };

  Entry& At(int fd);

  EventLoop& loop_;
  uint32_t round_ = 0;
  std::vector<Entry> entries_;  // by descriptor
  std::vector<int> registered_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_SLIRP_POLL_SET_H_
