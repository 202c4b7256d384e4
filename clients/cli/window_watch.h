#ifndef SLUICE_CLIENTS_CLI_WINDOW_WATCH_H_
#define SLUICE_CLIENTS_CLI_WINDOW_WATCH_H_

#include "netsvc/base/unique_fd.h"
#include "sluice/v1/guest_service.pb.h"

namespace sluice::cli {

// The window of the terminal that we run in, and when it is resized. Blocks
// SIGWINCH for the process, so it is made before any other thread.
class WindowWatch {
 public:
  WindowWatch();

  // Of standard output's terminal, or of standard input's; 0, where neither is
  // one.
  static v1::TerminalSize Size();

  // To be polled; readable once it was resized, until Clear().
  int fd() const { return signals_.get(); }
  void Clear() const;

 private:
  UniqueFd signals_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_WINDOW_WATCH_H_
