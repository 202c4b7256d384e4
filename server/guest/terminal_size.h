#ifndef SLUICE_SERVER_GUEST_TERMINAL_SIZE_H_
#define SLUICE_SERVER_GUEST_TERMINAL_SIZE_H_

#include <cstdint>

namespace sluice {

// Of a terminal's window, in characters; a value. A winsize holds 16 bits of each
// (tty_ioctl(4)).
struct TerminalSize {
  uint16_t columns = 80;
  uint16_t rows = 24;

  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_TERMINAL_SIZE_H_
