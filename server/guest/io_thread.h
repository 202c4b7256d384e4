#ifndef SLUICE_SERVER_GUEST_IO_THREAD_H_
#define SLUICE_SERVER_GUEST_IO_THREAD_H_

#include <functional>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/epoll_loop.h"
#include "server/base/mutex.h"
#include "server/guest/process_exit.h"

namespace sluice {

// One thread with an event loop: it moves the output of every guest's programs
// and reaps them. Signals are blocked on it, SIGPIPE with them.
//
// Outlives whatever watches its loop. Destruction joins the thread; work that is
// posted from then on is dropped.
class IoThread {
 public:
  static absl::StatusOr<std::unique_ptr<IoThread>> Start();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;
  ~IoThread();

  // Runs `work` on the thread, in the order of the calls. Any thread. Each
  // caller has a bounded number under way: a process's next chunk, its input.
  void Post(std::function<void()> work);

  // Reaps (where it is this process's to reap) the child or orphan behind `pidfd` when it ends and calls
  // back on the thread. Until then its number is nobody else's. Any thread.
  void ReapOnExit(UniqueFd pidfd, std::function<void(ProcessExit)> callback);

  // On the thread only.
  EventLoop& loop() { return *loop_; }

 private:
  struct Reaping {
    UniqueFd pidfd;
    std::function<void(ProcessExit)> callback;
    std::unique_ptr<EventLoop::Handle> watch;
  };

  IoThread(std::unique_ptr<EpollLoop> loop, UniqueFd wake);

  void Main();
  void RunPosted();
  void Reap(std::list<Reaping>::iterator reaping);

  const std::unique_ptr<EpollLoop> loop_;
  const UniqueFd wake_;  // an eventfd: something was posted
  std::unique_ptr<EventLoop::Handle> wake_watch_;
  std::list<Reaping> reapings_;  // on the thread
  Mutex mutex_;
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_IO_THREAD_H_
