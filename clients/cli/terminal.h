#ifndef SLUICE_CLIENTS_CLI_TERMINAL_H_
#define SLUICE_CLIENTS_CLI_TERMINAL_H_

#include <termios.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clients/cli/top_screen.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::cli {

// A terminal that a command has for itself: its other screen, keys as they are
// pressed, no cursor. Destroying it gives it back as it was. It blocks SIGINT,
// SIGTERM, SIGHUP and SIGWINCH for the process, so it is made before any other
// thread. One thread.
class Terminal {
 public:
  // FailedPrecondition where standard input or output is none.
  static absl::StatusOr<std::unique_ptr<Terminal>> Open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // As it is now.
  ScreenSize size() const;

  // Shows `lines` and nothing else, the first in reverse. An error: the terminal is
  // gone.
  absl::Status Draw(const std::vector<std::string>& lines);

  enum class Wake { kTime, kResized, kQuit };
  // Until `deadline`, another size, or the end: q, Ctrl-C, or a signal.
  Wake Wait(absl::Time deadline);

 private:
  Terminal(const termios& before, UniqueFd signals) : before_(before), signals_(std::move(signals)) {}

  const termios before_;
  const UniqueFd signals_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TERMINAL_H_
