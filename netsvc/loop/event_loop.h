#ifndef SLUICE_NETSVC_LOOP_EVENT_LOOP_H_
#define SLUICE_NETSVC_LOOP_EVENT_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "netsvc/base/clock.h"

namespace sluice {

// One thread's event loop: descriptors, timers, and work for the end of a turn.
//
// Everything here is called on the loop's own thread. Callbacks may register,
// cancel and post freely, their own registration included. What a call returns
// is its handle: destroying it cancels, and no callback runs afterwards. Handles
// must not outlive the loop.
class EventLoop {
 public:
  // Cancels on destruction.
  class Handle {
   public:
    virtual ~Handle() = default;
  };

  // Takes part in every turn: a library with a poll cycle of its own.
  class Hook {
   public:
    virtual ~Hook() = default;
    // Before the loop waits. Returns the longest it may wait;
    // absl::InfiniteDuration() where the hook does not care.
    virtual absl::Duration BeforeWait() = 0;
    // A descriptor of SetInterest's is ready.
    virtual void OnReady(int fd, uint32_t events) {
      static_cast<void>(fd);
      static_cast<void>(events);
    }
    // After the loop waited and ran its callbacks, timers and posted work.
    virtual void AfterWait() = 0;
  };

  virtual ~EventLoop() = default;

  virtual const Clock& clock() const = 0;

  // `callback(events)` whenever `fd` is ready; events as in epoll (EPOLLIN,
  // EPOLLOUT, ...), level-triggered. One watch a descriptor at most; the handle
  // is destroyed before the descriptor is closed.
  virtual std::unique_ptr<Handle> Watch(int fd, uint32_t events, std::function<void(uint32_t)> callback) = 0;

  // `callback()` once, `delay` from now at the earliest. Not before the current
  // callback has returned, even where `delay` is zero or less.
  virtual std::unique_ptr<Handle> RunAfter(absl::Duration delay, std::function<void()> callback) = 0;

  // `callback()` on SIGTERM, SIGINT, ... that the loop takes from the process:
  // blocked for it from this call on.
  virtual std::unique_ptr<Handle> OnSignal(int signal, std::function<void()> callback) = 0;

  // `work()` in this turn, after the callbacks that are due. Work posted by
  // posted work runs in the next turn, which then does not wait.
  virtual void Post(std::function<void()> work) = 0;

  // At most one hook; it outlives Run(). nullptr removes it.
  virtual void SetHook(Hook* hook) = 0;

  // A descriptor that Hook::OnReady is to be told of, level-triggered like a watch,
  // at less cost for who changes its mind every other turn. `was`: the events so
  // far; 0, in either place, for none. False where the kernel refuses. Before the
  // descriptor is closed its interest is taken back.
  virtual bool SetInterest(int fd, uint32_t was, uint32_t events) = 0;

  // Turns until Stop().
  virtual void Run() = 0;
  virtual void Stop() = 0;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_LOOP_EVENT_LOOP_H_
