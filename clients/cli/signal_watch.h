#ifndef SLUICE_CLIENTS_CLI_SIGNAL_WATCH_H_
#define SLUICE_CLIENTS_CLI_SIGNAL_WATCH_H_

#include <functional>
#include <mutex>
#include <thread>

#include "netsvc/base/unique_fd.h"

namespace sluice::cli {

// Turns SIGINT, SIGTERM, SIGHUP and SIGQUIT into a call, so that what was begun can be
// taken back. It blocks them for the process, so it is made before any other
// thread; it also has SIGPIPE and SIGTTIN ignored, which then show as errors of
// write and read. Lives on the main thread until the process is about to end.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // The first signal that came; 0 while none has. Any thread.
  int caught() const;

  // `handler` is called once, at the first signal: on the watch's thread, or
  // here and now where it came already. Replaces the handler before; an empty
  // one takes it away, and on return none is running.
  void OnSignal(std::function<void()> handler);

 private:
  void Run();

  UniqueFd signals_;
  UniqueFd stop_;
  mutable std::mutex mutex_;
  int caught_ = 0;                 // guarded by mutex_
  std::function<void()> handler_;  // guarded by mutex_; called under it
  std::thread thread_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_SIGNAL_WATCH_H_
