#ifndef SLUICE_SERVER_GUEST_OUTPUT_STREAM_H_
#define SLUICE_SERVER_GUEST_OUTPUT_STREAM_H_

#include <functional>
#include <memory>
#include <optional>

#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/event_loop.h"
#include "server/guest/guest_process.h"

namespace sluice {

// What a program writes to, read a chunk at a time. On the loop's thread.
class OutputStream {
 public:
  // The reading end of a pipe, or a terminal's master, which is made
  // non-blocking; or none, which is at its end.
  OutputStream(UniqueFd fd, ProcessEvent::Kind kind);

  // What is there now; nothing where that is nothing, or the end was reached.
  std::optional<ProcessEvent> Read();

  // Calls back, in every turn, while there is something to read.
  void Await(EventLoop& loop, std::function<void()> callback);
  void StopAwaiting() { watch_ = nullptr; }

  // The program has ended: what others write from now on is not its output.
  void KeepWhatIsThere();
  void Close();

 private:
  static constexpr size_t kUnlimited = SIZE_MAX;

  UniqueFd fd_;
  const ProcessEvent::Kind kind_;
  size_t left_ = kUnlimited;  // to be read
  std::unique_ptr<EventLoop::Handle> watch_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_OUTPUT_STREAM_H_
