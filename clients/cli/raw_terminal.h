#ifndef SLUICE_CLIENTS_CLI_RAW_TERMINAL_H_
#define SLUICE_CLIENTS_CLI_RAW_TERMINAL_H_

#include <termios.h>

#include <optional>

namespace sluice::cli {

// Has a terminal hand over each key as it is pressed, Ctrl-C with them, and show
// none by itself. As it was before, once this is destroyed.
class RawTerminal {
 public:
  // Does nothing where `fd` is no terminal. `fd` outlives it.
  explicit RawTerminal(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  const int fd_;
  std::optional<termios> before_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_RAW_TERMINAL_H_
