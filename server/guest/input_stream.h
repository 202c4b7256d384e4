#ifndef SLUICE_SERVER_GUEST_INPUT_STREAM_H_
#define SLUICE_SERVER_GUEST_INPUT_STREAM_H_

#include <functional>
#include <memory>
#include <string>

#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/event_loop.h"
#include "server/guest/terminal_size.h"

namespace sluice {

// What a program reads from. On the loop's thread, which outlives it.
class InputStream {
 public:
  // The writing end of a pipe, or a terminal's master, which is made
  // non-blocking.
  InputStream(EventLoop& loop, UniqueFd fd);

  // Calls back once `data` is in the pipe, or nobody reads it any more. One at
  // a time.
  void Write(const std::string& data, std::function<void()> callback);

  // No more comes, as soon as what is under way is written: closes a pipe, or
  // types what ends the input at a terminal.
  void End();

  // Nothing where it is no terminal.
  void Resize(TerminalSize size);

  // What is under way is lost, and its callback called.
  void Close();
  // Likewise, but the callback is not called.
  void Abandon();

 private:
  void Continue();
  std::string EndOfInput() const;

  EventLoop& loop_;
  UniqueFd fd_;
  const bool is_terminal_;
  std::unique_ptr<EventLoop::Handle> watch_;
  std::string data_;
  size_t written_ = 0;  // of data_
  std::function<void()> taken_;
  bool line_is_open_ = false;  // what was written last does not end a line
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_INPUT_STREAM_H_
