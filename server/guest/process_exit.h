#ifndef SLUICE_SERVER_GUEST_PROCESS_EXIT_H_
#define SLUICE_SERVER_GUEST_PROCESS_EXIT_H_

#include <signal.h>

namespace sluice {

// How a process ended; a value.
struct ProcessExit {
  int code = 0;    // 0 where a signal ended it
  int signal = 0;  // 0 where it exited by itself
  // False where it was not this server's child: nobody knows how it ended.
  bool known = true;

  friend bool operator==(const ProcessExit&, const ProcessExit&) = default;
};

// What waitid(2) said with WEXITED.
inline ProcessExit ToProcessExit(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status};
  return {.signal = info.si_status};
}

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_PROCESS_EXIT_H_
